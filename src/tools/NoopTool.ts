/** Does nothing, on purpose: a place for rules and `set`. */
import { Context, Effect, Layer, Schema } from "effect"
import { JsonValue } from "../domain/Json.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import * as Tool from "./Tool.ts"

/** `result` is the step's value; without it the value says that nothing was done. */
const Config = Schema.Struct({
  message: Schema.optionalKey(Schema.NullOr(Schema.String)),
  result: Schema.optionalKey(JsonValue)
})

export class NoopTool extends Context.Service<NoopTool, Tool.Tool>()("noetl-worker/tools/NoopTool") {
  static readonly layer = Layer.succeed(
    NoopTool,
    Tool.make({
      kind: "noop",
      config: Config,
      run: ({ message, result }) =>
        Effect.succeed(
          ToolResult.success(result === undefined ? { status: "ok", message: message ?? "noop" } : result)
        )
    })
  )
}
