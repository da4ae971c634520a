/** The value of a step of several tasks, as the Python engines read it. */
import { isObject, type Json } from "../../domain/Json.ts"
import type * as ToolResult from "../../domain/ToolResult.ts"

/**
 * A pipeline's answer as the Python engine reads it: it merges `ctx` into the execution, promotes `_prev`, and takes a
 * `status` that says failed for a failure. `remaining_actions` stays empty: what is in it is run again.
 */
export const pythonResponseOf = (result: ToolResult.ToolResult): Json => {
  const data = isObject(result.data) ? result.data : { value: result.data ?? null }
  const ctx = Object.fromEntries(
    Object.entries(result.contextUpdates ?? {}).map(([name, value]) => [name.replace(/^ctx\./, ""), value])
  )
  if (result.status !== "success")
    return { ...data, status: "failed", error: result.error?.message ?? null, ctx }
  const { status } = data
  const saysFailed = status === "failed" || status === "error"
  return { ...data, status: status === undefined || saysFailed ? "ok" : status, ctx }
}
