/** The events that tell an outcome to the Python servers 2.8 to 2.10, and the requests that carry them. */
import type { Command } from "../../domain/Command.ts"
import * as Failure from "../../domain/Failure.ts"
import type { Json, JsonObject } from "../../domain/Json.ts"
import { envelopeOf } from "../../domain/ToolResult.ts"
import { type EndingEvent, Failed, Succeeded } from "../../domain/WorkerEvent.ts"
import type { ControlPlaneError } from "../ControlPlane.ts"
import type { Endpoint } from "./Dialect.ts"
import type { Request } from "./HttpJson.ts"
import { pythonResponseOf } from "./pythonResponse.ts"

export interface Item {
  readonly name: string
  readonly payload: JsonObject
}

/** Reports of one command. */
export interface Sender {
  readonly server: Endpoint
  readonly command: Command
  readonly workerName: string
}

/** One event that drives the workflow. */
export const singleRequest = ({ command, server, workerName }: Sender, { name, payload }: Item): Request => ({
  operation: `report ${name}`,
  method: "POST",
  url: `${server.base}/api/events`,
  body: {
    execution_id: command.executionId,
    worker_id: workerName,
    step: command.step,
    name,
    payload,
    actionable: true,
    informative: true
  },
  // How many commands it made matters after a failure only.
  isBodyUnread: name !== "call.error"
})

/** Events that drive nothing, once for the key. */
export const batchRequest = (
  { command, server, workerName }: Sender,
  key: string,
  items: ReadonlyArray<Item>
): Request => ({
  operation: `report ${items.map((item) => item.name).join(", ")}`,
  method: "POST",
  url: `${server.base}/api/events/batch`,
  idempotencyKey: `${command.executionId}:${command.commandId}:${key}`,
  body: {
    execution_id: command.executionId,
    worker_id: workerName,
    events: items.map((item) => ({ step: command.step, ...item, actionable: false, informative: true }))
  },
  isBodyUnread: true
})

/** The events that say that a command has started. They drive nothing. */
export const startItems = ({ command, workerName }: Sender): ReadonlyArray<Item> => [
  { name: "command.started", payload: { command_id: command.commandId, worker_id: workerName } },
  { name: "step.enter", payload: { status: "started" } }
]

/** The event that drives the workflow. */
export const callItem = (command: Command, event: EndingEvent): Item => {
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

/** The events that follow it and drive nothing. */
export const tailItems = ({ command, workerName }: Sender, event: EndingEvent): ReadonlyArray<Item> => {
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

/** The same ending with a note in place of its value. */
export const noted = (event: EndingEvent, why: string): EndingEvent => {
  const note = `the server could not store the value: ${why}`
  return event._tag === "Succeeded"
    ? Succeeded({ ...event, value: { note }, result: { status: "success", data: { note } } })
    : Failed({
        error: Failure.make(event.error.kind, note),
        result: { status: "error", error: Failure.make(event.error.kind, note) }
      })
}

/** What is told in place of a value that the server refuses. */
export const refusedValue = (error: ControlPlaneError) => {
  const failure = Failure.make("schema", `the result was refused by the server: ${error.reason.detail}`)
  return Failed({ error: failure, result: { status: "error", error: failure } })
}
