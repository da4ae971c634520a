/** A tool that answers what the test says and records what it was asked. */
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import type { ToolResult } from "../domain/ToolResult.ts"
import { success } from "../domain/ToolResult.ts"
import * as Tool from "../tools/Tool.ts"
import type { ToolError } from "../domain/ToolError.ts"

export type Answer = (call: Tool.ToolCall) => Effect.Effect<ToolResult, ToolError, Scope.Scope>

export class StubTool extends Context.Service<StubTool, Tool.Tool>()("noetl-worker/testing/StubTool") {
  /** Without an answer it echoes its arguments. */
  static readonly layer = (answer: Answer = (call) => Effect.succeed(success(call.args)), kind = "stub") =>
    Layer.effect(
      StubTool,
      Effect.map(StubCalls, ({ record }) =>
        Tool.make({
          kind,
          config: Schema.Unknown,
          run: (_config, call) => Effect.andThen(record(call), answer(call))
        })
      )
    )
}

/** What the stub was asked so far. */
export class StubCalls extends Context.Service<
  StubCalls,
  {
    readonly record: (call: Tool.ToolCall) => Effect.Effect<void>
    readonly calls: Effect.Effect<ReadonlyArray<Tool.ToolCall>>
  }
>()("noetl-worker/testing/StubCalls") {
  static readonly layer: Layer.Layer<StubCalls> = Layer.effect(
    StubCalls,
    Effect.sync(() => {
      const calls: Array<Tool.ToolCall> = []
      return StubCalls.of({
        record: (call) => Effect.sync(() => void calls.push(call)),
        calls: Effect.sync(() => [...calls])
      })
    })
  )
}
