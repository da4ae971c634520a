/** One thing to do: which tool, with what, for which step. What a claim hands over, in every server generation. */
import type { CommandId, EventId, ExecutionId } from "./Ids.ts"
import type { Json, JsonObject } from "./Json.ts"

export interface Command {
  readonly executionId: ExecutionId
  /** The `command.issued` event: key of the claim. */
  readonly eventId: EventId
  readonly commandId: CommandId
  /** Echoed verbatim in every event, a `:task_sequence` suffix included. */
  readonly step: string
  /** The tool's kind, or `task_sequence` for a step of several tasks. */
  readonly kind: string
  /** The tool's own settings; an array or `{tasks}` for `task_sequence`. */
  readonly config: Json
  /** The step's arguments (`args` in python2 and rust3, `input` in python4). */
  readonly input: JsonObject
  /** What templates may read: workload, results of earlier steps, `ctx`, `iter`, … */
  readonly context: JsonObject
  /** The server's notes on the command: loop ids and the like, echoed where the dialect wants them. */
  readonly meta: JsonObject
  /** From 1. */
  readonly attempt: number
  /** The server to report to; undefined where there is none. */
  readonly serverUrl: string | undefined
  readonly traceparent: string | undefined
}
