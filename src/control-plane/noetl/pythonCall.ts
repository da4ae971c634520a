/**
 * The event that drives the workflow of the Python servers 2.8 to 2.10, sent until it is there.
 *
 * It has no idempotency key: after a failure that may have come too late it is read back before it is sent again. A
 * server that is away or fails on everything is waited for. Only a server that takes other events and fails on this one
 * shows that the value is to blame, and then the event goes with a note in its place.
 */
import { Clock, Duration, Effect, Exit, Schedule } from "effect"
import { backoff } from "../../async/backoff.ts"
import { retryAfter, retryLazily } from "../../async/retryLazily.ts"
import { ControlPlaneError, Refused, Unreachable } from "../ControlPlane.ts"
import { type Answered, objectOf, sendOk } from "./HttpJson.ts"
import { batchRequest, type Item, type Sender, singleRequest, startItems } from "./python2Events.ts"
import { findEvent, wentOn } from "./readBack.ts"

/** What came of the event. */
export interface Called {
  /** How many commands it made; undefined where it was there already. */
  readonly generated: number | undefined
  /** Why the server takes this event without its value only. */
  readonly refusedValue: string | undefined
}

interface Options {
  readonly sender: Sender
  readonly item: Item
  /** The same event with a note in place of its value. */
  readonly withNote: (why: string) => Item
  readonly mayBeThere: boolean
  /** The first attempt, where it was made already. */
  readonly first: Answered | undefined
}

interface Progress {
  mayBeThere: boolean
  /** The server's last 5xx answer. */
  broke: string | undefined
  /** Answers of exactly 500 in a row, which are of the application and not of a proxy. */
  refusals: number
  attempts: number
  remindedAt: number
  /** Read-backs in a row that made no sense. */
  unclear: number
  refusedValue: string | undefined
}

/** So many refusals in a row raise the question whether the value is to blame. */
const suspectAfter = 4

/** How many read-backs may make no sense before the event is sent again without one. With the pauses it is some seconds. */
const maxUnclear = 5

const remindMillis = Duration.toMillis("1 minute")

export const call = (options: Options): Effect.Effect<Called, ControlPlaneError> => {
  const { first, mayBeThere, sender } = options
  const progress: Progress = {
    mayBeThere,
    broke: undefined,
    refusals: 0,
    attempts: 0,
    remindedAt: 0,
    unclear: 0,
    refusedValue: undefined
  }
  const attempt = Effect.suspend(() => once(options, progress))
  const watched = Effect.tapError(attempt, (error) => noteFailure(progress, sender, error))
  if (first === undefined) return untilAccepted(watched)
  if (Exit.isSuccess(first)) return Effect.succeed(calledOf(progress, first.value))
  return first.pipe(
    Effect.matchEffect({
      onSuccess: (answer) => Effect.succeed(calledOf(progress, answer)),
      onFailure: (error) =>
        Effect.andThen(
          noteFailure(progress, sender, error),
          error.isRetryable ? retryAfter(error, watched, policy) : Effect.fail(error)
        )
    })
  )
}

const once = Effect.fnUntraced(function* ({ item, sender, withNote }: Options, progress: Progress) {
  const there = progress.mayBeThere ? yield* findOrGoOn(sender, item, progress) : undefined
  if (there !== undefined) {
    if (progress.broke !== undefined && !(yield* settledBy(sender, there)))
      return yield* stuck(item, progress)
    return { generated: undefined, refusedValue: progress.refusedValue } satisfies Called
  }
  if (progress.refusals < suspectAfter) return yield* send(sender, item, progress)
  return yield* sendBetweenOthers(sender, item, progress).pipe(
    Effect.catchIf(
      () => progress.refusedValue !== undefined,
      () => send(sender, withNote(progress.refusedValue ?? ""), progress)
    )
  )
})

const send = (sender: Sender, item: Item, progress: Progress) =>
  Effect.map(sendOk(sender.server.http, singleRequest(sender, item)), (answer) => calledOf(progress, answer))

const calledOf = (progress: Progress, answer: Parameters<typeof objectOf>[0]): Called => ({
  generated: Number(objectOf(answer)["commands_generated"] ?? 0),
  refusedValue: progress.refusedValue
})

/** Sends the event between two harmless ones. When both are taken and it is not, its value is to blame. */
const sendBetweenOthers = Effect.fnUntraced(function* (sender: Sender, item: Item, progress: Progress) {
  progress.refusals = 0
  yield* probe(sender, progress.attempts, "before")
  return yield* send(sender, item, progress).pipe(
    Effect.catchIf(isRefusal, (error) =>
      Effect.andThen(probe(sender, progress.attempts, "after"), () => {
        progress.refusedValue = error.reason.detail
        return Effect.andThen(
          Effect.logWarning(
            `the server takes other events and not this value (${error.reason.detail}): the command ends with a note in its place`
          ),
          Effect.fail(error)
        )
      })
    )
  )
})

/** Events that drive nothing, with a key of their own so that the server writes them. */
const probe = (sender: Sender, attempt: number, when: "before" | "after") =>
  sendOk(sender.server.http, batchRequest(sender, `probe:${attempt}:${when}`, startItems(sender)))

const isRefusal = (error: ControlPlaneError): boolean =>
  error.reason._tag === "Unreachable" && error.reason.detail.startsWith("HTTP 500")

const noteFailure = (progress: Progress, sender: Sender, error: ControlPlaneError) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    progress.mayBeThere = true
    progress.attempts += 1
    const { reason } = error
    progress.broke =
      reason._tag === "Unreachable" && reason.detail.startsWith("HTTP 5") ? reason.detail : undefined
    progress.refusals = isRefusal(error) ? progress.refusals + 1 : 0
    if (progress.attempts < 2 || now - progress.remindedAt < remindMillis)
      return Effect.logDebug(`${error.message}; trying again`)
    progress.remindedAt = now
    return Effect.logWarning(
      `the ending of command ${sender.command.commandId} is not accepted yet (attempt ${progress.attempts}): ${error.message}; trying again`
    )
  })

/** The id of the event, when the server has it. After some time an answer that makes no sense counts as "not there". */
const findOrGoOn = (sender: Sender, item: Item, progress: Progress) =>
  findEvent(sender.server, sender.command, item.name).pipe(
    Effect.catchIf(
      (error) => !error.isRetryable,
      (error) => {
        progress.unclear += 1
        const { detail } = error.reason
        if (progress.unclear < maxUnclear)
          return Effect.fail(
            new ControlPlaneError({
              operation: error.operation,
              reason: new Unreachable({ detail: `the read-back makes no sense: ${detail}` })
            })
          )
        return Effect.as(
          Effect.logWarning(
            `${maxUnclear} read-backs of ${item.name} made no sense (${detail}): it is sent again and may be there twice`
          ),
          undefined
        )
      }
    )
  )

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

const stuck = (item: Item, { broke, refusedValue }: Progress): Effect.Effect<Called, ControlPlaneError> =>
  item.name === "call.done"
    ? Effect.fail(
        new ControlPlaneError({
          operation: `report ${item.name}`,
          reason: new Refused({
            status: 500,
            body: `it was stored and broke the server, which did nothing more: ${broke}`
          })
        })
      )
    : Effect.succeed({ generated: undefined, refusedValue })

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

const policy = { while: (error: ControlPlaneError) => error.isRetryable, schedule: reportBackoff }

export const untilAccepted = <A>(
  effect: Effect.Effect<A, ControlPlaneError>
): Effect.Effect<A, ControlPlaneError> => effect.pipe(retryLazily(policy))
