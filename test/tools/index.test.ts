import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import * as MemoryResultStore from "../../src/results/MemoryResultStore.ts"
import { Results } from "../../src/results/Results.ts"
import { toolKinds } from "../../src/telemetry/toolKinds.ts"
import { aCall, runTool } from "../../src/testing/suites/ToolSuite.ts"
import * as Tools from "../../src/tools/index.ts"
import { PythonOptions, defaults } from "../../src/tools/python/PythonOptions.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { shipped } from "../support/declarations.ts"

const surroundings = Layer.mergeAll(
  MemoryControlPlane.layer(),
  Results.layer.pipe(Layer.provide(MemoryResultStore.layer())),
  Layer.succeed(PythonOptions, { ...defaults, warm: false })
)
const withSurroundings = Tools.layer.pipe(Layer.provide(surroundings))
const tools = withSurroundings.pipe(Layer.provide(Tools.SafetyOptions.layerDevelopment))

describe("The shipped tools", () => {
  it.live("are the kinds that metrics tell apart, beside sequences of tasks", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(runTool(aCall("sql", {})))
      const [, known = ""] = /known: (.*)\)/.exec(error.message) ?? []
      assert.deepStrictEqual([...known.split(", "), "task_sequence"].sort(), [...toolKinds].sort())
    }).pipe(Effect.provide(tools))
  )

  it.live("are all named when a kind is none of them", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(runTool(aCall("sql", {})))
      const known =
        "artifact, duckdb, http, noop, playbook, postgres, python, result_fetch, rhai, script, shell, snowflake, transfer, workbook"
      assert.strictEqual(error.message, `Tool not found: sql (known: ${known})`)
    }).pipe(Effect.provide(tools))
  )

  it.live("declare what tests of pipelines take them to declare", () =>
    Effect.gen(function* () {
      const toolbox = yield* Toolbox
      for (const [kind, declared] of Object.entries(shipped))
        assert.deepInclude({ ...toolbox.declarationOf(kind) }, { ...declared }, kind)
      assert.isDefined(toolbox.declarationOf("workbook").replace)
      assert.deepStrictEqual(toolbox.declarationOf("sql"), {})
    }).pipe(Effect.provide(tools))
  )

  it("do not compile without a decision on where requests go, how programs start and which files SQL touches", () => {
    const decided = withSurroundings.pipe(Layer.provide(Tools.SafetyOptions.layerDevelopment))
    // These lines compile only while the types say so.
    const isComplete: IsComplete<typeof decided> = true
    const isCompleteWithout: IsComplete<typeof withSurroundings> = false
    assert.deepStrictEqual([isComplete, isCompleteWithout], [true, false])
  })
})

/** Whether nothing is left that a layer asks for. */
type IsComplete<L extends Layer.Any> = [Layer.Services<L>] extends [never] ? true : false
