/** Tools of the language that this runtime does not have: a step that reaches one fails, and says so. */
import { Context, Effect, Layer, Schema } from "effect"
import * as Failure from "../domain/Failure.ts"
import { ExecutionFailed, ToolError } from "../domain/ToolError.ts"
import { kinds, ownKinds } from "../playbook/vocabulary.ts"
import * as Tool from "../tools/Tool.ts"

const [kind = "", ...aliases] = kinds.filter((name) => !ownKinds.includes(name) && name !== "task_sequence")

export class UnsupportedTool extends Context.Service<UnsupportedTool, Tool.Tool>()(
  "noetl-worker/local/UnsupportedTool"
) {
  static readonly layer = Layer.succeed(
    UnsupportedTool,
    Tool.make({
      kind,
      aliases,
      config: Schema.Unknown,
      run: (_, call) =>
        Effect.fail(
          new ToolError({
            tool: call.kind,
            reason: new ExecutionFailed({
              failure: Failure.make(
                "unsupported_tool",
                `this runtime has no tool ${call.kind}; it has: ${ownKinds.join(", ")}`
              )
            })
          })
        )
    })
  )
}
