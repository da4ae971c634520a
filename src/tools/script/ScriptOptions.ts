/** The operator's options for scripts in Kubernetes Jobs. */
import { Config, Context, Duration, Effect, type LogLevel, Option } from "effect"

export interface ScriptSettings {
  /** Where Jobs go that name no namespace; otherwise that of the worker, else the default one. */
  readonly namespace: string | undefined
  readonly image: string
  /** Of the Jobs' pods; they get no token in any case. */
  readonly serviceAccount: string | undefined
  /** How long a pod may be without its image. */
  readonly pullWithin: Duration.Duration
  /** How long a pod may be without a node, and a Job without a pod: a cluster that grows needs minutes. */
  readonly scheduleWithin: Duration.Duration
  /** What the command may take beyond the Job's own time: for pulling, scheduling, ending. */
  readonly allowance: Duration.Duration
  /** How long the result of an ended Job stays readable for a worker that gets the same command again. */
  readonly keepEnded: Duration.Duration
  /** How long a Job whose command was taken over waits for its new worker. */
  readonly adoptWithin: Duration.Duration
  /** Between two scans for Jobs whose command was cancelled while no worker held it. */
  readonly reapEvery: Duration.Duration
  /** Between two polls while the watch is silent. */
  readonly lookEvery: Duration.Duration
  readonly maxLogBytes: number
  readonly maxLoggedBytes: number
  readonly logLevel: LogLevel.Severity
  /** In the Job's annotations, so that an operator sees who waits for it. */
  readonly workerName: string
}

/** Where Jobs go when no namespace is named. */
export const defaultNamespace = "noetl"

export const defaults: ScriptSettings = {
  namespace: undefined,
  image: "python:3.11-slim",
  serviceAccount: undefined,
  pullWithin: Duration.minutes(2),
  scheduleWithin: Duration.minutes(5),
  allowance: Duration.minutes(6),
  keepEnded: Duration.seconds(45),
  adoptWithin: Duration.seconds(15),
  reapEvery: Duration.seconds(20),
  lookEvery: Duration.seconds(30),
  maxLogBytes: 256 * 1024,
  maxLoggedBytes: 1024 * 1024,
  logLevel: "Info",
  workerName: "noetl-worker"
}

/** Read once, by the layer of the tool; `Layer.succeed(ScriptOptions, {…})` around it changes it. */
export const ScriptOptions = Context.Reference<Partial<ScriptSettings>>(
  "noetl-worker/tools/script/ScriptOptions",
  { defaultValue: () => ({}) }
)

/** The environment over the defaults, what a program says over both. */
export const settings = Effect.gen(function* () {
  const given = yield* ScriptOptions
  const read = (name: string) =>
    Config.option(Config.String(name)).pipe(
      Effect.map(Option.filter((text) => text.trim() !== "")),
      Effect.map(Option.getOrUndefined),
      Effect.orElseSucceed(() => undefined)
    )
  return {
    ...defaults,
    namespace: yield* read("WORKER_SCRIPT_NAMESPACE"),
    image: (yield* read("WORKER_SCRIPT_IMAGE")) ?? defaults.image,
    serviceAccount: yield* read("WORKER_SCRIPT_SERVICE_ACCOUNT"),
    workerName: (yield* read("POD_NAME")) ?? (yield* read("WORKER_ID")) ?? defaults.workerName,
    ...given
  } satisfies ScriptSettings
})
