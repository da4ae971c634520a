/** How a job ended → what the queue hears. The one place that decides it. */
import { Cause, Data, Duration, Exit } from "effect"
import { ControlPlaneError } from "../control-plane/ControlPlane.ts"
import type { Claim } from "../domain/Claim.ts"
import type { StopReason } from "../domain/Outcome.ts"
import { JournalError } from "../journal/Journal.ts"
import { Settlement } from "../queue/MessageQueue.ts"

/** How a job ended. `Claimed` is no end. */
export type JobEnd =
  | Exclude<Claim, { readonly _tag: "Claimed" }>
  | Data.TaggedEnum<{
      /** It ended here, now or before, and the control plane knows. */
      Reported: object
      /** It ended its worker before. It was reported as failed; its message is parked. */
      Deadly: { readonly reason: string }
      /** It was being worked here already when this delivery came. */
      RunningHere: object
      Stopped: { readonly why: StopReason }
    }>

export interface SettlementContext {
  /** How often this message was delivered. */
  readonly attempt: number
  /** Whether the control plane publishes a copy of its own when an owner dies: then a first delivery is such a copy. */
  readonly repairs: boolean
  readonly heldRetry: { readonly first: Duration.Duration; readonly last: Duration.Duration }
}

export const settlementOf = (
  exit: Exit.Exit<JobEnd, ControlPlaneError | JournalError | Cause.TimeoutError>,
  context: SettlementContext
): Settlement => {
  if (Exit.isFailure(exit)) return retry(retryDelayOf(exit.cause, context), isOurs(exit.cause))
  const end = exit.value
  switch (end._tag) {
    case "Reported":
    case "AlreadyDone":
      return Settlement.Ack()
    case "HeldElsewhere":
      return context.repairs && context.attempt === 1
        ? Settlement.Ack()
        : retry(held(context, end.retryAfter), false)
    case "RunningHere":
      return retry(held(context, undefined), false)
    case "RetryLater":
      return retry(end.after ?? backoff(context.attempt, 2, 30), end.away !== true)
    case "Deadly":
    case "Rejected":
      return Settlement.Discard({ reason: end.reason })
    case "Stopped":
      return stopped(end.why, context)
  }
}

/**
 * Whether the failure may lie with the message: a control plane that is away or slow, and a journal that cannot be
 * written, would be the same for every other one.
 */
const isOurs = (cause: Cause.Cause<unknown>): boolean => {
  if (Cause.hasDies(cause)) return true
  const error = Cause.squash(cause)
  if (error instanceof ControlPlaneError) return !error.isRetryable
  return !(error instanceof JournalError) && !Cause.isTimeoutError(error) && !Cause.hasInterruptsOnly(cause)
}

const stopped = (why: StopReason, context: SettlementContext): Settlement => {
  switch (why) {
    case "Shutdown":
      return retry(Duration.zero, false)
    case "LeaseLost":
      return retry(held(context, undefined), false)
    case "Cancelled":
      return Settlement.Ack()
  }
}

const retry = (after: Duration.Duration, blame: boolean) => Settlement.Retry({ after, blame })

/** Doubled with each attempt from the first pause to the last; never shorter than the owner's server asked for. */
const held = ({ attempt, heldRetry }: SettlementContext, asked: Duration.Duration | undefined) => {
  const own = backoff(attempt, Duration.toSeconds(heldRetry.first), Duration.toSeconds(heldRetry.last))
  return asked === undefined ? own : Duration.max(own, asked)
}

const retryDelayOf = (cause: Cause.Cause<unknown>, context: SettlementContext): Duration.Duration => {
  const error = Cause.squash(cause)
  const asked =
    error instanceof ControlPlaneError && error.reason._tag === "Busy" ? error.reason.retryAfter : undefined
  return asked === undefined ? backoff(context.attempt, 2, 30) : Duration.millis(asked)
}

const backoff = (attempt: number, first: number, last: number): Duration.Duration =>
  Duration.seconds(Math.min(last, first * 2 ** Math.min(attempt - 1, 16)))
