/**
 * The Python worker reads a program's own data as a verdict: a `status` of `error` or `failed`, or `error` in a direct member.
 * Only for playbooks that were written for that; otherwise a `status` in the data is a value.
 */
import * as Failure from "../../domain/Failure.ts"
import { isObject, type Json } from "../../domain/Json.ts"
import * as ToolResult from "../../domain/ToolResult.ts"

export const withOwnStatus = (kind: string, result: ToolResult.ToolResult): ToolResult.ToolResult => {
  const { data } = result
  if (result.status !== "success" || data === undefined || !isObject(data)) return result
  const verdict = failed.has(statusOf(data))
    ? data
    : Object.values(data).find((one) => statusOf(one) === "error")
  if (verdict === undefined || !isObject(verdict)) return result
  const said = verdict["error"] ?? verdict["message"]
  const message = typeof said === "string" ? said : `the data says status ${statusOf(verdict)}`
  return ToolResult.failure({ ...Failure.make("tool_error", message), source: kind }, { data })
}

const failed: ReadonlySet<string> = new Set(["error", "failed"])

const statusOf = (value: Json): string => {
  const status = isObject(value) ? value["status"] : undefined
  return typeof status === "string" ? status.toLowerCase() : ""
}
