/**
 * Runs a script as a Kubernetes Job, which outlives the worker that started it.
 *
 * The Job's name comes from the command, so a command that is delivered again finds its Job, running or ended, and
 * goes on with it. See docs/decisions/050-script-jobs.md.
 */
import { Clock, Config as Configuration, Context, Duration, Effect, Layer, Option } from "effect"
import { ControlPlane } from "../../control-plane/ControlPlane.ts"
import { numberOf } from "../../domain/Json.ts"
import { GoogleTokens } from "../../google/GoogleTokens.ts"
import type { ToolResult } from "../../domain/ToolResult.ts"
import { SafeHttp } from "../http/SafeHttp.ts"
import { ScriptSource } from "../python/ScriptSource.ts"
import { Slot } from "../Slot.ts"
import * as Tool from "../Tool.ts"
import { ToolError } from "../../domain/ToolError.ts"
import { claimJob } from "./claimJob.ts"
import { toolError } from "./errors.ts"
import { logOf } from "./JobLogs.ts"
import type { Identity } from "./JobManifest.ts"
import { resultOf } from "./jobResult.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as KubernetesClient from "../../kubernetes/KubernetesClient.ts"
import { reap } from "./reap.ts"
import { releaseJob, type JobState } from "./releaseJob.ts"
import { Config, outerTimeout, specOf } from "./ScriptConfig.ts"
import { defaultNamespace, type ScriptSettings, settings } from "./ScriptOptions.ts"
import { scriptText } from "./scriptText.ts"
import { Stopping } from "../StopReason.ts"
import { tellingContainer } from "./verdict.ts"
import { type Ended, waitForJob } from "./waitForJob.ts"

export class ScriptTool extends Context.Service<ScriptTool, Tool.Tool>()(
  "noetl-worker/tools/script/ScriptTool"
) {
  /** Without what it runs on, to share that or to give another. */
  static readonly layerNoDeps = Layer.effect(
    ScriptTool,
    Effect.gen(function* () {
      const uses: Uses = {
        api: yield* KubernetesApi,
        sources: yield* ScriptSource,
        http: yield* SafeHttp,
        google: yield* GoogleTokens,
        settings: yield* settings,
        consumed: new Map(),
        held: new Set(),
        namespaces: new Set()
      }
      return Tool.make({
        kind: "script",
        config: Config,
        run: (config, call) => run(uses, config, call),
        maintenance: reap({
          api: uses.api,
          controlPlane: yield* ControlPlane,
          namespaces: namespacesOf(uses, yield* isInCluster),
          isHeldHere: (holder) => holder !== undefined && uses.held.has(holder),
          every: uses.settings.reapEvery
        })
      })
    })
  )
  static readonly layer = this.layerNoDeps.pipe(
    Layer.provide([KubernetesClient.layer, ScriptSource.layer, SafeHttp.layer, GoogleTokens.layer])
  )
}

interface Uses {
  readonly api: KubernetesApi["Service"]
  readonly sources: ScriptSource["Service"]
  readonly http: SafeHttp["Service"]
  readonly google: GoogleTokens["Service"]
  readonly settings: ScriptSettings
  /** Name → uid of Jobs whose result this process has used: a task that runs again wants a Job of its own. */
  readonly consumed: Map<string, string>
  /** Who waits for a Job in this process. */
  readonly held: Set<string>
  /** Where this process has made Jobs. */
  readonly namespaces: Set<string>
}

/** A worker in a cluster cleans the namespace that its Jobs go to; any other only where it has made some. */
const namespacesOf = ({ api, namespaces, settings }: Uses, inCluster: boolean) =>
  Effect.gen(function* () {
    if (!inCluster) return [...namespaces]
    const home = settings.namespace ?? (yield* api.namespace) ?? defaultNamespace
    return [...new Set([home, ...namespaces])]
  })

