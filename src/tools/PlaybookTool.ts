/**
 * Starts another playbook, and where it is asked for something waits for it.
 *
 * `return_step` waits and gives that step's value, or the last one's; without it the child runs on by itself. Waiting
 * holds no slot. A child that failed fails the step.
 */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import { ControlPlane, type ControlPlaneError } from "../control-plane/ControlPlane.ts"
import * as Failure from "../domain/Failure.ts"
import type { ExecutionId } from "../domain/Ids.ts"
import { isObject, type JsonObject, JsonRecord, JsonValue } from "../domain/Json.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import { Slot } from "./Slot.ts"
import * as Tool from "./Tool.ts"
import * as Coerced from "./Coerced.ts"
import { ExecutionFailed, ToolError, Unavailable } from "../domain/ToolError.ts"

const Config = Schema.Struct({
  /** Path of the playbook in the catalog. */
  path: Schema.NonEmptyString,
  version: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Coerced.Integer]))),
  payload: Schema.optionalKey(Schema.NullOr(JsonRecord)),
  return_step: Schema.optionalKey(Schema.NullOr(Schema.String)),
  /** Waits and gives the value of `result_step`, or the last one. */
  return_result: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  result_step: Schema.optionalKey(Schema.NullOr(Schema.String)),
  /** Seconds between two questions. */
  poll_interval: Schema.optionalKey(JsonValue)
})
type Config = typeof Config.Type

export class PlaybookTool extends Context.Service<PlaybookTool, Tool.Tool>()(
  "noetl-worker/tools/PlaybookTool"
) {
  static readonly layer = Layer.effect(
    PlaybookTool,
    Effect.map(ControlPlane, (controlPlane) =>
      Tool.make({ kind: "playbook", config: Config, run: (config, call) => run(controlPlane, config, call) })
    )
  )
}

const run = Effect.fnUntraced(function* (
  controlPlane: ControlPlane["Service"],
  config: Config,
  call: Tool.ToolCall
) {
  const startedAt = yield* Clock.currentTimeMillis
  const payload = Object.keys(call.args).length > 0 ? call.args : (config.payload ?? {})
  const version = config.version === null || config.version === undefined ? undefined : String(config.version)
  const child = yield* controlPlane
    .startChild({
      parent: call,
      path: config.path,
      version,
      payload,
      eventId: call.eventId,
      mayBeThere: call.attempt > 1
    })
    .pipe(Effect.mapError(toolError))
  const waits = (config.return_step ?? "") !== "" || config.return_result === true
  if (!waits) {
    return ToolResult.success({
      status: "started",
      execution_id: child.executionId,
      path: config.path,
      async: true
    })
  }
  yield* Effect.logInfo(`waits for the playbook ${config.path}, execution ${child.executionId}`)
  const status = yield* (yield* Slot).park(ended(controlPlane, call, child.executionId, pollSeconds(config)))
  const note: JsonObject = { execution_id: child.executionId, status: status.status }
  const durationMs = (yield* Clock.currentTimeMillis) - startedAt
  if (status.status !== "completed") {
    const why = status.document["error"]
    const failure = Failure.make(
      "child_failed",
      `the playbook ${config.path} ended ${status.status} (execution ${child.executionId})` +
        (typeof why === "string" && why !== "" ? `: ${why}` : "")
    )
    return ToolResult.failure({ ...failure, source: "playbook" }, { data: { _child: note }, durationMs })
  }
  const step = config.return_step ?? config.result_step ?? undefined
  const value = yield* controlPlane.childResult(call, child.executionId, step).pipe(
    // A step that the child did not run: its last value is what there is.
    Effect.flatMap((found) =>
      found === null && step !== undefined
        ? controlPlane.childResult(call, child.executionId, undefined)
        : Effect.succeed(found)
    ),
    Effect.mapError(toolError)
  )
  return ToolResult.success(isObject(value) ? { ...value, _child: note } : { result: value, _child: note }, {
    durationMs
  })
})

const ended = (
  controlPlane: ControlPlane["Service"],
  call: Tool.ToolCall,
  child: ExecutionId,
  seconds: number
) =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(seconds * 1000)
      const status = yield* controlPlane.childStatus(call, child).pipe(
        Effect.catchIf(
          (error) => error.isRetryable,
          (error) => Effect.as(Effect.logDebug(error.message), undefined)
        ),
        Effect.mapError(toolError)
      )
      if (status !== undefined && status.status !== "running") return status
    }
  })

const pollSeconds = ({ poll_interval }: Config): number => {
  const seconds = Number(poll_interval ?? 1)
  return Number.isFinite(seconds) && seconds >= 0.1 ? seconds : 1
}

const toolError = (error: ControlPlaneError): ToolError =>
  new ToolError({
    tool: "playbook",
    reason: error.isRetryable
      ? new Unavailable({ detail: error.message })
      : new ExecutionFailed({ failure: Failure.make("tool_error", error.message) })
  })
