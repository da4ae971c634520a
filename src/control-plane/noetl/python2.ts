/**
 * The Python servers 2.8 to 2.10.
 *
 * `call.done` and `call.error` drive the workflow and have no idempotency key, so each is a single post, read back
 * before it is sent again after a failure that may have come too late. Their server answers 500 also after the row
 * was stored. `step.exit` goes out only as a batch item that drives nothing: singly it would issue the next step twice.
 */
import { Duration, Effect, Schedule } from "effect"
import type { Command } from "../../domain/Command.ts"
import * as Failure from "../../domain/Failure.ts"
import type { Json, JsonObject } from "../../domain/Json.ts"
import { backoff } from "../../async/backoff.ts"
import { retryLazily } from "../../async/retryLazily.ts"
import { envelopeOf } from "../../domain/ToolResult.ts"
import { type EndingEvent, Failed } from "../../domain/WorkerEvent.ts"
import { ControlPlaneError, Refused } from "../ControlPlane.ts"
import type { Dialect } from "./Dialect.ts"
import { type HttpJson, objectOf } from "./HttpJson.ts"
import { claimOf } from "./pythonClaim.ts"
import { pythonResponseOf } from "./pythonResponse.ts"
import { findEvent, isNotThere, sendOk, wentOn } from "./readBack.ts"

export const python2: Dialect = {
  name: "python2",
  registration: ({ capacity, hostname, name, pid, pool }) => ({
    name,
    component_type: "worker_pool",
    runtime: "nodejs",
    status: "ready",
    capacity,
    hostname,
    pid,
    labels: { pool_name: pool },
    meta: {}
  }),
  claimOf,
  report: (http, base, workerName, command, event, again) => {
    const send = sender(http, base, workerName, command)
    return event._tag === "Started" ? started(send) : ended(send, event, again)
  }
}

// --- events ---

interface Item {
  readonly name: string
  readonly payload: JsonObject
}

interface Sender {
  readonly command: Command
  readonly workerName: string
  /** One event that drives the workflow. Answers with how many commands it made. */
  readonly single: (item: Item) => Effect.Effect<number, ControlPlaneError>
  /** Events that drive nothing, once for the key. */
  readonly batch: (key: string, items: ReadonlyArray<Item>) => Effect.Effect<void, ControlPlaneError>
  /** The id of the event, when the server has it already. */
  readonly find: (name: string) => Effect.Effect<string | undefined, ControlPlaneError>
  /** Whether the server did anything after an event. */
  readonly wentOn: (eventId: string) => Effect.Effect<boolean, ControlPlaneError>
}

const sender = (http: HttpJson["Service"], base: string, workerName: string, command: Command): Sender => {
  const execution = { execution_id: command.executionId, worker_id: workerName }
  const single: Sender["single"] = ({ name, payload }) =>
    sendOk(http, {
      operation: `report ${name}`,
      method: "POST",
      url: `${base}/api/events`,
      body: { ...execution, step: command.step, name, payload, actionable: true, informative: true }
    }).pipe(Effect.map((answer) => Number(objectOf(answer)["commands_generated"] ?? 0)))
  return {
    command,
    workerName,
    single,
    batch: (key, items) =>
      sendOk(http, {
        operation: `report ${items.map((item) => item.name).join(", ")}`,
        method: "POST",
        url: `${base}/api/events/batch`,
        idempotencyKey: `${command.executionId}:${command.commandId}:${key}`,
        body: {
          ...execution,
          events: items.map((item) => ({ step: command.step, ...item, actionable: false, informative: true }))
        }
      }).pipe(
        // Servers before 2.8.6 have no batch. A single step.exit would drive the workflow, so it is left out.
        Effect.catchIf(isNotThere, () =>
          Effect.forEach(
            items.filter((item) => item.name !== "step.exit"),
            single,
            { discard: true }
          )
        ),
        Effect.asVoid
      ),
    find: (name) => findEvent(http, base, command, name),
    wentOn: (eventId) => wentOn(http, base, command, eventId)
  }
}

