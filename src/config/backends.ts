/**
 * The backends that a worker can be told to use, a row each: everything that depends on the choice. A name without a
 * row, or a row without a part, does not compile.
 */
import { Effect, Layer, type Redacted } from "effect"
import { randomUUID } from "node:crypto"
import * as JobControlPlane from "../control-plane/jobs/JobControlPlane.ts"
import { ControlPlane, type TlsFiles } from "../control-plane/ControlPlane.ts"
import { MemoryControlPlane } from "../control-plane/MemoryControlPlane.ts"
import * as noetlCheck from "../control-plane/noetl/check.ts"
import * as NoetlControlPlane from "../control-plane/noetl/NoetlControlPlane.ts"
import type { Check } from "../domain/Finding.ts"
import { shownUrl } from "../domain/shownUrl.ts"
import { NatsConnection } from "../nats/NatsConnection.ts"
import * as Webhook from "../jobs/webhook.ts"
import { Database } from "../postgres/Database.ts"
import { Leases } from "../queue/Leases.ts"
import { MemoryQueue } from "../queue/MemoryQueue.ts"
import type { MessageQueue } from "../queue/MessageQueue.ts"
import * as natsCheck from "../queue/nats/check.ts"
import * as NatsLeases from "../queue/nats/natsLeases.ts"
import * as NatsQueue from "../queue/nats/NatsQueue.ts"
import * as postgresCheck from "../queue/postgres/check.ts"
import * as PostgresLeases from "../queue/postgres/postgresLeases.ts"
import * as PostgresQueue from "../queue/postgres/PostgresQueue.ts"
import * as MemoryResultStore from "../results/MemoryResultStore.ts"
import * as NatsResultStore from "../results/NatsResultStore.ts"
import { Results } from "../results/Results.ts"
import type { Plugin } from "../worker/Worker.ts"
import type { ControlPlaneName, QueueName } from "./backendNames.ts"
import { databaseSettings, databaseUrl, queueSettings, retryDefaults, webhookSettings } from "./jobOptions.ts"
import { redacted } from "./load.ts"
import { consumerSettings, deadLetterStream, natsSettings } from "./natsOptions.ts"
import type { Values } from "./settings.ts"

interface QueueBackend {
  readonly layers: (values: Values) => QueueLayers
  /** Where it is, as logs show it. */
  readonly address: (values: Values) => string
  /** What `doctor` checks; undefined where there is nothing to check. */
  readonly check: ((values: Values) => Check) | undefined
  /** Whether a message is the job itself, so that no server is asked for it. */
  readonly keepsJobs?: boolean
}

interface QueueLayers {
  readonly queue: Layer.Layer<MessageQueue>
  /** The leases of its deliveries, and the heartbeat. */
  readonly leases: Layer.Layer<Leases, never, ControlPlane>
  /** Where results go that are too large for an event. */
  readonly results: Layer.Layer<Results>
  /** The control plane of a queue that keeps the jobs themselves; undefined where the configuration chooses one. */
  readonly controlPlane?: Layer.Layer<ControlPlane>
  /** Children of the worker's tree that the backend brings. */
  readonly plugins?: ReadonlyArray<Plugin>
}

interface ControlPlaneBackend {
  readonly layer: (values: Values) => Layer.Layer<ControlPlane>
  readonly address: (values: Values) => string
  readonly check: ((values: Values) => Check) | undefined
}

