/**
 * Every setting of the worker. Environment names are those of the systems it replaces; one is canonical, the others
 * are accepted. Help, documentation and the checks all come from this table.
 */
import { nats } from "./settings/nats.ts"
import { operations } from "./settings/operations.ts"
import { jobs } from "./settings/jobs.ts"
import { server } from "./settings/server.ts"
import { tools } from "./settings/tools.ts"
import { worker } from "./settings/worker.ts"

export const settings = { ...worker, ...server, ...nats, ...jobs, ...tools, ...operations }

export type Settings = typeof settings
export type Values = { readonly [K in keyof Settings]: Settings[K]["fallback"] }
