/**
 * The Python servers 2.8 to 2.10.
 *
 * `call.done` and `call.error` drive the workflow and have no idempotency key, so each is a single post, read back
 * before it is sent again after a failure that may have come too late. Their server answers 500 also after the row
 * was stored. `step.exit` goes out only as a batch item that drives nothing: singly it would issue the next step twice.
 */
import { Duration, Effect, Exit, Schedule } from "effect"
import { backoff } from "../../async/backoff.ts"
import { retryLazily } from "../../async/retryLazily.ts"
import type { EndingEvent } from "../../domain/WorkerEvent.ts"
import { ControlPlaneError, Refused } from "../ControlPlane.ts"
import { playbook } from "./catalog.ts"
import { childResult, childStatus, startChild } from "./children.ts"
import type { Dialect, Endpoint, Report } from "./Dialect.ts"
import { type Answered, objectOf, sendOk, startOk } from "./HttpJson.ts"
import {
  batchRequest,
  callItem,
  type Item,
  refusedValue,
  type Sender,
  singleRequest,
  tailItems
} from "./python2Events.ts"
import { claimOf, claimRequest, republishesOrphans } from "./pythonClaim.ts"
import { deregistration, isCancelled, registeredWorkers, registration } from "./pythonRegistry.ts"
import { findEvent, isNotThere, wentOn } from "./readBack.ts"
import { credential, keychain } from "./secrets.ts"

export const python2: Dialect = {
  registration,
  deregistration,
  registeredWorkers,
  claimRequest,
  claimOf,
  republishesOrphans,
  report: (server, report) => {
    const sender = senderOf(server, report)
    if (report.event._tag === "Started") return started(sender)
    return report.mayBeThere ? ended(sender, report.event, true) : endedAtOnce(sender, report.event)
  },
  isCancelled,
  credential,
  keychain,
  playbook,
  startChild,
  childStatus,
  childResult
}

// --- events ---

type Sent<A> = Effect.Effect<A, ControlPlaneError>

const senderOf = (server: Endpoint, { command, workerName }: Report): Sender => ({
  server,
  command,
  workerName
})

/** Answers with how many commands the event made; 0 where that is not read. */
const single = (sender: Sender, item: Item, first?: Answered): Sent<number> =>
  firstOr(first, sendOk(sender.server.http, singleRequest(sender, item))).pipe(
    Effect.map((answer) => Number(objectOf(answer)["commands_generated"] ?? 0))
  )

const batch = (sender: Sender, key: string, items: ReadonlyArray<Item>, first?: Answered): Sent<void> =>
  firstOr(first, sendOk(sender.server.http, batchRequest(sender, key, items))).pipe(
    // Servers before 2.8.6 have no batch. A single step.exit would drive the workflow, so it is left out.
    Effect.catchIf(isNotThere, () =>
      Effect.forEach(
        items.filter((item) => item.name !== "step.exit"),
        (item) => single(sender, item),
        { discard: true }
      )
    ),
    Effect.asVoid
  )

/** An effect whose first run was made already, with this result. */
const firstOr = <A>(first: Exit.Exit<A, ControlPlaneError> | undefined, effect: Sent<A>): Sent<A> => {
  if (first === undefined) return effect
  let next: Sent<A> = first
  return Effect.suspend(() => {
    const now = next
    next = effect
    return now
  })
}

const started = (sender: Sender) =>
  batch(sender, "start", [
    {
      name: "command.started",
      payload: { command_id: sender.command.commandId, worker_id: sender.workerName }
    },
    { name: "step.enter", payload: { status: "started" } }
  ]).pipe(retryLazily({ schedule: Schedule.recurs(1) }))

/**
 * An ending as almost every one goes: two requests, each accepted at once. What is not accepted goes on at its stage of `ended`,
 * as that stage's first attempt.
 */