const isInCluster = Configuration.option(Configuration.String("KUBERNETES_SERVICE_HOST")).pipe(
  Effect.map(Option.isSome),
  Effect.orElseSucceed(() => false)
)

const run = Effect.fnUntraced(function* (uses: Uses, config: Config, call: Tool.ToolCall) {
  const { api, settings } = uses
  const started = yield* Clock.currentTimeMillis
  if (config.wait === false)
    yield* Effect.logWarning("script: `wait: false` is not supported, the step waits")
  const refuse = toolError(call.kind)
  const text = yield* scriptText(uses, config, call)
  const spec = specOf(config, call, settings, yield* Effect.mapError(api.namespace, refuse))
  if (spec instanceof ToolError) return yield* spec
  const identity = yield* identityOf(call, settings)
  const { why } = yield* Stopping
  const state: JobState = { ended: undefined }
  uses.namespaces.add(spec.namespace)
  yield* Effect.acquireRelease(
    Effect.sync(() => uses.held.add(identity.holder)),
    () => Effect.sync(() => uses.held.delete(identity.holder))
  )
  // Before the Job is asked for: an interruption may arrive when the server has made it and we do not know yet.
  yield* Effect.addFinalizer((exit) => releaseJob({ ...uses, spec, identity, state, why }, exit))
  const job = yield* claimJob(uses, spec, identity, text).pipe(Effect.mapError(refuse))

  const outer = outerTimeout(config)
  const own = outer ?? spec.timeoutSeconds * (spec.backoffLimit + 1) + Duration.toSeconds(settings.allowance)
  const seconds = Math.min(own, call.deadline ?? own)
  // A little before the deadline of the task, so that there is time to read the log.
  const within = Duration.seconds(
    outer === undefined && seconds === own ? seconds : Math.max(seconds * 0.9, seconds - 2)
  )
  const { park } = yield* Slot
  const waited = yield* park(waitForJob(api, settings, job, within)).pipe(Effect.mapError(refuse))
  const { ended } = waited
  const log = yield* finalLog(uses, spec.namespace, ended)
  if (ended._tag === "Succeeded" || ended._tag === "Failed") {
    state.ended = waited.job
    remember(uses.consumed, waited.job.metadata?.name ?? "", waited.job.metadata?.uid ?? "")
  }
  const result: ToolResult = resultOf({
    tool: call.kind,
    job: waited.job,
    ended,
    log,
    durationMs: (yield* Clock.currentTimeMillis) - started,
    seconds: ended._tag === "Late" && (outer !== undefined || seconds < own) ? seconds : spec.timeoutSeconds
  })
  return result
})

const identityOf = Effect.fnUntraced(function* (call: Tool.ToolCall, { workerName }: ScriptSettings) {
  const { _attempt: attempt, _task: task } = call.variables
  const id = yield* Effect.sync(() => crypto.randomUUID())
  return {
    executionId: call.executionId,
    commandId: call.commandId,
    step: call.step,
    task: typeof task === "string" ? task : call.step,
    serverUrl: call.serverUrl,
    taskAttempt: numberOf(attempt) ?? 1,
    holder: `${workerName}/${id}`,
    nonce: id.slice(0, 8)
  } satisfies Identity
})

const finalLog = ({ api, settings }: Uses, namespace: string, ended: Ended) => {
  const pod = "pod" in ended ? ended.pod : undefined
  const name = pod?.metadata?.name
  // A pod that never ran has no log to wait for.
  return name === undefined || ended._tag === "Stuck"
    ? Effect.succeed(undefined)
    : logOf(api, settings, { namespace, pod: name, container: tellingContainer(pod) })
}

/** Names of commands that ended long ago do not come back. */
const remember = (consumed: Map<string, string>, name: string, uid: string): void => {
  consumed.delete(name)
  consumed.set(name, uid)
  const [oldest] = consumed.keys()
  if (consumed.size > 1000 && oldest !== undefined) consumed.delete(oldest)
}
