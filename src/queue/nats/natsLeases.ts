/** Leases of NATS deliveries, extended by a thread with a connection of its own. */
import type { Duration, Layer } from "effect"
import { Worker } from "node:worker_threads"
import type { NatsSettings } from "../../nats/connectionOptions.ts"
import type { Leases } from "../Leases.ts"
import * as LeaseThread from "../LeaseThread.ts"
import type { NatsLeaseSettings } from "./natsLeaseThread.ts"

export interface Options {
  readonly nats: NatsSettings
  /** The name of the worker, for the server's list of connections. */
  readonly name: string
  /** A main thread that does not run for so long loses its leases. */
  readonly hungAfter: Duration.Duration
}

export const layer = ({ hungAfter, name, nats }: Options): Layer.Layer<Leases> =>
  LeaseThread.layer({
    backend: { nats, name: `${name}-leases` } satisfies NatsLeaseSettings,
    hungAfter,
    spawn: (workerData) => new Worker(entry, { workerData, stderr: false, stdout: false })
  })

/** It lies beside this module in the sources and in the library, and beside the bundle once built. */
const entry = new URL(
  import.meta.url.endsWith(".ts") ? "./natsLeaseThread.ts" : "./natsLeaseThread.js",
  import.meta.url
)
