/** Leases of jobs in PostgreSQL, extended by a thread with a connection of its own. */
import { type Duration, type Layer, Redacted } from "effect"
import { Worker } from "node:worker_threads"
import type { Leases } from "../Leases.ts"
import * as LeaseThread from "../LeaseThread.ts"
import type { PostgresLeaseSettings } from "./postgresLeaseThread.ts"

export interface Options {
  readonly url: Redacted.Redacted
  /** The name of the worker, for the server's list of connections. */
  readonly name: string
  /** A main thread that does not run for so long loses its leases. */
  readonly hungAfter: Duration.Duration
}

export const layer = ({ hungAfter, name, url }: Options): Layer.Layer<Leases> =>
  LeaseThread.layer({
    backend: { url: Redacted.value(url), name: `${name}-leases` } satisfies PostgresLeaseSettings,
    hungAfter,
    spawn: (workerData) => new Worker(entry, { workerData, stderr: false, stdout: false })
  })

/** It lies beside this module in the sources and in the library, and beside the bundle once built. */
const entry = new URL(
  import.meta.url.endsWith(".ts") ? "./postgresLeaseThread.ts" : "./postgresLeaseThread.js",
  import.meta.url
)