const started = ({ batch, command, workerName }: Sender) =>
  batch("start", [
    { name: "command.started", payload: { command_id: command.commandId, worker_id: workerName } },
    { name: "step.enter", payload: { status: "started" } }
  ]).pipe(retryLazily({ schedule: Schedule.recurs(1) }))

/** The call's event until it is there, then the tail until it is there: neither is sent again for the other's sake. */
const ended = (sender: Sender, event: EndingEvent, again: boolean): Effect.Effect<void, ControlPlaneError> =>
  call(sender, callItem(sender.command, event), again).pipe(
    Effect.flatMap((generated) => tail(sender, event, generated)),
    Effect.catchIf(
      // A server that will never take the value is told that there is none: a run that fails beats one that hangs.
      (error) => event._tag === "Succeeded" && error.reason._tag === "Refused",
      (error) => ended(sender, refusedValue(error), again)
    )
  )

/** Answers with how many commands the event made; undefined where it was there already. */
const call = (sender: Sender, item: Item, again: boolean) => {
  const state: { mayBeThere: boolean; broke: string | undefined } = { mayBeThere: again, broke: undefined }
  const once = Effect.gen(function* () {
    const there = state.mayBeThere ? yield* sender.find(item.name) : undefined
    if (there === undefined) return yield* sender.single(item)
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
  sender.wentOn(eventId).pipe(
    Effect.repeat({
      until: (yes) => yes,
      schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 3 }))
    }),
    Effect.andThen(sender.wentOn(eventId))
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

const tail = (sender: Sender, event: EndingEvent, generated: number | undefined) => {
  const items = tailItems(sender, event)
  const inBatch = untilAccepted(sender.batch("end", items))
  if (event._tag === "Succeeded" || generated !== 0) return inBatch
  // No arc handled the error. The failure ends the run, and only the single endpoint runs it.
  const [exit, failed] = items
  return exit === undefined || failed === undefined
    ? inBatch
    : Effect.andThen(untilAccepted(sender.batch("end", [exit])), untilAccepted(sender.single(failed)))
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

const callItem = (command: Command, event: EndingEvent): Item => {
  const ids = { command_id: command.commandId, loop_event_id: command.meta["loop_event_id"] ?? null }
  return event._tag === "Succeeded"
    ? { name: "call.done", payload: { response: responseOf(command, event), ...ids } }
    : {
        name: "call.error",
        payload: { error: event.error.message, response: failedResponse(command, event), ...ids }
      }
}

/** The engine reads a pipeline's answer in a shape of its own. */
const responseOf = (command: Command, event: Extract<EndingEvent, { readonly _tag: "Succeeded" }>) =>
  command.kind === "task_sequence" ? pythonResponseOf({ ...event.result, data: event.value }) : event.value

const tailItems = ({ command, workerName }: Sender, event: EndingEvent): ReadonlyArray<Item> => {
  const id = { command_id: command.commandId }
  if (event._tag === "Succeeded") {
    const result = responseOf(command, event)
    return [
      { name: "step.exit", payload: { result, status: "completed", ...id } },
      { name: "command.completed", payload: { ...id, worker_id: workerName, result } }
    ]
  }
  const error = event.error.message
  const result = failedResponse(command, event)
  return [
    { name: "step.exit", payload: { status: "FAILED", error, result, ...id } },
    {
      name: "command.failed",
      payload: { ...id, worker_id: workerName, error, result, error_type: event.error.kind }
    }
  ]
}

/** What `{{ step }}` reads after a handled failure: the envelope, its status one that this generation knows. */
const failedResponse = (
  command: Command,
  { result }: Extract<EndingEvent, { readonly _tag: "Failed" }>
): Json =>
  command.kind === "task_sequence" ? pythonResponseOf(result) : { ...envelopeOf(result), status: "error" }

const refusedValue = (error: ControlPlaneError) => {
  const failure = Failure.make("schema", `the result was refused by the server: ${error.reason.detail}`)
  return Failed({ error: failure, result: { status: "error", error: failure } })
}