export const queues = {
  nats: {
    layers: (values) => {
      // The queue and the results share one connection; the first that needs it opens it.
      const connection = NatsConnection.layer(natsSettings(values))
      return {
        queue: NatsQueue.layer({
          ...consumerSettings(values),
          pullExpires: values.natsPullExpires,
          deadLetters: deadLetterStream(values)
        }).pipe(Layer.provide(connection)),
        leases: Layer.unwrap(
          Effect.map(ControlPlane, ({ workerName }) =>
            NatsLeases.layer({ nats: natsSettings(values), name: workerName, hungAfter: values.hungAfter })
          )
        ),
        results: Results.layerWith({
          inlineMaxBytes: values.resultInline,
          previewBytes: values.resultPreview
        }).pipe(Layer.provide(NatsResultStore.layer()), Layer.provide(connection))
      }
    },
    address: (values) => shownUrl(values.natsUrl),
    check: (values) =>
      natsCheck.check({
        nats: natsSettings(values),
        consumer: consumerSettings(values),
        deadLetters: deadLetterStream(values)
      })
  },
  postgres: {
    layers: (values) => {
      const worker = values.workerId ?? randomUUID()
      const database = Database.layer(databaseSettings(values))
      const webhook = webhookSettings(values)
      // The queue and the control plane are two sides of one table.
      const queue = PostgresQueue.layer(queueSettings(values, worker)).pipe(Layer.provide(database))
      return {
        queue,
        plugins:
          webhook === undefined
            ? []
            : [{ name: "webhook", run: () => Effect.provide(Webhook.deliver(webhook), database) }],
        controlPlane: JobControlPlane.layer({ workerName: worker, retry: retryDefaults(values) }).pipe(
          Layer.provide(queue)
        ),
        leases: PostgresLeases.layer({
          url: databaseSettings(values).url,
          name: worker,
          hungAfter: values.hungAfter
        }),
        // A result is kept with its job, whatever its size.
        results: Results.layerWith({
          inlineMaxBytes: 256 * 1024 * 1024,
          previewBytes: values.resultPreview,
          refStyle: "text"
        }).pipe(Layer.provide(MemoryResultStore.layer()))
      }
    },
    keepsJobs: true,
    address: (values) => shownUrl(databaseUrl(values)),
    check: (values) => postgresCheck.check(databaseSettings(values, "noetl-worker-doctor"))
  },
  memory: {
    layers: (values) => ({
      queue: MemoryQueue.layer(),
      leases: Leases.layerInProcess,
      results: Results.layerWith({
        inlineMaxBytes: values.resultInline,
        previewBytes: values.resultPreview,
        refStyle: "text"
      }).pipe(Layer.provide(MemoryResultStore.layer()))
    }),
    address: () => "memory",
    check: undefined
  }
} satisfies Record<QueueName, QueueBackend>

export const controlPlanes = {
  noetl: {
    layer: (values) =>
      NoetlControlPlane.layer({
        ...serverAccess(values),
        protocol: values.protocol,
        allowedServers: values.ignoreMessageUrl ? [] : values.serverAllow,
        workerId: values.workerId ?? randomUUID(),
        workerIdIsGenerated: values.workerId === undefined,
        pool: values.pool,
        capacity: values.concurrency,
        timeout: values.serverTimeout
      }),
    address: (values) => shownUrl(values.serverUrl),
    check: (values) => noetlCheck.check(serverAccess(values))
  },
  memory: {
    layer: (values) => MemoryControlPlane.layer({ workerName: values.workerId ?? "memory-worker" }),
    address: () => "memory",
    check: undefined
  }
} satisfies Record<ControlPlaneName, ControlPlaneBackend>

/** The row of the queue that was chosen. */
export const queueOf = (values: Values): QueueBackend => queues[values.queue]

/** The row of the control plane that was chosen. A queue that keeps its jobs itself leaves nothing to choose. */
export const controlPlaneOf = (values: Values): Omit<ControlPlaneBackend, "layer"> =>
  queueOf(values).keepsJobs === true
    ? { address: () => "the jobs in it", check: undefined }
    : controlPlanes[values.controlPlane]

/** What is chosen, as layers. */
export const backendLayers = (values: Values): Required<QueueLayers> => {
  const layers = queueOf(values).layers(values)
  return {
    plugins: [],
    ...layers,
    controlPlane: layers.controlPlane ?? controlPlanes[values.controlPlane].layer(values)
  }
}

function serverAccess(values: Values): {
  readonly serverUrl: string
  readonly token: Redacted.Redacted | undefined
  readonly tokenFile: string | undefined
  readonly tls: TlsFiles
} {
  return {
    serverUrl: values.serverUrl,
    token: redacted(values.serverToken),
    tokenFile: values.serverTokenFile,
    tls: { caFile: values.serverCa, certFile: values.serverCert, keyFile: values.serverKey }
  }
}
