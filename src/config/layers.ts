/** Values of the configuration → the layers of a worker. Nothing else knows both. */
import { Duration, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { randomUUID } from "node:crypto"
import { ControlPlane } from "../control-plane/ControlPlane.ts"
import { Egress } from "../tools/http/Egress.ts"
import * as Health from "../http/Health.ts"
import { MemoryControlPlane } from "../control-plane/MemoryControlPlane.ts"
import * as NoetlControlPlane from "../control-plane/noetl/NoetlControlPlane.ts"
import * as Pipeline from "../job/pipeline/layers.ts"
import { Journal } from "../journal/Journal.ts"
import * as LeaseKeeper from "../queue/nats/LeaseThread.ts"
import { Leases } from "../queue/Leases.ts"
import type { NatsSettings } from "../nats/connectionOptions.ts"
import { NatsConnection } from "../nats/NatsConnection.ts"
import { MemoryQueue } from "../queue/MemoryQueue.ts"
import * as NatsQueue from "../queue/nats/NatsQueue.ts"
import * as PodDeletionCost from "../worker/plugins/PodDeletionCost.ts"
import * as SqliteJournal from "../journal/SqliteJournal.ts"
import type { SafetyOptions } from "../tools/SafetyOptions.ts"
import type { Toolbox } from "../tools/Toolbox.ts"
import { Worker } from "../worker/Worker.ts"
import { WorkerConfig } from "../WorkerConfig.ts"
import * as CredentialSource from "../credentials/CredentialSource.ts"
import { GoogleIdentity } from "../google/GoogleTokens.ts"
import * as MemoryResultStore from "../results/MemoryResultStore.ts"
import * as NatsResultStore from "../results/NatsResultStore.ts"
import { Results } from "../results/Results.ts"
import { redacted } from "./load.ts"
import type { Values } from "./settings.ts"
import { toolOptions } from "./toolOptions.ts"

/** The whole worker as configured, with its health server. Another toolbox takes the place of ours. */
export const workerLayer = <E>(
  values: Values,
  tools: Layer.Layer<Toolbox, E, ControlPlane | Results | SafetyOptions>
) => {
  const options = toolOptions(values)
  const worker = Worker.layer.pipe(
    Layer.provide(Layer.provide(tools, options)),
    Layer.provide(Pipeline.layerWith(values)),
    Layer.provide(results(values)),
    Layer.provide(leases(values)),
    Layer.provideMerge(queue(values)),
    Layer.provide(nats(values)),
    Layer.provide(controlPlane(values)),
    Layer.provide(credentialSource(values)),
    Layer.provide(googleIdentity(values)),
    Layer.provide(journal(values)),
    Layer.provide(workerConfig(values)),
    Layer.provide(companions(values))
  )
  const health = Health.layer({ port: values.healthPort, host: values.healthHost, metrics: values.metrics })
  return protectHealth(options).pipe(Layer.provideMerge(health), Layer.provideMerge(worker))
}

/** A free port is known once it is taken; tools must not ask it either. They share this egress policy. */
const protectHealth = (options: Layer.Layer<SafetyOptions>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      if (address._tag !== "UnixPathAddress") yield* (yield* Egress).protectPort(address.port)
    })
  ).pipe(Layer.provide(Egress.layer.pipe(Layer.provide(options))))

/** Large results: where the other workers of the server find them. */
const results = (values: Values) =>
  values.queue === "memory"
    ? Results.layerWith({ inlineMaxBytes: values.resultInline, refStyle: "text" }).pipe(
        Layer.provide(MemoryResultStore.layer())
      )
    : Results.layerWith({ inlineMaxBytes: values.resultInline }).pipe(Layer.provide(NatsResultStore.layer()))

const credentialSource = (values: Values) =>
  values.credentialsFile === undefined
    ? CredentialSource.layerEnv
    : CredentialSource.layerFile(values.credentialsFile)

