import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import type { Command } from "../../src/domain/Command.ts"
import type { Json } from "../../src/domain/Json.ts"
import { replaced } from "../../src/job/pipeline/replaced.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { WorkbookTool } from "../../src/tools/WorkbookTool.ts"

const plane = MemoryControlPlane.layer({
  playbook: {
    workbook: [
      {
        name: "score",
        tool: { kind: "python", code: "result = years", args: { years: null, weight: 2 }, assert: {} }
      },
      { name: "plain", tool: { kind: "noop" } },
      { name: "nested", tool: { kind: "workbook", name: "plain", args: { a: 1 } } },
      { name: "endless", tool: { kind: "workbook", name: "endless" } }
    ]
  }
})
const toolbox = Toolbox.layerLive(WorkbookTool).pipe(Layer.provide(plane))

const replace = (command: Command) => Effect.flatMap(Toolbox, (tools) => replaced(tools, command))

const aStep = (config: Json) => aCommand(1, { kind: "workbook", config })
const aList = (config: Json) => aCommand(1, { kind: "task_sequence", config })

describe("A workbook", () => {
  it.effect(
    "gives its tool to the step that names it; the caller's arguments win over the entry's, nulls are none",
    () =>
      Effect.gen(function* () {
        const command = yield* replace(aStep({ name: "score", args: { years: 7 } }))
        assert.strictEqual(command.kind, "python")
        assert.deepStrictEqual(command.config, { code: "result = years", input: { years: 7, weight: 2 } })
      }).pipe(Effect.provide(toolbox))
  )

  it.effect("gives its tool to a task of a pipeline", () =>
    Effect.gen(function* () {
      const command = yield* replace(
        aList({ tasks: [{ kind: "shell" }, { kind: "workbook", name: "plain", input: { a: 1 } }] })
      )
      assert.deepStrictEqual(command.config, {
        // The name stays the task's label.
        tasks: [{ kind: "shell" }, { name: "plain", kind: "noop", input: { a: 1 } }]
      })
    }).pipe(Effect.provide(toolbox))
  )

  it.effect("gives its tool to a task that stands under its label", () =>
    Effect.gen(function* () {
      const { config } = yield* replace(aList([{ first: { kind: "workbook", name: "plain" } }]))
      assert.deepStrictEqual(config, [{ first: { kind: "noop", input: {} } }])
    }).pipe(Effect.provide(toolbox))
  )

  it.effect("follows an entry that names another, and refuses entries that name each other", () =>
    Effect.gen(function* () {
      const { config, kind } = yield* replace(aStep({ name: "nested" }))
      assert.deepStrictEqual({ kind, config }, { kind: "noop", config: { input: { a: 1 } } })
      const error = yield* Effect.flip(replace(aStep({ name: "endless" })))
      assert.match(error.message, /name: .*the entries name each other/)
    }).pipe(Effect.provide(toolbox))
  )

  it.effect("says which entries there are when a name is not one", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(replace(aStep({ name: "scoer" })))
      assert.match(error.message, /has no entry 'scoer' \(it has: score, plain, nested, endless\)/)
    }).pipe(Effect.provide(toolbox))
  )

  it.effect("is not asked for by a command that names none", () =>
    Effect.gen(function* () {
      const command = aCommand(1, { kind: "shell", config: {} })
      assert.strictEqual(yield* replace(command), command)
    }).pipe(Effect.provide(toolbox))
  )
})
