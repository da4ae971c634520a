/**
 * The Python servers 2.8 to 2.10.
 *
 * `call.done` and `call.error` drive the workflow and have no idempotency key, so each is a single post, read back
 * before it is sent again after a failure that may have come too late. Their server answers 500 also after the row
 * was stored. `step.exit` goes out only as a batch item that drives nothing: singly it would issue the next step twice.
 */
import { Effect, Exit, Schedule } from "effect"
import { retryLazily } from "../../async/retryLazily.ts"
import type { EndingEvent } from "../../domain/WorkerEvent.ts"
import type { ControlPlaneError } from "../ControlPlane.ts"
import { playbook } from "./catalog.ts"
import { childResult, childStatus } from "./children.ts"
import type { Dialect, Endpoint, Report } from "./Dialect.ts"
import { type Answered, objectOf, sendOk, startOk } from "./HttpJson.ts"
import {
  batchRequest,
  callItem,
  type Item,
  noted,
  refusedValue,
  type Sender,
  singleRequest,
  startItems,
  tailItems
} from "./python2Events.ts"
import { call, untilAccepted } from "./pythonCall.ts"
import { claimOf, claimRequest, republishesOrphans } from "./pythonClaim.ts"
import { deregistration, isCancelled, registeredWorkers, registration } from "./pythonRegistry.ts"
import { isNotThere } from "./readBack.ts"
import { credential, keychain } from "./secrets.ts"
import { startChild } from "./startChild.ts"

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
  batch(sender, "start", startItems(sender)).pipe(retryLazily({ schedule: Schedule.recurs(1) }))

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
const ended = (
  sender: Sender,
  event: EndingEvent,
  mayBeThere: boolean,
  first: FirstAttempts = {}
): Sent<void> => {
  const { command } = sender
  const withNote = (why: string) => noted(event, why)
  return call({
    sender,
    item: callItem(command, event),
    withNote: (why) => callItem(command, withNote(why)),
    mayBeThere,
    first: first.call
  }).pipe(
    Effect.flatMap(({ generated, refusedValue: why }) =>
      tail(sender, why === undefined ? event : withNote(why), generated, first.tail)
    ),
    Effect.catchIf(
      // A server that refuses the value for good is told that there is none: a run that fails beats one that hangs.
      (error) => event._tag === "Succeeded" && error.reason._tag === "Refused",
      (error) => ended(sender, refusedValue(error), mayBeThere)
    )
  )
}

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
