/** What a tool gives back when it ran: the envelope around a step's value. */
import { Schema } from "effect"
import { Failure } from "./Failure.ts"
import { isObject, type JsonObject, JsonRecord, JsonValue } from "./Json.ts"

export const ToolResult = Schema.Struct({
  status: Schema.Literals(["success", "error", "timeout"]),
  /** The step's value. Present also on an error where the tool has something to show. */
  data: Schema.optionalKey(JsonValue),
  error: Schema.optionalKey(Failure),
  stdout: Schema.optionalKey(Schema.String),
  stderr: Schema.optionalKey(Schema.String),
  exitCode: Schema.optionalKey(Schema.Int),
  durationMs: Schema.optionalKey(Schema.Int),
  /** Values that a pipeline set for the execution: `ctx.x` → value. */
  contextUpdates: Schema.optionalKey(JsonRecord),
  /** Where a pipeline failed, and at which try. */
  failedAt: Schema.optionalKey(Schema.Struct({ task: Schema.String, attempt: Schema.Int }))
})
export type ToolResult = typeof ToolResult.Type

export const success = (
  data: ToolResult["data"],
  more: Omit<ToolResult, "status" | "data"> = {}
): ToolResult => ({ status: "success", ...(data === undefined ? {} : { data }), ...more })

/** The tool ran and failed. `timeout` is a failure of its own status. */
export const failure = (error: Failure, more: Omit<ToolResult, "status" | "error"> = {}): ToolResult => ({
  status: error.kind === "timeout" && error.code === "TOOL_TIMEOUT" ? "timeout" : "error",
  error,
  ...more
})

/** The envelope as NoETL writes it on the wire. Long output that the data has too is in the data only. */
export const envelopeOf = (result: ToolResult): JsonObject => ({
  status: result.status,
  ...(result.data === undefined ? {} : { data: result.data }),
  ...(result.error === undefined ? {} : { error: result.error.message }),
  ...(result.stdout === undefined || isInData(result, result.stdout) ? {} : { stdout: result.stdout }),
  ...(result.stderr === undefined || isInData(result, result.stderr) ? {} : { stderr: result.stderr }),
  ...(result.exitCode === undefined ? {} : { exit_code: result.exitCode }),
  ...(result.durationMs === undefined ? {} : { duration_ms: result.durationMs })
})

const isInData = ({ data }: ToolResult, output: string): boolean =>
  output.length > longOutput && isObject(data) && Object.values(data).includes(output)

/** Characters. */
const longOutput = 4096
