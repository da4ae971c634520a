/** Reads events of an execution back, to know what an ambiguous failure left behind. */
import { Effect } from "effect"
import type { Command } from "../../domain/Command.ts"
import * as Json from "../../domain/Json.ts"
import { ControlPlaneError, Unreadable } from "../ControlPlane.ts"
import type { Endpoint } from "./Dialect.ts"
import { objectOf, sendOk } from "./HttpJson.ts"

export const isNotThere = (error: ControlPlaneError) =>
  error.reason._tag === "Refused" && (error.reason.status === 404 || error.reason.status === 405)

/** Reads the execution's events of one name back, page by page: the id of this command's, if there is one. */
export const findEvent = Effect.fnUntraced(function* (
  { base, http }: Endpoint,
  command: Command,
  name: string
) {
  for (let page = 1; page <= 1000; page++) {
    const answer = yield* sendOk(http, {
      operation: `read back ${name}`,
      method: "GET",
      url: `${base}/api/executions/${command.executionId}?event_type=${name}&page=${page}&page_size=100`
    })
    const body = objectOf(answer)
    const events = body["events"]
    if (!Array.isArray(events)) {
      const reason = new Unreadable({ detail: "an execution without a list of events" })
      return yield* new ControlPlaneError({ operation: `read back ${name}`, reason })
    }
    const found = events.find((event) => mentions(event, command))
    if (Json.isObject(found)) return idOf(found)
    const pagination = body["pagination"]
    if (!Json.isObject(pagination) || pagination["has_next"] !== true) return undefined
  }
  return undefined
})

/** Whether the server went on after an event: issued a command, or ended the workflow. */
export const wentOn = Effect.fnUntraced(function* (
  { base, http }: Endpoint,
  command: Command,
  eventId: string
) {
  const answer = yield* sendOk(http, {
    operation: "read what came after",
    method: "GET",
    url: `${base}/api/executions/${command.executionId}?since_event_id=${eventId}&page=1&page_size=500`
  })
  const events = objectOf(answer)["events"]
  return (
    Array.isArray(events) &&
    events.some(
      (event) =>
        Json.isObject(event) && typeof event["event_type"] === "string" && drives.test(event["event_type"])
    )
  )
})

const drives = /^(command\.issued|workflow\.|playbook\.)/

const idOf = (event: Json.JsonObject): string => {
  const id = event["event_id"]
  return typeof id === "string" || typeof id === "number" || typeof id === "bigint" ? id.toString() : "0"
}

const mentions = (event: Json.Json, { commandId, step }: Command): boolean => {
  if (!Json.isObject(event)) return false
  const texts = [event["result"], event["context"], event["meta"], event["payload"]]
  return texts.some((part) => containsCommand(part, commandId, 4)) && (event["node_name"] ?? step) === step
}

const containsCommand = (value: Json.Json | undefined, id: string, depth: number): boolean =>
  Json.isObject(value) &&
  depth > 0 &&
  (isId(value["command_id"], id) ||
    ["data", "result", "context", "payload"].some((key) => containsCommand(value[key], id, depth - 1)))

// python4 gives the id as an integer.
const isId = (value: Json.Json | undefined, id: string): boolean =>
  value === id || ((typeof value === "number" || typeof value === "bigint") && value.toString() === id)
