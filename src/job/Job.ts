/**
 * One message, from the queue to its acknowledgement. The only file that knows the order:
 *
 *   delivery → notification → known? → claim → command → outcome → redacted → journal → events → settled
 *
 * Each stage is a function that a job can enter: after a claim, with an outcome, with an ending to report. Only the
 * execution and the waiting for a claim can be interrupted, and every exit settles the delivery exactly once.
 */
import { Effect } from "effect"
import type { Command } from "../domain/Command.ts"
import { ControlPlane } from "../control-plane/ControlPlane.ts"
import type { Notification } from "../domain/Notification.ts"
import type { Outcome } from "../domain/Outcome.ts"
import { Journal } from "../journal/Journal.ts"
import { Redactor } from "../secrets/Redactor.ts"
import type { JobServices, JobSlot } from "./JobSlot.ts"
import { poisoned, unreadable } from "./poison.ts"
import { running, stagesOf, undecodable } from "./stages.ts"

export const make = Effect.fnUntraced(function* (services: JobServices) {
  const journal = yield* Journal
  const { holding } = yield* Redactor
  const { notificationOf } = yield* ControlPlane
  const { attempt, claim, deliver, redactAndOffload, settle, traced } = yield* stagesOf(services)

  const fromNotification = Effect.fnUntraced(function* (notification: Notification, slot: JobSlot) {
    const known = yield* journal.find(notification.commandId)
    if (known?._tag === "Reported") return { _tag: "Reported" } as const
    if (known?._tag === "Unreported") return yield* deliver.again(known.entry)
    const answer = yield* claim(notification, slot)
    if (answer._tag !== "Claimed") return answer
    const { command } = answer
    if (known !== undefined) return yield* fromOutcome(command, unreadable(known.detail), slot)
    const deaths = yield* journal.countStart(command.commandId)
    return yield* fromOutcome(command, poisoned(deaths) ?? (yield* attempt(command, slot, deaths)), slot)
  })

  const fromOutcome = Effect.fnUntraced(function* (command: Command, outcome: Outcome, slot: JobSlot) {
    slot.toolReleased()
    if (outcome._tag === "Stopped") {
      yield* journal.resetStarts(command.commandId)
      return { _tag: "Stopped", why: outcome.why } as const
    }
    const ending = yield* redactAndOffload(command, outcome)
    yield* journal.record(command, ending)
    return yield* deliver.now(command, ending, slot)
  })

  const work = (slot: JobSlot, notification: Notification) =>
    slot.enter(notification)
      ? settle(slot, notification.commandId, fromNotification(notification, slot)).pipe(
          traced(notification, slot.delivery.attempt),
          // A secret of the command may stand in every event, log line and dead letter of it.
          holding
        )
      : settle(slot, notification.commandId, running)

  const run = (slot: JobSlot) =>
    Effect.uninterruptible(
      Effect.matchEffect(notificationOf(slot.delivery.body), {
        onFailure: ({ message }) => settle(slot, undefined, undecodable(message)),
        onSuccess: (notification) => work(slot, notification)
      })
    )
  return { run, reportLeftover: deliver.leftover }
})
