/**
 * Starts a child playbook, once. The call has no idempotency key: after a failure that may have come too late, and for a
 * command that was delivered before, the parent's executions are read back. One that fits is the child. Of several, an
 * earlier delivery's is the newest; after a lost answer they cannot be told apart, and then the start fails with their
 * ids instead of making one more.
 */
import { Effect } from "effect"
import { ExecutionId } from "../../domain/Ids.ts"
import { isObject, type Json, type JsonObject, stringify } from "../../domain/Json.ts"
import { type Child, ControlPlaneError, Unreadable } from "../ControlPlane.ts"
import type { ChildRequest, Endpoint } from "./Dialect.ts"
import { type Answer, objectOf, sendOk } from "./HttpJson.ts"
import { untilAccepted } from "./pythonCall.ts"

export const startChild = Effect.fnUntraced(function* (server: Endpoint, request: ChildRequest) {
  const progress = { isLost: false }
  const attempt = Effect.gen(function* () {
    const mayBeThere = progress.isLost || request.mayBeThere
    const there = mayBeThere ? yield* findChild(server, request, progress.isLost) : undefined
    return there ?? (yield* post(server, request))
  })
  return yield* attempt.pipe(
    Effect.tapError((error) =>
      Effect.suspend(() => {
        progress.isLost = true
        return error.isRetryable ? Effect.logWarning(`${error.message}; trying again`) : Effect.void
      })
    ),
    untilAccepted
  )
})

const post = Effect.fnUntraced(function* ({ base, http }: Endpoint, request: ChildRequest) {
  const answer = yield* sendOk(http, {
    operation: operationOf(request),
    method: "POST",
    url: `${base}/api/execute`,
    body: {
      path: request.path,
      payload: request.payload,
      // An integer in every generation; the Rust server takes nothing else.
      parent_execution_id: BigInt(request.parent.executionId),
      ...(request.version === undefined ? {} : { version: request.version })
    }
  })
  const id = idOf(objectOf(answer)["execution_id"])
  if (id === undefined) return yield* unreadable(request, "no execution id")
  const child: Child = { executionId: id }
  return child
})

/** The server lists the newest 500 executions. */
const findChild = Effect.fnUntraced(function* (server: Endpoint, request: ChildRequest, isLost: boolean) {
  const listed = yield* get(server, request, "/api/executions?page=1&page_size=500")
  const found: Array<ExecutionId> = []
  for (const id of childrenOf(listed, request)) if (yield* hasPayload(server, request, id)) found.push(id)
  const newest = found.toSorted((a, b) => (isAfter(a, b) ? -1 : 1))[0]
  if (newest === undefined) return undefined
  if (isLost && found.length > 1)
    return yield* unreadable(
      request,
      `the answer was lost, and it is one of the executions ${found.join(", ")}: see which of them is wanted, and cancel the others`
    )
  yield* Effect.logInfo(`${request.path} was started before, as execution ${newest}`)
  const child: Child = { executionId: newest }
  return child
})

const childrenOf = ({ body }: Answer, request: ChildRequest): ReadonlyArray<ExecutionId> => {
  const { eventId, isKnown, parent, path } = request
  const rows = Array.isArray(body) ? (body as ReadonlyArray<Json>) : itemsOf(body)
  return rows.flatMap((row) => {
    if (!isObject(row) || !isSamePath(row["path"], path)) return []
    const id = idOf(row["execution_id"])
    const isChild = idOf(row["parent_execution_id"]) === parent.executionId
    return id !== undefined && isChild && isAfter(id, eventId) && !isKnown(id) ? [id] : []
  })
}

/** Ids are decimal text, and a server gives them in the order of time. */
const isAfter = (id: string, other: string): boolean =>
  id.length === other.length ? id > other : id.length > other.length

const itemsOf = (body: Json): ReadonlyArray<Json> => {
  const items = isObject(body) ? (body["items"] ?? body["executions"]) : undefined
  return Array.isArray(items) ? (items as ReadonlyArray<Json>) : []
}

/** Catalogs have paths with and without a slash before them. */
const isSamePath = (listed: Json | undefined, asked: string): boolean =>
  typeof listed === "string" && listed.replace(/^\//, "") === asked.replace(/^\//, "")

/** Another iteration of a loop may start the same playbook for the same parent at the same time, with other values. */
const hasPayload = Effect.fnUntraced(function* (server: Endpoint, request: ChildRequest, id: ExecutionId) {
  const answer = yield* get(
    server,
    request,
    `/api/executions/${id}?event_type=playbook.initialized&page=1&page_size=1`
  )
  const events = objectOf(answer)["events"]
  const workload = Array.isArray(events) && isObject(events[0]) ? workloadOf(events[0]) : undefined
  return (
    workload === undefined ||
    Object.entries(request.payload).every(([key, value]) => stringify(workload[key]) === stringify(value))
  )
})

/** Undefined where the server does not show it. */
const workloadOf = ({ context, result }: JsonObject): JsonObject | undefined => {
  const places = [result, isObject(result) ? result["data"] : undefined, context]
  return places
    .map((place) => (isObject(place) ? place["workload"] : undefined))
    .find((workload) => isObject(workload))
}

const get = ({ base, http }: Endpoint, request: ChildRequest, path: string) =>
  sendOk(http, {
    operation: `read back whether ${request.path} was started`,
    method: "GET",
    url: `${base}${path}`
  })

const operationOf = ({ path }: ChildRequest): string => `start the playbook ${path}`

const unreadable = (request: ChildRequest, detail: string) =>
  Effect.fail(new ControlPlaneError({ operation: operationOf(request), reason: new Unreadable({ detail }) }))

const idOf = (id: Json | undefined): ExecutionId | undefined =>
  typeof id === "string" || typeof id === "bigint" || typeof id === "number"
    ? ExecutionId.make(id.toString())
    : undefined
