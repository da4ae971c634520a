/**
 * Leaves a target alone that fails every time: an HTTP origin, a database server. A tool pipes each call
 * through `guarded`; the toolbox gives all tools the same circuits.
 */
import { Clock, Context, Duration, Effect, type Exit, Metric } from "effect"
import * as Failure from "../../domain/Failure.ts"
import { ToolError } from "../../domain/ToolError.ts"
import { BreakerOptions, type BreakerSettings } from "./BreakerOptions.ts"
import { admit, type Circuit, closed, learn, type Verdict } from "./Circuit.ts"
import * as Metrics from "./metrics.ts"

export interface Target {
  /** The kind of the tool, for errors. */
  readonly tool: string
  /** What fails together, for people to read: `https://api.example.com`, `db:5432`. */
  readonly name: string
  readonly kind?: "connection" | "db_connection"
}

export interface BreakersShape {
  readonly guard: <A, R>(
    target: Target,
    call: Effect.Effect<A, ToolError, R>,
    verdictOf: (answer: A) => Verdict
  ) => Effect.Effect<A, ToolError, R>
}

/** Outside a toolbox there are no circuits, and every call is made. */
export const Breakers = Context.Reference<BreakersShape>("noetl-worker/tools/breaker/Breakers", {
  defaultValue: () => ({ guard: (_, call) => call })
})

/** Makes a call unless its target fails all the time. An answer counts as success unless `verdictOf` decides otherwise. */
export const guarded =
  <A>(target: Target, verdictOf: (answer: A) => Verdict = () => success) =>
  <R>(call: Effect.Effect<A, ToolError, R>): Effect.Effect<A, ToolError, R> =>
    Effect.flatMap(Breakers, (breakers) => breakers.guard(target, call, verdictOf))

/** The verdict on an HTTP status: too many requests, or the server's own fault. */
export const verdictOfStatus = (status: number, retryAfter: number | undefined): Verdict =>
  status === 429 || status >= 500 ? failed(retryAfter) : success

export const make: Effect.Effect<BreakersShape> = Effect.gen(function* () {
  const settings = yield* BreakerOptions
  yield* Metrics.atZero
  const circuits = new Map<string, Circuit>()
  return settings.failures === 0 ? { guard: (_, call) => call } : { guard: guardWith(settings, circuits) }
})

const guardWith = (settings: BreakerSettings, circuits: Map<string, Circuit>): BreakersShape["guard"] => {
  const timing = {
    failures: settings.failures,
    openMs: Duration.toMillis(settings.open),
    longestMs: Duration.toMillis(settings.longest)
  }
  /** An absent key means closed, so a healthy circuit is not stored. */
  const keep = (name: string, circuit: Circuit): void => {
    circuits.delete(name)
    if (circuit !== closed) circuits.set(name, circuit)
    if (circuits.size <= settings.maxTargets) return
    // A target that is left alone is remembered before one that failed now and then
    const [oldest] = [...circuits].find(([, { state }]) => state === "closed") ?? [...circuits][0] ?? []
    if (oldest !== undefined) circuits.delete(oldest)
  }
  const end = Effect.fnUntraced(function* <A>(
    target: Target,
    probe: boolean,
    exit: Exit.Exit<A, ToolError>,
    verdictOf: (answer: A) => Verdict
  ) {
    const now = yield* Clock.currentTimeMillis
    const before = circuits.get(target.name) ?? closed
    const verdict = exit._tag === "Success" ? verdictOf(exit.value) : verdictOfError(exit)
    const after = learn(timing, before, probe, verdict, now)
    keep(target.name, after)
    yield* Metric.update(Metrics.calls[verdict._tag], 1)
    yield* logTransition(target, before, after, now)
  })
  return (target, call, verdictOf) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const admission = admit(circuits.get(target.name) ?? closed, yield* Clock.currentTimeMillis)
        if (admission._tag === "refused") {
          yield* Metric.update(Metrics.calls.refused, 1)
          return yield* refusal(target, admission.waitMs)
        }
        keep(target.name, admission.next)
        const exit = yield* Effect.exit(restore(call))
        yield* end(target, admission._tag === "probe", exit, verdictOf)
        return yield* exit
      })
    )
}

// --- helpers ---

const success: Verdict = { _tag: "success" }
const failed = (retryAfter: number | undefined): Verdict => ({
  _tag: "failure",
  retryAfterMs: retryAfter === undefined ? undefined : retryAfter * 1000
})

/** No connection, no answer, an answer of the server's own fault. */
const ofTheTarget: ReadonlySet<Failure.FailureKind> = new Set<Failure.FailureKind>([
  "connection",
  "timeout",
  "db_connection",
  "rate_limit",
  "server_error"
])

/** A call that the worker refused, or could not make, is no evidence about the target. */
const ofOurs = /^(EGRESS_REFUSED|POOL_|POOLS_|TOOL_TIMEOUT)/

const verdictOfError = (exit: Exit.Failure<unknown, ToolError>): Verdict => {
  const reason = exit.cause.reasons.find((one) => one._tag === "Fail")
  if (reason === undefined) return { _tag: "ignored" }
  const { code, kind, retryable, retryAfter } = reason.error.failure
  if (kind === "config" || ofOurs.test(code ?? "")) return { _tag: "ignored" }
  return retryable && ofTheTarget.has(kind) ? failed(retryAfter) : success
}

const refusal = ({ kind = "connection", name, tool }: Target, waitMs: number): ToolError => {
  const retryAfter = Math.ceil(waitMs / 100) / 10
  return ToolError.ofFailure(
    tool,
    Failure.make(kind, `${name} fails every time and is left alone for ${retryAfter} s`, {
      code: "CIRCUIT_OPEN",
      source: tool,
      retryAfter
    })
  )
}

const logTransition = (
  { name }: Target,
  before: Circuit,
  after: Circuit,
  now: number
): Effect.Effect<void> => {
  if (after.state === "open" && before.state === "closed") {
    const seconds = (after.until - now) / 1000
    return Effect.andThen(
      Effect.logWarning(
        `${name} failed ${before.failures + 1} times in a row: it is left alone for ${seconds} s`
      ),
      Metric.update(Metrics.transitions.opened, 1)
    )
  }
  return after.state === "closed" && before.state === "half-open"
    ? Effect.andThen(Effect.logInfo(`${name} answers again`), Metric.update(Metrics.transitions.closed, 1))
    : Effect.void
}
