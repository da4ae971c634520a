/** The steps of the schema, oldest first. A step that was released never changes: a correction is a step of its own. */
import { claim } from "./claim.ts"
import { enqueue } from "./enqueue.ts"
import { limits } from "./limits.ts"
import { settle } from "./settle.ts"
import { tables } from "./tables.ts"

export interface Step {
  readonly name: string
  readonly sql: string
}

export const steps: ReadonlyArray<Step> = [
  { name: "tables", sql: tables },
  { name: "enqueue", sql: enqueue },
  { name: "settle", sql: settle },
  { name: "limits and claim", sql: `${limits}${claim}` }
]

/** The version that the worker's statements need, and the oldest worker that may claim from the newest schema. */
export const protocol = 1
export const oldestWorker = 1

/** What a worker and a submitter touch, with the rights that they need. `docs/postgres-permissions.md` lists the same. */
export const tableRights: ReadonlyArray<string> = [
  "worker_jobs:SELECT,INSERT,UPDATE,DELETE",
  "worker_starts:SELECT,INSERT,DELETE",
  "worker_presence:SELECT,INSERT,UPDATE,DELETE",
  "worker_watchers:SELECT",
  "worker_crons:SELECT,UPDATE",
  "worker_limits:SELECT,UPDATE",
  "worker_pauses:SELECT",
  "worker_schema:SELECT",
  "worker_migrations:SELECT"
]
export const calledFunctions: ReadonlyArray<string> = [
  "worker_claim",
  "worker_settle",
  "worker_extend",
  "worker_give_back",
  "worker_enqueue_many"
]
