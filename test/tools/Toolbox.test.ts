// @effect-diagnostics missingLayerContext:off
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import type { Tool } from "../../src/tools/Tool.ts"
import { NoopTool } from "../../src/tools/NoopTool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"

class OtherTool extends Context.Service<OtherTool, Tool>()("test/OtherTool") {}

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
})
