/** A worker with everything it stands on in this process: the queue in memory, the local control plane, the real tools. */
import { Duration, Effect, Layer } from "effect"
import { join } from "node:path"
import type { Values } from "../config/settings.ts"
import { toolOptions } from "../config/toolOptions.ts"
import type { ControlPlane } from "../control-plane/ControlPlane.ts"
import { LocalRuns } from "../control-plane/local/LocalControlPlane.ts"
import type { Options as ControlPlaneOptions } from "../control-plane/local/Options.ts"
import type { Journals } from "../control-plane/local/RunJournal.ts"
import * as CredentialSource from "../credentials/CredentialSource.ts"
import type { CommandId, EventId, ExecutionId } from "../domain/Ids.ts"
import type { JsonObject } from "../domain/Json.ts"
import { GoogleIdentity } from "../google/GoogleTokens.ts"
import * as Pipeline from "../job/pipeline/layers.ts"
import { Journal } from "../journal/Journal.ts"
import { Leases } from "../queue/Leases.ts"
import { MemoryQueue } from "../queue/MemoryQueue.ts"
import * as MemoryResultStore from "../results/MemoryResultStore.ts"
import { Results } from "../results/Results.ts"
import { HttpTool } from "../tools/HttpTool.ts"
import type { SafetyOptions } from "../tools/SafetyOptions.ts"
import type { Toolbox } from "../tools/Toolbox.ts"
import { Worker } from "../worker/Worker.ts"
import { WorkerConfig } from "../WorkerConfig.ts"
import { finder } from "./catalog.ts"
import { credentialOf } from "./credentials.ts"
import * as FolderResultStore from "./FolderResultStore.ts"
import { type Ask, secretOf } from "./keychain.ts"

export interface WorldOptions {
  readonly values: Values
  readonly tools: Layer.Layer<Toolbox, never, ControlPlane | Results | SafetyOptions>
  /** Commands at once. */
  readonly concurrency: number
  readonly strict: boolean
  readonly normalise: boolean
  /** Folders with playbooks that steps name. */
  readonly catalogs: ReadonlyArray<string>
  /** A file with credentials by name. */
  readonly credentialsFile: string | undefined
  /** A folder with a file for each credential. */
  readonly credentialsFolder: string
  /** Where runs outlive the process; undefined for nowhere. */
  readonly stateFolder: string | undefined
  readonly journals: Journals
  readonly env: JsonObject
  readonly onEvent: ControlPlaneOptions["onEvent"]
  readonly onReport: ControlPlaneOptions["onReport"]
}

export const layer = (options: WorldOptions) => {
  const { concurrency, credentialsFile, stateFolder, tools, values } = options
  const safety = toolOptions(values)
  const store =
    stateFolder === undefined
      ? MemoryResultStore.layer()
      : FolderResultStore.layer(join(stateFolder, "results"))
  const results = Results.layerWith({
    inlineMaxBytes: values.resultInline,
    previewBytes: values.resultPreview,
    refStyle: "text"
  }).pipe(Layer.provide(store))
  return Worker.layer.pipe(
    Layer.provide(Layer.provide(tools, safety)),
    Layer.provide(Pipeline.layerWith({ retypeStrings: false })),
    Layer.provide(Leases.layerInProcess),
    Layer.provideMerge(controlPlane(options, safety)),
    Layer.provideMerge(MemoryQueue.layer({ lease: "1 hour", history: 0 })),
    Layer.provide(results),
    Layer.provide(Journal.layerMemory({ unreported: 10_000, reported: 10_000 })),
    Layer.provide(
      WorkerConfig.layer({
        concurrency,
        prefetch: concurrency,
        // What a run lets go on it waits for itself; what is left is to be stopped.
        drain: Duration.zero,
        cancellationEvery: Duration.millis(100),
        commandTimeout: values.commandTimeout,
        kindLimits: values.kindLimits,
        heartbeatEvery: Duration.hours(1)
      })
    ),
    Layer.provide(
      Layer.succeed(GoogleIdentity, {
        tokenUrl: values.googleTokenUrl,
        file: values.googleFile,
        metadataHost: values.googleMetadata
      })
    ),
    Layer.provide(
      credentialsFile === undefined ? CredentialSource.layerEnv : CredentialSource.layerFile(credentialsFile)
    )
  )
}

const controlPlane = (options: WorldOptions, safety: Layer.Layer<SafetyOptions>) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const queue = yield* MemoryQueue
      const http = yield* HttpTool
      const credential = credentialOf(options.credentialsFolder)
      const load = { strict: options.strict, normalise: options.normalise }
      return LocalRuns.layer({
        publish: queue.publish,
        find: finder(options.catalogs, load),
        credential,
        secret: secretOf({ credential, ask: askWith(http) }),
        journals: options.journals,
        plan: {
          maxInFlight: Math.min(8, options.concurrency),
          ...(options.strict ? { maxIdleRuns: 10_000 } : {})
        },
        env: options.env,
        onEvent: options.onEvent,
        onReport: options.onReport
      })
    })
  ).pipe(Layer.provide(HttpTool.layer.pipe(Layer.provide(safety))))

const askWith =
  (http: HttpTool["Service"]): Ask =>
  (config) =>
    http
      .run({
        kind: "http",
        config,
        args: {},
        variables: {},
        auth: { primary: undefined, named: new Map() },
        executionId: "0" as ExecutionId,
        commandId: "keychain" as CommandId,
        eventId: "0" as EventId,
        step: "keychain",
        attempt: 1,
        serverUrl: undefined,
        traceparent: undefined
      })
      .pipe(
        Effect.scoped,
        Effect.mapError((error) => error.message),
        Effect.flatMap(({ data, error, status }) =>
          status === "success"
            ? Effect.succeed(data ?? null)
            : Effect.fail(error?.message ?? "the request failed")
        )
      )
