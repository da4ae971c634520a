/** Values of the configuration → the layers of a worker. Nothing else knows both. */
import { Duration, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { sweepTemporaryFolders } from "../async/temporaryFolder.ts"
import type { ControlPlane } from "../control-plane/ControlPlane.ts"
import * as CredentialSource from "../credentials/CredentialSource.ts"
import { GoogleIdentity } from "../google/GoogleTokens.ts"
import * as Health from "../http/Health.ts"
import * as Pipeline from "../job/pipeline/layers.ts"
import { Journal } from "../journal/Journal.ts"
import * as SqliteJournal from "../journal/SqliteJournal.ts"
import type { Results } from "../results/Results.ts"
import { Egress } from "../tools/http/Egress.ts"
import type { SafetyOptions } from "../tools/SafetyOptions.ts"
import type { Toolbox } from "../tools/Toolbox.ts"
import * as PodDeletionCost from "../worker/plugins/PodDeletionCost.ts"
import { type Plugin, Plugins, Worker } from "../worker/Worker.ts"
import { WorkerConfig } from "../WorkerConfig.ts"
import { backendLayers } from "./backends.ts"
import { redacted } from "./load.ts"
import type { Values } from "./settings.ts"
import { toolOptions } from "./toolOptions.ts"

/** The whole worker as configured, with its health server. Another toolbox takes the place of ours. */
export const workerLayer = <E>(
  values: Values,
  tools: Layer.Layer<Toolbox, E, ControlPlane | Results | SafetyOptions>
) => {
  const options = toolOptions(values)
  const { controlPlane, leases, plugins: own, queue, results } = backendLayers(values)
  const worker = Worker.layer.pipe(
    Layer.provide(Layer.provide(tools, options)),
    Layer.provide(Pipeline.layerWith({ retypeStrings: values.retypeStrings })),
    Layer.provide(results),
    Layer.provide(leases),
    Layer.provideMerge(queue),
    Layer.provide(controlPlane),
    Layer.provide(credentialSource(values)),
    Layer.provide(googleIdentity(values)),
    Layer.provide(journal(values)),
    Layer.provide(workerConfig(values)),
    Layer.provide(pluginsOf(own, values))
  )
  // The server starts before the worker and closes after it: it answers through the whole drain.
  const health = Health.layer({
    port: values.healthPort,
    host: values.healthHost,
    token: redacted(values.healthToken),
    metrics: values.metrics && !values.disableMetrics
  })
  return Layer.effectDiscard(sweepTemporaryFolders)
    .pipe(Layer.provideMerge(Health.observe))
    .pipe(Layer.provideMerge(worker), Layer.provideMerge(Layer.provideMerge(protectHealth(options), health)))
}

/** A free port is known once it is taken; tools must not ask it either. They share this egress policy. */
const protectHealth = (options: Layer.Layer<SafetyOptions>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      if (address._tag !== "UnixPathAddress") yield* (yield* Egress).protectPort(address.port)
    })
  ).pipe(Layer.provide(Egress.layer.pipe(Layer.provide(options))))

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
    kindLimits: kindLimitsOf(values),
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

/** A limit of databases together is one more line of the limits by kind. */
const kindLimitsOf = ({ databaseLimit, kindLimits }: Values): ReadonlyMap<string, number> =>
  databaseLimit === undefined
    ? kindLimits
    : new Map([...kindLimits, ["postgres+snowflake+duckdb+transfer", databaseLimit]])

/** Those of the queue's backend, and those that the configuration asks for. */
const pluginsOf = (own: ReadonlyArray<Plugin>, values: Values): Layer.Layer<never> =>
  Layer.effect(
    Plugins,
    Effect.map(Plugins, (others) => [...others, ...own])
  ).pipe(Layer.provide(plugins(values)))

const plugins = ({ podDeletionCost, podName }: Values): Layer.Layer<never> =>
  podDeletionCost && podName !== undefined
    ? PodDeletionCost.layer({ pod: podName, every: Duration.seconds(10) })
    : Layer.empty

/** When the process ends whatever happens. */
export const graceOf = (values: Values): Duration.Duration =>
  values.grace ?? Duration.sum(values.drain, Duration.seconds(20))

const journal = (values: Values) =>
  values.stateDir === undefined ? Journal.layerMemory() : SqliteJournal.layer(values.stateDir)
