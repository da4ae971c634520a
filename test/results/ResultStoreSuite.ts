/** What every result store must do. */
import { assert, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { Json } from "../../src/domain/Json.ts"
import { stringify } from "../../src/domain/Json.ts"
import { ResultStore } from "../../src/results/ResultStore.ts"

const key = { executionId: "7670000000000000123", step: "load rows:task_sequence" }
const content = (value: Json) => ({ value, text: stringify(value) })

const values: ReadonlyArray<readonly [string, Json]> = [
  ["a small value", { a: 1, b: [null, true, "x"] }],
  ["a 64-bit integer", { id: 7670000000000000123n }],
  ["text that is compressed", { text: "abc".repeat(50_000) }],
  [
    "text that does not compress",
    { text: Array.from({ length: 60_000 }, (_, i) => (i * 7919) % 65_521).join(",") }
  ],
  ["null", null],
  ["a list", [1, 2, 3]]
]

export const suite = (layer: Layer.Layer<ResultStore>): void => {
  it.live.each(values)("gives back %s", ([, value]) =>
    Effect.gen(function* () {
      const store = yield* ResultStore
      const stored = yield* store.put(key, content(value))
      assert.match(
        stored.ref,
        /^noetl:\/\/execution\/7670000000000000123\/result\/load_rows:task_sequence\/[\da-f]{8}$/
      )
      assert.deepStrictEqual(yield* store.get(stored.ref, stored.store), value)
      assert.deepStrictEqual(yield* store.get(stored.ref, undefined), value)
    }).pipe(Effect.provide(layer))
  )

  it.live("keeps every value under a name of its own", () =>
    Effect.gen(function* () {
      const store = yield* ResultStore
      const refs = yield* Effect.forEach([1, 2, 3], (value) => store.put(key, content(value)), {
        concurrency: 3
      })
      assert.strictEqual(new Set(refs.map(({ ref }) => ref)).size, 3)
    }).pipe(Effect.provide(layer))
  )

  it.live("says that it has no such result", () =>
    Effect.gen(function* () {
      const store = yield* ResultStore
      const error = yield* Effect.flip(store.get("noetl://execution/1/result/x/00000000", undefined))
      assert.strictEqual(error.reason._tag, "ResultMissing")
      assert.isTrue(error.isRetryable)
    }).pipe(Effect.provide(layer))
  )
}
