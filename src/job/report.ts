/** Outcome → the event that tells it. */
import type { Json } from "../domain/Json.ts"
import type { Ending } from "../domain/Outcome.ts"
import type { ToolResult } from "../domain/ToolResult.ts"
import { type EndingEvent, Failed, Succeeded } from "../domain/WorkerEvent.ts"
import * as Failure from "../domain/Failure.ts"

export const eventOf = (ending: Ending): EndingEvent => {
  switch (ending._tag) {
    case "Succeeded":
      return Succeeded({
        value: valueOf(ending.result),
        result: ending.result,
        contextUpdates: ending.result.contextUpdates ?? {}
      })
    case "Failed":
    case "TimedOut":
      return Failed({ error: ending.result.error ?? unnamed(ending.result), result: ending.result })
    case "Crashed":
      return Failed({ error: ending.error, result: { status: "error", error: ending.error } })
  }
}

/** What later steps read: the data, or what the program printed when it gave no data. */
const valueOf = (result: ToolResult): Json => {
  if (result.data !== undefined) return result.data
  if (result.stdout === undefined && result.stderr === undefined) return null
  return { stdout: result.stdout ?? "", stderr: result.stderr ?? "" }
}

const unnamed = (result: ToolResult) =>
  Failure.make("tool_error", `the tool answered with status ${result.status}`)
