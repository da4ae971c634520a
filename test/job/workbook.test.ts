import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ControlPlane } from "../../src/control-plane/ControlPlane.ts"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import { expandWorkbook } from "../../src/job/pipeline/workbook.ts"
import { aCommand } from "../../src/testing/aCommand.ts"

const plane = MemoryControlPlane.layer({
  playbook: {
    workbook: [
      {
        name: "score",
        tool: { kind: "python", code: "result = years", args: { years: null, weight: 2 }, assert: {} }
      },
      { name: "plain", tool: { kind: "noop" } }
    ]
  }
})

describe("A workbook", () => {
  it.effect(
    "gives its tool to the step that names it; the caller's arguments win, the entry's nulls are none",
    () =>
      Effect.gen(function* () {
        const command = yield* expandWorkbook(
          yield* ControlPlane,
          aCommand(1, {
            kind: "workbook",
            config: { name: "score", args: { years: 7 } },
            meta: { catalog_id: "1" }
          })
        )
        assert.strictEqual(command.kind, "python")
        assert.deepStrictEqual(command.config, { code: "result = years", input: { years: 7, weight: 2 } })
      }).pipe(Effect.provide(plane))
  )

  it.effect("gives its tool to a task of a pipeline", () =>
    Effect.gen(function* () {
      const command = yield* expandWorkbook(
        yield* ControlPlane,
        aCommand(1, {
          kind: "task_sequence",
          config: { tasks: [{ kind: "shell" }, { kind: "workbook", name: "plain", input: { a: 1 } }] }
        })
      )
      assert.deepStrictEqual(command.config, {
        tasks: [{ kind: "shell" }, { kind: "noop", input: { a: 1 } }]
      })
    }).pipe(Effect.provide(plane))
  )

  it.effect("says which entries there are when a name is not one", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        expandWorkbook(yield* ControlPlane, aCommand(1, { kind: "workbook", config: { name: "scoer" } }))
      )
      assert.match(error.message, /has no entry 'scoer' \(it has: score, plain\)/)
    }).pipe(Effect.provide(plane))
  )

  it.effect("is not asked for by a command that names none", () =>
    Effect.gen(function* () {
      const command = aCommand(1, { kind: "shell", config: {} })
      assert.strictEqual(yield* expandWorkbook(yield* ControlPlane, command), command)
    }).pipe(Effect.provide(plane))
  )
})
