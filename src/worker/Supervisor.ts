/**
 * Starts a child, logs how it ended, starts it again, and escalates when that repeats.
 *
 * A child belongs to the scope it is started in, so the order of starts is the order of the shutdown, reversed.
 */
import {
  Cause,
  Clock,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Metric,
  Schedule,
  Schema,
  type Scope
} from "effect"
import { backoff } from "../async/backoff.ts"
import { childRestarts } from "../telemetry/Metrics.ts"

export interface ChildSpec<E, R> {
  readonly name: string
  /**
   * permanent, the default: started again whenever it ends; transient: only after a failure or a defect; temporary:
   * never. The end of the supervisor's scope starts no child again.
   */
  readonly restart?: "permanent" | "transient" | "temporary"
  /** Each start has a scope of its own: what a crashed run held is released before the next one. */
  readonly run: Effect.Effect<unknown, E, R>
  /** Pauses between starts, from 100 ms, doubled up to 10 s, with jitter. */
  readonly backoff?: Schedule.Schedule<unknown>
  /** More starts than `restarts` within `within` and the child escalates. */
  readonly intensity?: { readonly restarts: number; readonly within: Duration.Input }
  /** A child that lived so long starts with the shortest pause again. */
  readonly healthyAfter?: Duration.Input
}

export type ChildState = "running" | "restarting" | "ended" | "failed"

/** One line of the tree at run time. */
export interface ChildStatus {
  readonly name: string
  readonly state: ChildState
  readonly restarts: number
  /** How the last run ended, in words; undefined while the first one runs. */
  readonly lastCause: string | undefined
}

/** A child died more often than it may. */
export class ChildEscalated extends Schema.TaggedError<ChildEscalated>()("ChildEscalated", {
  child: Schema.String,
  restarts: Schema.Int,
  detail: Schema.String
}) {
  override get message(): string {
    return `the ${this.child} failed ${this.restarts + 1} times: ${this.detail}`
  }
}

export class Supervisor extends Context.Service<
  Supervisor,
  {
    /** Starts a child in the current scope. Its end interrupts the child and waits for it. */
    readonly start: <E, R>(
      spec: ChildSpec<E, R>
    ) => Effect.Effect<Fiber.Fiber<void>, never, Exclude<R, Scope.Scope> | Scope.Scope>
    /** The children in the order they were started. */
    readonly status: Effect.Effect<ReadonlyArray<ChildStatus>>
    /** Fails when a child escalated; never succeeds. */
    readonly join: Effect.Effect<never, ChildEscalated>
  }
>()("noetl-worker/worker/Supervisor") {
  static readonly layer: Layer.Layer<Supervisor> = Layer.effect(
    Supervisor,
    Effect.gen(function* () {
      const children = new Map<string, ChildStatus>()
      const escalated = yield* Deferred.make<never, ChildEscalated>()
      return Supervisor.of({
        start: (spec) => {
          const setStatus = (status: Omit<ChildStatus, "name">) =>
            Effect.sync(() => void children.set(spec.name, { name: spec.name, ...status }))
          return supervise(spec, setStatus).pipe(
            Effect.catch((error) => Effect.asVoid(Deferred.fail(escalated, error))),
            Effect.annotateLogs({ fiber: spec.name }),
            Effect.forkScoped({ startImmediately: true })
          )
        },
        status: Effect.sync(() => [...children.values()]),
        join: Deferred.await(escalated)
      })
    })
  )
}

// --- helpers ---

const supervise = Effect.fnUntraced(function* <E, R>(
  spec: ChildSpec<E, R>,
  setStatus: (status: Omit<ChildStatus, "name">) => Effect.Effect<void>
) {
  const backoff = spec.backoff ?? defaultBackoff
  const intensity = spec.intensity ?? { restarts: 10, within: "5 minutes" }
  const healthyAfter = Duration.toMillis(Duration.fromInputUnsafe(spec.healthyAfter ?? "1 minute"))
  const within = Duration.toMillis(Duration.fromInputUnsafe(intensity.within))
  let pause = yield* Schedule.toStepWithSleep(backoff)
  let recent: ReadonlyArray<number> = []
  let restarts = 0
  let lastCause: string | undefined
  while (true) {
    yield* setStatus({ state: "running", restarts, lastCause })
    const startedAt = yield* Clock.currentTimeMillis
    // A failure, a defect and an interruption from within become a value; one of the supervisor itself unwinds.
    const exit = yield* Effect.exit(Effect.scoped(spec.run))
    const ended = endOf(spec, exit)
    if (ended._tag === "Done")
      return yield* setStatus({ state: ended.state, restarts, lastCause: ended.words })
    lastCause = ended.words
    yield* Effect.logError(`${spec.name} ended (${ended.kind}) and is started again`, ended.cause)
    yield* Metric.update(childRestarts(spec.name, ended.kind), 1)
    const now = yield* Clock.currentTimeMillis
    if (now - startedAt >= healthyAfter) pause = yield* Schedule.toStepWithSleep(backoff)
    recent = [...recent.filter((at) => now - at < within), now]
    if (recent.length > intensity.restarts) {
      yield* setStatus({ state: "failed", restarts, lastCause })
      return yield* new ChildEscalated({ child: spec.name, restarts, detail: lastCause })
    }
    restarts += 1
    yield* setStatus({ state: "restarting", restarts, lastCause })
    // The schedule only paces: the intensity decides when it is enough.
    yield* Effect.exit(pause(undefined))
  }
})

const defaultBackoff = backoff("100 millis", "10 seconds")

type End =
  | { readonly _tag: "Done"; readonly state: "ended" | "failed"; readonly words: string | undefined }
  | {
      readonly _tag: "Again"
      readonly kind: "failure" | "defect" | "interruption" | "end"
      readonly cause: Cause.Cause<unknown>
      readonly words: string
    }

const endOf = <E, R>(spec: ChildSpec<E, R>, exit: Exit.Exit<unknown, E>): End => {
  if (Exit.isSuccess(exit)) {
    if (spec.restart !== undefined && spec.restart !== "permanent")
      return { _tag: "Done", state: "ended", words: undefined }
    const cause = Cause.die(new Error("a permanent child ended"))
    return { _tag: "Again", kind: "end", cause, words: "ended" }
  }
  const words = wordsOf(exit.cause)
  if (spec.restart === "temporary") return { _tag: "Done", state: "failed", words }
  if (spec.restart === "transient" && Cause.hasInterruptsOnly(exit.cause)) {
    return { _tag: "Done", state: "ended", words }
  }
  const kind = Cause.hasDies(exit.cause) ? "defect" : Cause.hasFails(exit.cause) ? "failure" : "interruption"
  return { _tag: "Again", kind, cause: exit.cause, words }
}

const wordsOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasInterruptsOnly(cause)) return "interrupted"
  const error = Cause.squash(cause)
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