const endedAtOnce = (sender: Sender, event: EndingEvent): Sent<void> =>
  Effect.callback((resume) => {
    const { http } = sender.server
    const callEvent = callItem(sender.command, event)
    let cancel = startOk(http, singleRequest(sender, callEvent), (called) => {
      if (Exit.isFailure(called) || event._tag === "Failed")
        return resume(ended(sender, event, false, { call: called }))
      cancel = startOk(http, batchRequest(sender, "end", tailItems(sender, event)), (told) =>
        resume(Exit.isSuccess(told) ? Effect.void : ended(sender, event, false, { call: called, tail: told }))
      )
    })
    return Effect.sync(() => cancel())
  })

/** What the first attempts came to that were made already. */
interface FirstAttempts {
  readonly call?: Answered
  readonly tail?: Answered
}

/** The call's event until it is there, then the tail until it is there: neither is sent again for the other's sake. */
const ended = (sender: Sender, event: EndingEvent, again: boolean, first: FirstAttempts = {}): Sent<void> =>
  call(sender, callItem(sender.command, event), again, first.call).pipe(
    Effect.flatMap((generated) => tail(sender, event, generated, first.tail)),
    Effect.catchIf(
      // A server that will never take the value is told that there is none: a run that fails beats one that hangs.
      (error) => event._tag === "Succeeded" && error.reason._tag === "Refused",
      (error) => ended(sender, refusedValue(error), again)
    )
  )

/** Answers with how many commands the event made; undefined where it was there already. */
const call = (sender: Sender, item: Item, again: boolean, first: Answered | undefined) => {
  const state: { mayBeThere: boolean; broke: string | undefined } = { mayBeThere: again, broke: undefined }
  const sent = single(sender, item, first)
  const once = Effect.gen(function* () {
    const there = state.mayBeThere ? yield* findEvent(sender.server, sender.command, item.name) : undefined
    if (there === undefined) return yield* sent
    if (state.broke !== undefined && !(yield* settledBy(sender, there)))
      return yield* stuck(item, state.broke)
    return undefined
  })
  return once.pipe(
    Effect.tapError((error) => {
      state.mayBeThere = true
      const { reason } = error
      state.broke =
        reason._tag === "Unreachable" && reason.detail.startsWith("HTTP 5") ? reason.detail : undefined
      return Effect.logDebug(`${error.message}; trying again`)
    }),
    untilAccepted
  )
}

/**
 * A server that stores an event and then breaks on it answers 500 and does nothing more: the run would hang for ever.
 * It is given some seconds to show that it went on.
 */
const settledBy = (sender: Sender, eventId: string) =>
  wentOn(sender.server, sender.command, eventId).pipe(
    Effect.repeat({
      until: (yes) => yes,
      schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 3 }))
    }),
    Effect.andThen(wentOn(sender.server, sender.command, eventId))
  )

const stuck = (item: Item, detail: string) =>
  item.name === "call.done"
    ? new ControlPlaneError({
        operation: `report ${item.name}`,
        reason: new Refused({
          status: 500,
          body: `it was stored and broke the server, which did nothing more: ${detail}`
        })
      })
    : Effect.succeed(undefined)

const tail = (
  sender: Sender,
  event: EndingEvent,
  generated: number | undefined,
  first: Answered | undefined
) => {
  const items = tailItems(sender, event)
  const inBatch = untilAccepted(batch(sender, "end", items, first))
  if (event._tag === "Succeeded" || generated !== 0) return inBatch
  // No arc handled the error. The failure ends the run, and only the single endpoint runs it.
  const [exit, failed] = items
  return exit === undefined || failed === undefined
    ? inBatch
    : Effect.andThen(untilAccepted(batch(sender, "end", [exit])), untilAccepted(single(sender, failed)))
}

const untilAccepted = <A>(effect: Effect.Effect<A, ControlPlaneError>): Effect.Effect<A, ControlPlaneError> =>
  effect.pipe(retryLazily({ while: (error) => error.isRetryable, schedule: reportBackoff }))

/** Longer when the server asks for it. The caller sets the end. */
const reportBackoff: Schedule.Schedule<unknown, ControlPlaneError> = backoff("250 millis", "10 seconds").pipe(
  Schedule.setInputType<ControlPlaneError>(),
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.succeed(
      input.reason._tag === "Busy" && input.reason.retryAfter !== undefined
        ? Duration.max(duration, Duration.millis(input.reason.retryAfter))
        : duration
    )
  )
)
