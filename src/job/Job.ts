/**
 * One message, from the queue to its acknowledgement. The only file that knows the order:
 *
 *   delivery → notification → known? → claim → command → outcome → masked → journal → events → settle
 *
 * Only the execution can be interrupted. A claim is short and never half done; a tool that ran is always told;
 * every exit settles the delivery exactly once, a defect's too.
 */
import { Cause, Clock, Effect, Exit, Fiber, Metric } from "effect"
import { ControlPlane } from "../control-plane/ControlPlane.ts"
import type { Claim } from "../domain/Claim.ts"
import type { Command } from "../domain/Command.ts"
import type { Notification } from "../domain/Notification.ts"
import * as Failure from "../domain/Failure.ts"
import type { CommandId } from "../domain/Ids.ts"
import * as Outcome from "../domain/Outcome.ts"
import { Started } from "../domain/WorkerEvent.ts"
import { type Entry, Journal, type Known } from "../journal/Journal.ts"
import { Leases } from "../queue/Leases.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import type { Delivery } from "../queue/MessageQueue.ts"
import { Stopping } from "../tools/StopReason.ts"
import { WorkerConfig } from "../WorkerConfig.ts"
import { type Blame, finalOf } from "./deadLetter.ts"
import { execute } from "./execute.ts"
import { publishable } from "./publishable.ts"
import { eventOf } from "./report.ts"
import { type JobEnd, settlementOf } from "./settlementOf.ts"
import { traceParent } from "./traceParent.ts"
import type { Watch } from "./Watch.ts"

/** What the dispatcher lends to a job. */
export interface JobSlot {
  /** Holds a permit of the command's kind around the effect, where the kind has a limit. */
  readonly withKind: (kind: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Called when the tool and all it held are gone, while the delivery is still ours. */
  readonly toolsGone: Effect.Effect<void>
  /** Opens when a job that was stopped for the shutdown may go back to the queue. */
  readonly mayHandBack: Effect.Effect<void>
  /** How often commands failed here, over all jobs. */
  readonly blame: Blame
  readonly watch: Watch
}

/** Works one delivery and settles it exactly once, whatever happens in between. */
export const run = (delivery: Delivery, notification: Notification, slot: JobSlot) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const known = yield* (yield* Journal).lookup(notification.commandId)
      if (known !== undefined) return yield* reportAgain(known)
      const claim = yield* claimOf(notification, delivery)
      if (claim._tag !== "Claimed") return claim
      const command = claim.command
      const journal = yield* Journal
      const times = yield* journal.begun(command.commandId)
      const deadly = times > mayEndItsWorker
      const outcome = deadly ? endedItsWorker(times - 1) : yield* work(command, delivery, slot, restore)
      yield* slot.toolsGone
      if (outcome._tag === "Stopped") {
        yield* journal.stopped(command.commandId)
        return { _tag: "Stopped", why: outcome.why } as const
      }
      const ending = yield* publishable(command, outcome)
      yield* journal.record(command, ending)
      const end = yield* reportOnce(command, ending, delivery)
      return deadly && end._tag === "Reported"
        ? ({ _tag: "Deadly", reason: `it ended its worker ${times - 1} times` } as const)
        : end
    }).pipe(
      Effect.onExit((exit) => settle(delivery, exit, slot, notification.commandId)),
      Effect.annotateLogs({
        execution: notification.executionId,
        command: notification.commandId,
        step: notification.step
      }),
      Effect.withSpan(
        "command",
        {
          attributes: {
            "noetl.command": notification.commandId,
            "noetl.execution": notification.executionId,
            "noetl.step": notification.step
          },
          parent: traceParent(notification.traceparent),
          kind: "consumer"
        },
        { captureStackTrace: false }
      )
    )
  )

/** How often a command may end the process that works it before nobody tries it again. */
const mayEndItsWorker = 2

const endedItsWorker = (times: number) =>
  Outcome.crashed(
    Failure.make(
      "unknown",
      `the command ended the process of its worker ${times} times and is not tried again; its message is with the dead letters`
    )
  )

