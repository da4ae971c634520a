/** `kind: artifact` and `kind: result_fetch`: a result that is kept elsewhere, as the data of a task. */
import { Context, Effect, Layer, Schema } from "effect"
import * as Failure from "../domain/Failure.ts"
import { type Json, JsonValue } from "../domain/Json.ts"
import { invalid } from "../domain/ToolError.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import { pointerOf } from "../results/reference.ts"
import { Results, toolErrorOf } from "../results/Results.ts"
import * as Tool from "./Tool.ts"

const Config = Schema.Struct({
  action: Schema.optionalKey(JsonValue),
  /** The reference as text, as the object that stands for it, or as anything that carries one. */
  result_ref: Schema.optionalKey(JsonValue),
  ref: Schema.optionalKey(JsonValue)
})

export class ArtifactTool extends Context.Service<ArtifactTool, Tool.Tool>()(
  "noetl-worker/tools/ArtifactTool"
) {
  static readonly layer = Layer.effect(
    ArtifactTool,
    Effect.map(Results, (results) =>
      Tool.make({
        kind: "artifact",
        aliases: ["result_fetch"],
        config: Config,
        run: (config, call) => run(results, config, call)
      })
    )
  )
}

const run = Effect.fnUntraced(function* (
  results: Results["Service"],
  config: typeof Config.Type,
  { args, kind }: Tool.ToolCall
) {
  if ((config.action ?? "get") !== "get") {
    return yield* invalid({ kind }, "action", `expected "get": results are stored when a step ends`)
  }
  const ref: Json = args["result_ref"] ?? config.result_ref ?? args["ref"] ?? config.ref ?? null
  if (ref === null || ref === "") {
    const message =
      "there is no result_ref: expected a noetl:// reference, which {{ step._ref }} is for a result that is kept elsewhere; any other result is {{ step }} itself"
    return ToolResult.failure({ ...Failure.make("not_found", message), source: kind })
  }
  if (pointerOf(ref) === undefined) {
    return yield* invalid({ kind }, "result_ref", "expected a noetl:// reference")
  }
  const value = yield* results.resolve(ref).pipe(Effect.mapError((error) => toolErrorOf(kind, error)))
  return ToolResult.success(value)
})
