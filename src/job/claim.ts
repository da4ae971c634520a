/**
 * Claims a command for this worker.
 *
 * A claim whose answer was lost may stand at the server, and then every other worker is refused. So this worker asks
 * again, holding the delivery, until it has an answer; only a definite refusal lets go. A drain ends the asking: the
 * worker deregisters, which frees the claim, and hands the delivery back after that.
 */
import { Clock, type Context, Duration, Effect, Schedule } from "effect"
import { backoff } from "../async/backoff.ts"
import { withinOrElse } from "../async/within.ts"
import { ControlPlane, type ControlPlaneError } from "../control-plane/ControlPlane.ts"
import * as Claim from "../domain/Claim.ts"
import type { Notification } from "../domain/Notification.ts"
import type { Delivery } from "../queue/MessageQueue.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { updater } from "../telemetry/updater.ts"
import { WorkerConfig } from "../WorkerConfig.ts"
import type { JobServices, JobSlot } from "./JobSlot.ts"
import type { JobExit } from "./settlementOf.ts"

export type Claimed = Extract<Claim.Claim, { readonly _tag: "Claimed" }>

type Answered = Exclude<Claim.Claim, { readonly _tag: "RetryLater" }> | JobExit

/** No answer yet: the request may have arrived. */
interface Unanswered {
  readonly _tag: "Unanswered"
  readonly detail: string
  /** What the server asked to wait. */
  readonly after: Duration.Duration | undefined
  /** The server is away or busy. Otherwise it answers, and answers this claim with nonsense. */
  readonly away: boolean
}

/** How long a server that is there may answer one claim with nonsense before the attempt counts as a failure. */
const nonsensePatience = Duration.seconds(30)

export const make = Effect.fnUntraced(function* ({ draining }: JobServices) {
  const controlPlane = yield* ControlPlane
  const context = yield* Effect.context()
  const counted = countWith(context)
  const update = updater(context)
  const clock = yield* Clock.Clock
  const claimWithin = Duration.toMillis((yield* WorkerConfig).claimWithin)
  const late = () => Effect.succeed(unanswered(`no answer within ${claimWithin / 1000} s`))

  const ask = (notification: Notification, delivery: Delivery) =>
    controlPlane.claim(notification, delivery.attempt).pipe(
      Effect.map((answer) =>
        answer._tag === "RetryLater" ? unanswered(answer.reason, answer.after, answer.away === true) : answer
      ),
      Effect.catch((error) => (error.isRetryable ? Effect.succeed(lost(error)) : Effect.fail(error))),
      withinOrElse(claimWithin, late),
      Effect.interruptible
    )

  const askAgain = Effect.fnUntraced(function* (
    notification: Notification,
    delivery: Delivery,
    first: Unanswered
  ) {
    const since = yield* Clock.currentTimeMillis
    const pause = yield* Schedule.toStep(backoff("500 millis", "10 seconds"))
    const patienceFor = ({ away }: Unanswered) =>
      away ? controlPlane.claimPatience(notification.serverUrl) : nonsensePatience
    let last = first
    yield* Effect.logWarning(`the claim has no answer and may stand: asking again (${last.detail})`)
    while (true) {
      const now = yield* Clock.currentTimeMillis
      if (now - since >= Duration.toMillis(patienceFor(last))) return exitOf(notification, last, now - since)
      const [, own] = yield* Effect.orDie(pause(now, undefined))
      const delay = last.after === undefined ? own : Duration.max(own, last.after)
      const drains = yield* Effect.raceFirst(Effect.as(Effect.sleep(delay), false), Effect.as(draining, true))
      if (drains) return { _tag: "Stopped", why: "Shutdown" } satisfies JobExit
      const answer = yield* ask(notification, delivery)
      if (answer._tag !== "Unanswered") return answer
      last = answer
    }
  }, Effect.interruptible)

  return Effect.fnUntraced(function* (notification: Notification, slot: JobSlot) {
    slot.at("claim")
    const { delivery } = slot
    const startedAt = clock.currentTimeMillisUnsafe()
    const answered = <A extends Answered>(answer: A) => {
      update(Metrics.claimSeconds, (clock.currentTimeMillisUnsafe() - startedAt) / 1000)
      return counted(answer)
    }
    const first = yield* ask(notification, delivery)
    if (first._tag !== "Unanswered") return yield* answered(first)
    const again = askAgain(notification, delivery, first)
    // While the configured server is away no slot can be used anyway. One of the others must not hold up its work.
    const isHome = Duration.toMillis(controlPlane.claimPatience(notification.serverUrl)) === Infinity
    return yield* answered(yield* isHome ? again : slot.park(again))
  })
})

// --- helpers ---

const countWith = (context: Context.Context<never>) => {
  const update = updater(context)
  return <A extends Answered>(answer: A): Effect.Effect<A> => {
    const { _tag } = answer
    if (_tag in Metrics.claimAnswers)
      update(Metrics.claimAnswers[_tag as keyof typeof Metrics.claimAnswers], 1)
    if (_tag === "Claimed") return Effect.succeed(answer)
    return Effect.as(
      Effect.logDebug("reason" in answer ? `claim: ${_tag}: ${answer.reason}` : `claim: ${_tag}`),
      answer
    )
  }
}

const unanswered = (detail: string, after?: Duration.Duration, away = true): Unanswered => ({
  _tag: "Unanswered",
  detail,
  after,
  away
})

const lost = (error: ControlPlaneError): Unanswered =>
  unanswered(
    error.message,
    error.reason._tag === "Busy" && error.reason.retryAfter !== undefined
      ? Duration.millis(error.reason.retryAfter)
      : undefined
  )

/** A server that is away for too long gives a dead letter; nonsense counts as a failure of this command. */
const exitOf = ({ serverUrl }: Notification, last: Unanswered, millis: number): JobExit =>
  last.away
    ? {
        _tag: "Unanswered",
        detail: `${serverUrl} gave no answer to the claim for ${Math.round(millis / 1000)} s (${last.detail}); the claim may stand there`
      }
    : { _tag: "RetryLater", after: last.after, reason: last.detail }