/** Tells an outcome that is in the journal, without a delivery: the queue brings its message some day, or never. */
export const reportLeftover = (entry: Entry) =>
  reportAgain({ _tag: "Unreported", entry }).pipe(
    Effect.uninterruptible,
    Effect.catch((error) => Effect.logDebug(`still not reported: ${error.message}`)),
    Effect.annotateLogs({ execution: entry.command.executionId, command: entry.command.commandId })
  )

/** The same for a delivery whose command is being worked here at this moment. */
export const alreadyRunning = (delivery: Delivery, slot: JobSlot, id: CommandId) =>
  settle(delivery, Exit.succeed({ _tag: "RunningHere" } as const), slot, id)

const claimOf = Effect.fnUntraced(function* (notification: Notification, delivery: Delivery) {
  const controlPlane = yield* ControlPlane
  const { claimWithin } = yield* WorkerConfig
  const claim: Claim = yield* controlPlane
    .claim(notification, delivery.attempt)
    .pipe(Effect.timeout(claimWithin), Effect.interruptible)
  yield* Metric.update(Metrics.claimAnswers[claim._tag], 1)
  if (claim._tag !== "Claimed") {
    yield* Effect.logDebug(
      "reason" in claim ? `claim: ${claim._tag}: ${claim.reason}` : `claim: ${claim._tag}`
    )
  }
  return claim
})

/** The only part that can be interrupted; why it was is part of the outcome. */
const work = Effect.fnUntraced(function* (
  command: Command,
  delivery: Delivery,
  slot: JobSlot,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
) {
  const controlPlane = yield* ControlPlane
  const startedAt = yield* Clock.currentTimeMillis
  // It goes out while the tool runs; only the ending waits for it, so that the log keeps its order.
  const started = yield* Effect.forkChild(
    controlPlane
      .report(command, Started(), false)
      .pipe(Effect.catch((error) => Effect.logDebug(`the start was not reported: ${error.message}`))),
    { startImmediately: true }
  )
  // Whoever interrupts from outside shuts the worker down; the two other reasons come from the watch.
  const stop: Stop = { why: "Shutdown" }
  const exit = yield* Effect.exit(restore(executeWatched(command, delivery, slot, stop)))
  yield* Fiber.await(started).pipe(Effect.timeoutOption("2 seconds"))
  yield* Fiber.interrupt(started)
  const outcome = yield* outcomeOf(exit, stop.why)
  yield* count(outcome, (yield* Clock.currentTimeMillis) - startedAt)
  yield* say(command, outcome)
  return outcome
})

interface Stop {
  why: Outcome.StopReason
}

/** In a fiber of its own, so that the watch can interrupt it and nothing else. */
const executeWatched = (command: Command, delivery: Delivery, slot: JobSlot, stop: Stop) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.forkChild(
      execute(command).pipe(
        Effect.provideService(Stopping, { why: Effect.sync(() => stop.why) }),
        slot.withKind(command.kind),
        Effect.annotateLogs({ tool: command.kind })
      ),
      { startImmediately: true }
    ).pipe(
      Effect.flatMap((running) =>
        restore(Fiber.join(running)).pipe(
          slot.watch.during(delivery.id, command, (why) => {
            stop.why = why
            running.interruptUnsafe()
          }),
          Effect.onInterrupt(() => Fiber.interrupt(running))
        )
      )
    )
  )

const count = Effect.fnUntraced(function* (outcome: Outcome.Outcome, millis: number) {
  yield* Metric.update(Metrics.outcomes[outcome._tag], 1)
  if (outcome._tag === "Stopped") return
  yield* Metric.update(Metrics.jobSeconds, millis / 1000)
  yield* Metric.update(Metrics.jobsProcessed, 1)
  if (outcome._tag !== "Succeeded") yield* Metric.update(Metrics.jobsFailed, 1)
})

/** Only who stops the command interrupts it. */
const outcomeOf = (
  exit: Exit.Exit<Outcome.Ending>,
  why: Outcome.StopReason
): Effect.Effect<Outcome.Outcome> => {
  if (Exit.isSuccess(exit)) return Effect.succeed(exit.value)
  return Cause.hasInterruptsOnly(exit.cause)
    ? Effect.succeed(Outcome.stopped(why))
    : Effect.failCause(exit.cause)
}

