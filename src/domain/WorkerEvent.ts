/** One line of an execution's log, before a dialect gives it the names and shapes of its server generation. */
import { Data } from "effect"
import type { Failure } from "./Failure.ts"
import type { Json, JsonObject } from "./Json.ts"
import type { ToolResult } from "./ToolResult.ts"

export type WorkerEvent = Data.TaggedEnum<{
  /** The tool is about to run. Best effort: nothing waits for it. */
  Started: object
  /** `value` is what later steps read. */
  Succeeded: { readonly value: Json; readonly result: ToolResult; readonly contextUpdates: JsonObject }
  Failed: { readonly error: Failure; readonly result: ToolResult }
}>

export type EndingEvent = Exclude<WorkerEvent, { readonly _tag: "Started" }>

export const { Started, Succeeded, Failed, $match } = Data.taggedEnum<WorkerEvent>()
