import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import { aCall, runTool, suite } from "../../src/testing/suites/ToolSuite.ts"
import { PlaybookTool } from "../../src/tools/PlaybookTool.ts"
import { Slot } from "../../src/tools/Slot.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"

const children = new Map([
  ["scorer", { polls: 2, status: "completed", value: { profile_score: 15.8 } }],
  ["broken", { polls: 0, status: "failed", value: null }],
  ["list", { polls: 0, status: "completed", value: [1, 2] }]
] as const)

const world = Toolbox.layer(PlaybookTool).pipe(
  Layer.provide(PlaybookTool.layer),
  Layer.provideMerge(MemoryControlPlane.layer({ children }))
)

const ended = (config: Record<string, string>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(runTool(aCall("playbook", config)), { startImmediately: true })
    yield* TestClock.adjust("10 seconds")
    return yield* Fiber.join(fiber)
  })

suite(
  "PlaybookTool",
  PlaybookTool,
  PlaybookTool.layer.pipe(Layer.provide(MemoryControlPlane.layer({ children }))),
  {
    kind: "playbook",
    works: { path: "scorer" },
    broken: [
      { config: {}, at: "path" },
      { config: { path: 7 }, at: "path" }
    ]
  }
)

describe("PlaybookTool", () => {
  it.effect("starts a child and goes on when nothing of it is asked for", () =>
    Effect.gen(function* () {
      const { data } = yield* runTool(aCall("playbook", { path: "scorer" }, { args: { user: "u" } }))
      assert.deepInclude(data, { status: "started", path: "scorer", async: true })
      const child = (yield* (yield* MemoryControlPlane).log).find((line) => line.what === "child")
      assert.deepStrictEqual(child?.detail, { path: "scorer", payload: { user: "u" } })
    }).pipe(Effect.provide(world))
  )

  it.effect("waits for a child and gives the value of the step that was asked for", () =>
    Effect.gen(function* () {
      const { data, status } = yield* ended({ path: "scorer", return_step: "finalize" })
      assert.strictEqual(status, "success")
      assert.deepInclude(data, { profile_score: 15.8 })
      assert.deepInclude((data as { readonly _child: unknown })._child, { status: "completed" })
    }).pipe(Effect.provide(world))
  )

  it.effect("puts a value that is no mapping under result", () =>
    Effect.gen(function* () {
      const { data } = yield* ended({ path: "list", return_step: "end" })
      assert.deepStrictEqual((data as { readonly result: unknown }).result, [1, 2])
    }).pipe(Effect.provide(world))
  )

  it.effect("fails when the child failed, and says which one", () =>
    Effect.gen(function* () {
      const { error, status } = yield* ended({ path: "broken", return_step: "end" })
      assert.strictEqual(status, "error")
      assert.match(error?.message ?? "", /the playbook broken ended failed \(execution 9\d+\)/)
    }).pipe(Effect.provide(world))
  )

  it.effect("holds no slot while it waits", () =>
    Effect.gen(function* () {
      let parked = 0
      const slot = {
        park: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
          Effect.tap(effect, () => Effect.sync(() => parked++))
      }
      yield* ended({ path: "scorer", return_step: "end" }).pipe(Effect.provideService(Slot, slot))
      assert.strictEqual(parked, 1)
    }).pipe(Effect.provide(world))
  )
})
