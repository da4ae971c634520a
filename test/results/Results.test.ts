import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Json, JsonObject } from "../../src/domain/Json.ts"
import { layer as memory } from "../../src/results/MemoryResultStore.ts"
import { pointerOf } from "../../src/results/reference.ts"
import { defaults, Results } from "../../src/results/Results.ts"
import { outputSpecOf } from "../../src/results/select.ts"

const key = { executionId: "7670000000000000123", step: "start" }
const world = (options: Partial<typeof defaults> = {}) =>
  Results.layerWith(options).pipe(Layer.provideMerge(memory()))

const rows = Array.from({ length: 1200 }, (_, i) => [i, `row ${i}`, "x".repeat(80)])
const large: JsonObject = { status: "ok", count: 1200, rows, note: null, deep: { a: { b: 5 } } }

const externalize = (value: Json, config: Json = {}) =>
  Effect.flatMap(Results, (results) => results.externalize(value, key, outputSpecOf(config)))

describe("Results", () => {
  it.effect("1.7 what is small is sent as it is", () =>
    Effect.gen(function* () {
      const value = { a: "x".repeat(60_000) }
      const outgoing = yield* externalize(value)
      assert.strictEqual(outgoing.value, value)
      assert.isUndefined(outgoing.reference)
    }).pipe(Effect.provide(world()))
  )

  it.effect("3.6 what is large is a reference with its plain fields, a preview and its size", () =>
    Effect.gen(function* () {
      const { value, reference } = yield* externalize(large)
      const small = value as JsonObject
      const pointer = pointerOf(value)
      assert.match(
        String(pointer?.ref),
        /^noetl:\/\/execution\/7670000000000000123\/result\/start\/[\da-f]{8}$/
      )
      assert.deepInclude(small, {
        status: "ok",
        count: 1200,
        note: null,
        _store: "memory",
        _ref: reference
      })
      assert.isUndefined(small["rows"])
      assert.strictEqual(small["_size_bytes"], Buffer.byteLength(JSON.stringify(large)))
      assert.strictEqual(small["_preview"], JSON.stringify(large).slice(0, 1024))
      assert.deepInclude(reference, {
        kind: "result_ref",
        ref: pointer?.ref,
        store: "memory",
        scope: "execution"
      })
      assert.deepStrictEqual(yield* (yield* Results).resolve(value), large)
    }).pipe(Effect.provide(world()))
  )

  it.effect("3.6 the reference is a text where servers want one", () =>
    Effect.gen(function* () {
      const { value, reference } = yield* externalize(large)
      assert.strictEqual((value as JsonObject)["_ref"], reference?.["ref"])
      assert.deepStrictEqual(yield* (yield* Results).resolve(value), large)
      assert.deepStrictEqual(yield* (yield* Results).resolve(reference as JsonObject), large)
      assert.deepStrictEqual(yield* (yield* Results).resolve(reference?.["ref"] as string), large)
    }).pipe(Effect.provide(world({ refStyle: "text" })))
  )

  it.effect("1.7 the budget can be set", () =>
    Effect.gen(function* () {
      assert.isDefined((yield* externalize({ a: "x".repeat(200) })).reference)
    }).pipe(Effect.provide(world({ inlineMaxBytes: 100 })))
  )

  const selections: ReadonlyArray<readonly [string, Json, JsonObject]> = [
    ["names", { output_select: ["deep"] }, { deep: { a: { b: 5 } } }],
    ["a path", { output: { select: [{ path: "deep.a.b", as: "b" }] } }, { b: 5 }],
    ["a path without a name", { output: { output_select: ["rows[1100][0]", "deep.a"] } }, { a: { b: 5 } }],
    ["a mapping", { output: { select: { inner: "deep.a" } } }, { inner: { b: 5 } }],
    ["a list of mappings", { output: { select: [{ inner: "deep.a.b" }] } }, { inner: 5 }],
    ["nothing for a strategy", { output_select: { strategy: "size_threshold", threshold_kb: 100 } }, {}]
  ]

  it.effect.each(selections)("4.8 selects by %s", ([, config, expected]) =>
    Effect.gen(function* () {
      const { value } = yield* externalize(large, config)
      assert.deepInclude(value, expected)
    }).pipe(Effect.provide(world()))
  )

  it.effect("4.8 a store that is named means by reference, inline means inline", () =>
    Effect.gen(function* () {
      assert.isDefined((yield* externalize({ a: 1 }, { output: { store: { kind: "kv" } } })).reference)
      assert.isUndefined((yield* externalize({ a: 1 }, { output: { store: { kind: "auto" } } })).reference)
      assert.isUndefined((yield* externalize(large, { output: { store: "inline" } })).reference)
      assert.isDefined((yield* externalize({ a: "xxxx" }, { output: { inline_max_bytes: 5 } })).reference)
    }).pipe(Effect.provide(world()))
  )

  it.effect("resolves what is no reference to itself", () =>
    Effect.gen(function* () {
      const results = yield* Results
      for (const value of [1, null, "x", [1], { a: 1 }, { ref: "refs/heads/main" }] as ReadonlyArray<Json>) {
        assert.strictEqual(yield* results.resolve(value), value)
      }
    }).pipe(Effect.provide(world()))
  )
})
