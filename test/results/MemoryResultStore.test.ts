import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { layer } from "../../src/results/MemoryResultStore.ts"
import { ResultStore } from "../../src/results/ResultStore.ts"
import { suite } from "./ResultStoreSuite.ts"

const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("noetl-results-"))

describe("MemoryResultStore", () => {
  suite(layer())

  describe("on disk", () => suite(layer({ memoryBytes: 0 })))

  it.live("spills what does not fit, refuses what does not fit on disk either, and leaves nothing", () => {
    const before = folders()
    return Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const store = yield* ResultStore
        const put = (n: number) =>
          store.put({ executionId: "1", step: "s" }, { value: "x", text: "x".repeat(n) })
        assert.strictEqual((yield* put(90)).store, "memory")
        assert.strictEqual((yield* put(90)).store, "disk")
        assert.strictEqual((yield* put(10)).store, "memory")
        const error = yield* Effect.flip(put(20))
        assert.strictEqual(error.reason._tag, "ResultTooLarge")
        assert.lengthOf(folders(), before.length + 1)
      }).pipe(Effect.provide(layer({ memoryBytes: 100, diskBytes: 100 })))
      assert.deepStrictEqual(folders(), before)
    })
  })
})