/** Tells an outcome until it was accepted or the time is over. After a lapse it is told only if it is still ours. */
const reportOnce = Effect.fnUntraced(function* (
  command: Command,
  ending: Outcome.Ending,
  delivery: Delivery
) {
  const leases = yield* Leases
  if (yield* leases.lapsed(delivery.id)) return yield* reportIfOurs(command, ending, false)
  return yield* reportNow(command, ending, false)
})

const reportAgain = Effect.fnUntraced(function* (known: Known) {
  if (known._tag === "Accepted") return { _tag: "Reported" } as const
  yield* Effect.logInfo("it ended here before and was not reported: reporting again, not running again")
  return yield* reportIfOurs(known.entry.command, known.entry.ending, true)
})

const reportIfOurs = Effect.fnUntraced(function* (command: Command, ending: Outcome.Ending, again: boolean) {
  const owner = yield* (yield* ControlPlane).owner(command)
  switch (owner._tag) {
    case "Ours":
      return yield* reportNow(command, ending, again)
    case "Ended":
      yield* Effect.logWarning("it ended elsewhere while our lease had lapsed: our outcome is dropped")
      yield* (yield* Journal).accepted(command.commandId)
      return { _tag: "Reported" } as const
    case "Other":
      yield* Effect.logWarning(
        `${owner.name ?? "another worker"} owns it since our lease lapsed: our outcome waits`
      )
      return { _tag: "HeldElsewhere", owner: owner.name, retryAfter: undefined } as const
    case "Unknown":
      return { _tag: "RetryLater", after: undefined, reason: "nobody can say who owns the command" } as const
  }
})

const reportNow = Effect.fnUntraced(function* (command: Command, ending: Outcome.Ending, again: boolean) {
  const { reportWithin } = yield* WorkerConfig
  yield* (yield* ControlPlane).report(command, eventOf(ending), again).pipe(
    Effect.timeout(reportWithin),
    Effect.interruptible,
    Effect.tapError((error) =>
      Effect.andThen(
        Metric.update(Metrics.reportFailures, 1),
        Effect.logError(`not reported: ${error.message}`)
      )
    )
  )
  yield* (yield* Journal).accepted(command.commandId)
  yield* Metric.update(Metrics.reports, 1)
  return { _tag: "Reported" } as const
})

const settle = Effect.fnUntraced(function* (
  delivery: Delivery,
  exit: Exit.Exit<JobEnd, Parameters<typeof settlementOf>[0] extends Exit.Exit<infer _, infer E> ? E : never>,
  slot: JobSlot,
  id: CommandId
) {
  const { heldRetry } = yield* WorkerConfig
  const repairs = yield* (yield* ControlPlane).repairs
  const heard = settlementOf(exit, { attempt: delivery.attempt, repairs, heldRetry })
  if (Exit.isFailure(exit))
    yield* Effect.logWarning("the job did not come to an end and is tried again", exit.cause)
  const settlement = yield* finalOf(delivery, heard, id, slot.blame)
  if (Exit.isSuccess(exit) && exit.value._tag === "Stopped" && exit.value.why === "Shutdown")
    yield* slot.mayHandBack
  yield* delivery.settle(settlement).pipe(
    Effect.tap(() => Metric.update(Metrics.settled[settlement._tag], 1)),
    // The queue delivers it again when the lease is over, and the journal knows what to answer then.
    Effect.catch((error) => Effect.logError(`the queue did not hear ${settlement._tag}: ${error.message}`))
  )
})

const say = (command: Command, outcome: Outcome.Outcome) => {
  const what = `${command.kind} ${outcome._tag === "Stopped" ? `stopped: ${outcome.why}` : outcome._tag.toLowerCase()}`
  if (outcome._tag === "Succeeded" || outcome._tag === "Stopped") return Effect.logInfo(what)
  const error = outcome._tag === "Crashed" ? outcome.error : outcome.result.error
  return Effect.logWarning(`${what}: ${error?.message ?? "no reason given"}`)
}
