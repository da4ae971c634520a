/** How one attempt at a task ended, and what rules see of it as `output`. */
import type { Failure } from "../../domain/Failure.ts"
import * as Failures from "../../domain/Failure.ts"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import type { ToolResult } from "../../domain/ToolResult.ts"
import type { View } from "../../tools/Tool.ts"
import { pointerOf } from "../../results/reference.ts"

/** An error that a tool threw and one that it answered are the same thing from here on. */
export interface Attempt {
  readonly data: Json | undefined
  readonly failure: Failure | undefined
  readonly result: ToolResult
  readonly millis: number
  /** Whether the tool threw its failure; otherwise it answered it. */
  readonly thrown: boolean
}

export const attemptOf = (result: ToolResult, millis: number, thrown = false): Attempt => ({
  data: result.data ?? printed(result),
  failure: result.status === "success" ? undefined : (result.error ?? unnamed(result)),
  result,
  millis,
  thrown
})

/** What a program printed is its value when it gave no other. */
const printed = (result: ToolResult): Json | undefined =>
  result.status === "success"
    ? result.stdout === undefined
      ? null
      : { stdout: result.stdout, stderr: result.stderr ?? "" }
    : undefined

const unnamed = (result: ToolResult): Failure =>
  Failures.make("tool_error", `the tool answered with status ${result.status}`)

/** `output` of a rule. Docs say `ok`, servers say `success`: both compare as equal (see `synonyms`). */
export const outputOf = (attempt: Attempt, number: number, view: View = asItIs): JsonObject => {
  const { data, failure } = attempt
  const { data: shown, members } = view(data, failure)
  const pointer = isObject(data) && data["_ref"] !== undefined ? pointerOf(data) : undefined
  return {
    status: failure === undefined ? "ok" : "error",
    success: failure === undefined,
    ...(shown === undefined ? {} : { data: shown, result: shown }),
    error: failure === undefined ? null : errorOf(failure),
    ...members,
    ...(failure?.sqlstate === undefined
      ? {}
      : { pg: { code: failure.sqlstate, sqlstate: failure.sqlstate } }),
    ...(failure?.exception === undefined
      ? {}
      : { py: { exception: failure.exception, traceback: failure.traceback ?? null } }),
    ...(pointer === undefined ? {} : { ref: pointer.ref }),
    meta: { attempt: number, duration_ms: attempt.millis }
  }
}

const asItIs: View = (data) => ({ data, members: {} })

export const synonyms = ["output", "outcome"].map((root) => ({
  path: [root, "status"] as const,
  spellings: ["ok", "success"]
}))

const errorOf = (failure: Failure): JsonObject => ({
  kind: failure.kind,
  retryable: failure.retryable,
  message: failure.message,
  code: failure.code ?? null,
  source: failure.source ?? null,
  ...(failure.status === undefined
    ? {}
    : { status: failure.status, status_code: failure.status, http_status: failure.status }),
  ...(failure.retryAfter === undefined ? {} : { retry_after: failure.retryAfter }),
  ...(failure.sqlstate === undefined ? {} : { sqlstate: failure.sqlstate, pg_code: failure.sqlstate }),
  ...(failure.exception === undefined
    ? {}
    : { exception: failure.exception, exception_type: failure.exception }),
  ...(failure.traceback === undefined ? {} : { traceback: failure.traceback })
})
