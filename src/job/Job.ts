/**
 * One message, from the queue to its acknowledgement. The only file that knows the order:
 *
 *   delivery → notification → known? → claim → command → outcome → redacted → journal → events → settled
 *
 * Each stage is a function that a job can enter: after a claim, with an outcome, with an ending to report. Only the
 * execution and the waiting for a claim can be interrupted, and every exit settles the delivery exactly once.
 */
import { Effect, Result } from "effect"
import type { Command } from "../domain/Command.ts"
import { decode, type Notification } from "../domain/Notification.ts"
import type { Outcome } from "../domain/Outcome.ts"
import { Journal } from "../journal/Journal.ts"
import type { Delivery } from "../queue/MessageQueue.ts"
import * as Attempt from "./attempt.ts"
import * as Claim from "./claim.ts"
import * as Deliver from "./deliver.ts"
import type { JobServices, JobSlot } from "./JobSlot.ts"
import { poisoned, unreadable } from "./poison.ts"
import * as Redact from "./redactAndOffload.ts"
import * as Settle from "./settle.ts"
import type { JobExit } from "./settlementOf.ts"
import * as Traced from "./traced.ts"

export const make = Effect.fnUntraced(function* (services: JobServices) {
  const journal = yield* Journal
  const claim = yield* Claim.make(services)
  const attempt = yield* Attempt.make(services)
  const redactAndOffload = yield* Redact.make
  const deliver = yield* Deliver.make
  const settle = yield* Settle.make(services)
  const traced = yield* Traced.make

  const fromNotification = Effect.fnUntraced(function* (
    notification: Notification,
    delivery: Delivery,
    slot: JobSlot
  ) {
    const known = yield* journal.find(notification.commandId)
    if (known?._tag === "Reported") return { _tag: "Reported" } as const
    if (known?._tag === "Unreported") return yield* deliver.again(known.entry)
    const answer = yield* claim(notification, delivery, slot)
    if (answer._tag !== "Claimed") return answer
    if (known !== undefined)
      return yield* fromOutcome(answer.command, unreadable(known.detail), delivery, slot)
    const starts = yield* journal.countStart(answer.command.commandId)
    const outcome = poisoned(starts) ?? (yield* attempt(answer.command, delivery, slot))
    return yield* fromOutcome(answer.command, outcome, delivery, slot)
  })

  const fromOutcome = Effect.fnUntraced(function* (
    command: Command,
    outcome: Outcome,
    delivery: Delivery,
    slot: JobSlot
  ) {
    slot.toolReleased()
    if (outcome._tag === "Stopped") {
      yield* journal.resetStarts(command.commandId)
      return { _tag: "Stopped", why: outcome.why } as const
    }
    const ending = yield* redactAndOffload(command, outcome)
    yield* journal.record(command, ending)
    return yield* deliver.now(command, ending, delivery, slot)
  })

  const run = (delivery: Delivery, slot: JobSlot) => {
    const notification = decode(delivery.body)
    if (Result.isFailure(notification))
      return settle(delivery, slot, undefined, undecodable(notification.failure.message))
    const { commandId } = notification.success
    if (!slot.enter(notification.success))
      return settle(delivery, slot, commandId, Effect.succeed<JobExit>({ _tag: "RunningHere" }))
    return settle(delivery, slot, commandId, fromNotification(notification.success, delivery, slot)).pipe(
      traced(notification.success)
    )
  }

  return { run, reportLeftover: deliver.leftover }
})

const undecodable = (detail: string) => Effect.succeed<JobExit>({ _tag: "Undecodable", detail })
