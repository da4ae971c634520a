// @effect-diagnostics missingLayerContext:off
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, References, Tracer } from "effect"
import * as Failure from "../../src/domain/Failure.ts"
import { ToolError } from "../../src/domain/ToolError.ts"
import { success } from "../../src/domain/ToolResult.ts"
import { StubCalls, StubTool } from "../../src/testing/StubTool.ts"
import { aCall, runTool } from "../../src/testing/suites/ToolSuite.ts"
import { guarded } from "../../src/tools/breaker/Breakers.ts"
import type { Tool } from "../../src/tools/Tool.ts"
import { NoopTool } from "../../src/tools/NoopTool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"

class OtherTool extends Context.Service<OtherTool, Tool>()("test/OtherTool") {}

const native = Tracer.make({ span: (options) => new Tracer.NativeSpan(options) })

describe("Toolbox", () => {
  it.effect("asks the context for each of its tools", () =>
    Effect.gen(function* () {
      const toolbox = yield* Toolbox
      assert.deepStrictEqual(toolbox.kinds, ["noop"])
    }).pipe(Effect.provide(Toolbox.layer(NoopTool).pipe(Layer.provide(NoopTool.layer))))
  )

  it("does not compile with a tool that nobody provides", () => {
    const incomplete = Toolbox.layer(NoopTool, OtherTool).pipe(Layer.provide(NoopTool.layer))
    // @ts-expect-error OtherTool is missing
    const complete: Layer.Layer<Toolbox> = incomplete
    assert.isDefined(complete)
  })

  it.effect.each([
    { enabled: true, tracer: true, taken: true },
    { enabled: true, tracer: false, taken: false },
    { enabled: false, tracer: true, taken: false }
  ])("makes a span for a call only while a tracer takes spans: %o", ({ enabled, taken, tracer }) => {
    const seen: Array<boolean> = []
    const spy = StubTool.layer(() =>
      Effect.map(Effect.exit(Effect.currentSpan), (span) => {
        seen.push(span._tag === "Success")
        return success(null)
      })
    ).pipe(Layer.provide(StubCalls.layer))
    return Effect.gen(function* () {
      yield* runTool(aCall("stub", {}))
      assert.deepStrictEqual(seen, [taken])
    }).pipe(
      Effect.provide(Toolbox.layer(StubTool).pipe(Layer.provide(spy))),
      Effect.provideService(References.TracerEnabled, enabled),
      tracer ? Effect.provideService(Tracer.Tracer, native) : (effect) => effect
    )
  })

  it.effect("gives its tools circuits that outlive a call", () => {
    const target = { tool: "stub", name: "away" }
    const down = ToolError.ofFailure("stub", Failure.make("connection", "down"))
    const failing = StubTool.layer(() => Effect.fail(down).pipe(guarded(target))).pipe(
      Layer.provide(StubCalls.layer)
    )
    return Effect.gen(function* () {
      for (let i = 0; i < 10; i++) yield* Effect.flip(runTool(aCall("stub", {})))
      const error = yield* Effect.flip(runTool(aCall("stub", {})))
      assert.strictEqual(error.failure.code, "CIRCUIT_OPEN")
    }).pipe(Effect.provide(Toolbox.layer(StubTool).pipe(Layer.provide(failing))))
  })
})
