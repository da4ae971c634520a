/** Child playbooks: asked about, and read. */
import { Effect } from "effect"
import type { ExecutionId } from "../../domain/Ids.ts"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import type { ChildStatus } from "../ControlPlane.ts"
import type { Endpoint } from "./Dialect.ts"
import { objectOf, sendOk } from "./HttpJson.ts"

export const childStatus = Effect.fnUntraced(function* ({ base, http }: Endpoint, child: ExecutionId) {
  const answer = yield* sendOk(http, {
    operation: `ask about the execution ${child}`,
    method: "GET",
    url: `${base}/api/executions/${child}/status`
  })
  const document = objectOf(answer)
  const status: ChildStatus = { executionId: child, status: statusOf(document), document }
  return status
})

/** The newest `call.done` of a step, or of any step, holds its value. */
export const childResult = Effect.fnUntraced(function* (
  { base, http }: Endpoint,
  child: ExecutionId,
  step: string | undefined
) {
  const answer = yield* sendOk(http, {
    operation: `read the result of the execution ${child}`,
    method: "GET",
    url: `${base}/api/executions/${child}?event_type=call.done&page=1&page_size=500`
  })
  const events = objectOf(answer)["events"]
  const all = Array.isArray(events) ? events.filter(isObject) : []
  const newest = all
    .filter((event) => step === undefined || event["node_name"] === step)
    .reduce<JsonObject | undefined>((a, b) => (a !== undefined && idOf(a) > idOf(b) ? a : b), undefined)
  return newest === undefined ? null : valueOf(newest)
})

const statusOf = (document: JsonObject): ChildStatus["status"] => {
  const said = document["status"]
  const status = typeof said === "string" ? said.toUpperCase() : ""
  if (document["is_cancelled"] === true || status === "CANCELLED") return "cancelled"
  if (document["failed"] === true || status === "FAILED") return "failed"
  return document["completed"] === true || status === "COMPLETED" ? "completed" : "running"
}

const idOf = (event: JsonObject): bigint => {
  const id = event["event_id"]
  return typeof id === "string" || typeof id === "bigint" || typeof id === "number" ? BigInt(id) : 0n
}

const valueOf = (event: JsonObject): Json => {
  const result = event["result"]
  const data = isObject(result) && isObject(result["data"]) ? result["data"] : result
  return isObject(data) && "response" in data ? (data["response"] ?? null) : (data ?? null)
}
