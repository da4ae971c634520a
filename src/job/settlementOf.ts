/** How a job ended → the answer to its delivery. The one place that decides it. */
import { Cause, Data, Duration, Exit } from "effect"
import { ControlPlaneError } from "../control-plane/ControlPlane.ts"
import type { Claim } from "../domain/Claim.ts"
import type { StopReason } from "../domain/Outcome.ts"
import { JournalError } from "../journal/Journal.ts"
import { Settlement } from "../queue/MessageQueue.ts"

/** How a job ended. */
export type JobExit =
  | Exclude<Claim, { readonly _tag: "Claimed" }>
  | Data.TaggedEnum<{
      /** The command ended here, now or before, and the control plane accepted the outcome. */
      Reported: object
      /** The command ended its worker's process before. It was reported as failed; its message becomes a dead letter. */
      Poisoned: { readonly reason: string }
      /** The message is not a notification. */
      Undecodable: { readonly detail: string }
      /** A server other than the configured one gave no answer to the claim for too long. */
      Unanswered: { readonly detail: string }
      /** The command was in flight here already when this delivery came. */
      RunningHere: object
      Stopped: { readonly why: StopReason }
    }>

export interface SettlementContext {
  /** How often this message was delivered. */
  readonly attempt: number
  /** Whether the server publishes a command again when its owner dies: then a first delivery may be such a copy. */
  readonly republishes: boolean
  readonly heldRetry: { readonly first: Duration.Duration; readonly last: Duration.Duration }
}

export const settlementOf = (
  exit: Exit.Exit<JobExit, ControlPlaneError | JournalError | Cause.TimeoutError>,
  context: SettlementContext
): Settlement => {
  if (Exit.isFailure(exit)) {
    // Only the shutdown interrupts a job.
    if (Cause.hasInterruptsOnly(exit.cause)) return stopped("Shutdown", context)
    return retry(retryDelayOf(exit.cause, context), isFailureOfCommand(exit.cause))
  }
  const end = exit.value
  switch (end._tag) {
    case "Reported":
    case "AlreadyDone":
      return Settlement.Ack()
    case "HeldElsewhere":
      return context.republishes && context.attempt === 1
        ? Settlement.Ack()
        : retry(held(context, end.retryAfter), false)
    case "RunningHere":
      return retry(held(context, undefined), false)
    case "RetryLater":
      return retry(end.after ?? backoff(context.attempt, 2, 30), end.away !== true)
    case "Poisoned":
    case "Rejected":
      return Settlement.Discard({ reason: end.reason })
    case "Undecodable":
      return Settlement.Discard({ reason: `no notification: ${end.detail}` })
    case "Unanswered":
      return Settlement.Discard({ reason: end.detail })
    case "Stopped":
      return stopped(end.why, context)
  }
}

/**
 * Whether the failure may lie with the message: a control plane that is away or slow, and a journal that cannot be
 * written, would be the same for every other one.
 */
const isFailureOfCommand = (cause: Cause.Cause<unknown>): boolean => {
  if (Cause.hasDies(cause)) return true
  const error = Cause.squash(cause)
  if (error instanceof ControlPlaneError) return !error.isRetryable
  return !(error instanceof JournalError) && !Cause.isTimeoutError(error)
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

const retry = (after: Duration.Duration, countsAsFailure: boolean) =>
  Settlement.Retry({ after, countsAsFailure })

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