const googleIdentity = (values: Values) =>
  Layer.succeed(GoogleIdentity, {
    tokenUrl: values.googleTokenUrl,
    file: values.googleFile,
    metadataHost: values.googleMetadata
  })

export const workerConfig = (values: Values): Layer.Layer<WorkerConfig> =>
  WorkerConfig.layer({
    concurrency: values.concurrency,
    prefetch: values.prefetch ?? Math.max(1, Math.floor(values.concurrency / 4)),
    kindLimits: values.kindLimits,
    drain: values.drain,
    commandTimeout: values.commandTimeout,
    reportWithin: values.reportWithin,
    cancellationEvery: values.cancellationEvery,
    deadLetterAfter: values.deadLetterAfter,
    statusInData: values.statusInData,
    lenientStatus: values.lenientStatus,
    maxLag: values.maxLag,
    heartbeatEvery: values.heartbeat
  })

const companions = ({ podDeletionCost, podName }: Values): Layer.Layer<never> =>
  podDeletionCost && podName !== undefined
    ? PodDeletionCost.layer({ pod: podName, every: Duration.seconds(10) })
    : Layer.empty

/** When the process ends whatever happens. */
export const graceOf = (values: Values): Duration.Duration =>
  values.grace ?? Duration.sum(values.drain, Duration.seconds(20))

const journal = (values: Values) =>
  values.stateDir === undefined ? Journal.layerMemory() : SqliteJournal.layer(values.stateDir)

const queue = (values: Values) =>
  values.queue === "memory"
    ? MemoryQueue.layer()
    : NatsQueue.layer({
        ...consumerSettings(values),
        pullExpires: Duration.seconds(30),
        deadLetters: deadLetterPlace(values)
      })

export const consumerSettings = (values: Values) => ({
  stream: values.natsStream,
  consumer: values.natsConsumer,
  subject: values.natsSubject,
  filter: values.natsFilter,
  ackWait: values.natsAckWait,
  // The Python workers' own numbers: one with another max_ack_pending would delete and recreate the durable.
  maxDeliver: 1000,
  maxAckPending: 64,
  update: values.natsConsumerUpdate
})

export const deadLetterPlace = (values: Values) => ({
  stream: values.deadLetterStream,
  subject: values.deadLetterSubject
})

/** One connection for the queue and the results; it is opened by whoever needs it first. */
const nats = (values: Values) => NatsConnection.layer(natsSettings(values))

/** Leases in a thread of their own where the queue's can be extended from there. */
const leases = (values: Values): Layer.Layer<Leases, never, ControlPlane> =>
  values.queue === "memory"
    ? Leases.layerInProcess
    : Layer.unwrap(
        Effect.map(ControlPlane, (controlPlane) =>
          LeaseKeeper.layer({
            nats: natsSettings(values),
            name: controlPlane.workerName,
            beat: controlPlane.beatRequest,
            hungAfter: values.hungAfter
          })
        )
      )

const controlPlane = (values: Values) =>
  values.controlPlane === "memory"
    ? MemoryControlPlane.layer({ workerName: values.workerId ?? "memory-worker" })
    : NoetlControlPlane.layer({
        serverUrl: values.serverUrl,
        honourMessageUrl: !values.ignoreMessageUrl,
        workerId: values.workerId ?? randomUUID(),
        workerIdIsGenerated: values.workerId === undefined,
        pool: values.pool,
        capacity: values.concurrency,
        token: redacted(values.serverToken),
        tokenFile: values.serverTokenFile,
        tls: { caFile: values.serverCa, certFile: values.serverCert, keyFile: values.serverKey },
        heartbeatEvery: values.heartbeat,
        timeout: values.serverTimeout
      })

export const natsSettings = (values: Values): NatsSettings => ({
  url: values.natsUrl,
  user: values.natsUser,
  password: values.natsPassword,
  token: values.natsToken,
  nkeyFile: values.natsNkey,
  credsFile: values.natsCreds,
  caFile: values.natsCa,
  certFile: values.natsCert,
  keyFile: values.natsKey
})
