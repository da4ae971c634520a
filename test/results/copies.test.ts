import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import { isObject, type Json, type JsonObject, parse, stringify } from "../../src/domain/Json.ts"
import { resultOf } from "../../src/job/pipeline/resultOf.ts"
import type { State } from "../../src/job/pipeline/State.ts"
import { withCopiesInside } from "../../src/results/copies.ts"
import { layer as memory } from "../../src/results/MemoryResultStore.ts"
import { Results } from "../../src/results/Results.ts"
import { Registry } from "../../src/secrets/Registry.ts"
import { maskJson } from "../../src/secrets/maskJson.ts"
import * as Rows from "../../src/tools/Rows.ts"
import { render } from "../template/support.ts"

const layer = Results.layer.pipe(Layer.provide(memory()))
const key = { executionId: "7670000000000000123", step: "start" }
const sent = (value: Json) => Effect.flatMap(Results, (results) => results.externalize(value, key))
const objectOf = (value: Json | undefined): JsonObject =>
  value !== undefined && isObject(value) ? value : {}
/** A value as it comes back from a server: as text, so that no member is the same object as another. */
const overTheWire = (value: Json): Json => Result.getOrThrow(parse(stringify(value)))

const rowsOf = (count: number, width: number) =>
  Array.from({ length: count }, (_, i) => ({ id: i, t: "x".repeat(width) }))
const sql = (rows: ReadonlyArray<JsonObject>) =>
  Rows.dataOf([{ command: "SELECT", table: { columns: ["id", "t"], columnTypes: ["int4", "text"], rows } }])
const http = (body: Json): JsonObject => ({
  status_code: 200,
  headers: { "content-type": "x" },
  data: body,
  body
})
const pipeline = (results: JsonObject, previous: Json): JsonObject => {
  const state: State = { base: {}, own: {}, ctx: {}, changed: {}, iter: {}, locals: {}, results, previous }
  const plan = { tasks: [], isList: true, step: "start", input: {} }
  return objectOf(
    resultOf(plan, { state, last: undefined, failure: undefined, index: 0, attempt: 1 }, 1).data
  )
}

const rows = rowsOf(4, 10_000)
const body = { items: rowsOf(36, 1_000), more: true }
const page = http({ items: rowsOf(30, 1_000) })

describe("A result on its way to an event", () => {
  it.effect("keeps its rows under command_0, once", () =>
    Effect.gen(function* () {
      const { reference, value } = yield* sent(sql(rows))
      assert.isUndefined(reference)
      assert.deepStrictEqual(objectOf(objectOf(value)["command_0"])["rows"], rows)
      assert.isBelow(stringify(value).length, stringify(rows).length + 1_000)
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps a body as data, once", () =>
    Effect.gen(function* () {
      const { reference, value } = yield* sent(http(body))
      assert.isUndefined(reference)
      assert.deepStrictEqual(objectOf(value)["data"], body)
      assert.isBelow(stringify(value).length, stringify(body).length + 500)
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps a body that is text once", () =>
    Effect.gen(function* () {
      const { value } = yield* sent(http("y".repeat(40_000)))
      assert.isBelow(stringify(value).length, 41_000)
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps a pipeline's values in results and _prev, as other workers have them", () =>
    Effect.gen(function* () {
      const union = pipeline({ first: { n: 1 }, fetch: http({ items: rowsOf(20, 1_000) }) }, http(1))
      const { reference, value } = yield* sent(union)
      assert.isUndefined(reference)
      const results = objectOf(objectOf(value)["results"])
      assert.deepStrictEqual(objectOf(results["fetch"])["data"], { items: rowsOf(20, 1_000) })
      assert.isBelow(stringify(value).length, 22_000)
    }).pipe(Effect.provide(layer))
  )

  it.effect("counts the last task of a pipeline once where twice is too much", () =>
    Effect.gen(function* () {
      const last = { items: rowsOf(40, 1_000) }
      const { reference, value } = yield* sent(pipeline({ first: { n: 1 }, last }, last))
      assert.isUndefined(reference)
      assert.deepStrictEqual(objectOf(value)["_prev"], last)
      assert.deepStrictEqual(objectOf(objectOf(value)["results"])["first"], { n: 1 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("is no larger than another worker's long before it is too large", () =>
    Effect.gen(function* () {
      const { value } = yield* sent(sql(rowsOf(3, 2_000)))
      assert.isBelow(stringify(value).length, 6_800)
      assert.deepStrictEqual(objectOf(objectOf(value)["command_0"])["rows"], rowsOf(3, 2_000))
    }).pipe(Effect.provide(layer))
  )

  it.effect("has all its names while it is small", () =>
    Effect.gen(function* () {
      const small = sql(rowsOf(2, 10))
      assert.strictEqual((yield* sent(small)).value, small)
    }).pipe(Effect.provide(layer))
  )

  it.effect("loses no member that is not a copy", () =>
    Effect.gen(function* () {
      const own = rowsOf(4, 1_000)
      const authors = { rows: own, command_0: { rows: rowsOf(4, 1_000) }, first: own, second: own }
      assert.strictEqual((yield* sent(authors)).value, authors)
    }).pipe(Effect.provide(layer))
  )

  it.effect("is still one value after a secret in it was masked", () =>
    Effect.gen(function* () {
      const registry = new Registry(10)
      registry.add(["a-secret-of-mine"])
      const masked = maskJson(registry.matcher, sql([...rows, { id: 9, t: "a-secret-of-mine" }]))
      const { reference, value } = yield* sent(masked)
      assert.isUndefined(reference)
      assert.notInclude(stringify(value), "a-secret-of-mine")
    }).pipe(Effect.provide(layer))
  )

  it.effect.each<readonly [string, JsonObject]>([
    ["rows", sql(rows)],
    ["a body", http(body)],
    ["a pipeline", pipeline({ first: sql(rowsOf(5, 500)), page }, page)],
    ["a pipeline whose last task counts once", pipeline({ a: rowsOf(1, 10), last: page, page }, page)]
  ])("comes back with all its names in every place of a context: %s", ([, value]) =>
    Effect.gen(function* () {
      const wire = overTheWire((yield* sent(value)).value)
      assert.property(wire, "_copies")
      const context = { start: wire, ctx: { start: wire }, loop: { results: [wire], stats: {} }, other: 1 }
      assert.deepStrictEqual(withCopiesInside(context), {
        start: value,
        ctx: { start: value },
        loop: { results: [value], stats: {} },
        other: 1
      })
    }).pipe(Effect.provide(layer))
  )
})

const large = http({ page: 1, has_more: true, tags: ["a", "b"], deep: { small: 1, huge: rowsOf(9, 9_000) } })

describe("A result that is kept elsewhere", () => {
  it.effect("has its small members beside the reference, those of its members too", () =>
    Effect.gen(function* () {
      const { reference, value } = yield* sent(large)
      assert.isDefined(reference)
      assert.deepInclude(value, { status_code: 200, headers: { "content-type": "x" } })
      const data = objectOf(objectOf(value)["data"])
      assert.deepInclude(data, { page: 1, has_more: true, tags: ["a", "b"] })
      assert.strictEqual(objectOf(data["deep"])["small"], 1)
      assert.isBelow(stringify(value).length, 12_000)
    }).pipe(Effect.provide(layer))
  )

  it.effect("is read as a whole through a part that is beside the reference", () =>
    Effect.gen(function* () {
      const results = yield* Results
      const value = objectOf(overTheWire((yield* results.externalize(large, key)).value))
      assert.deepStrictEqual(yield* results.resolve(value), large)
      assert.deepStrictEqual(yield* results.resolve(value["data"] ?? null), large["data"])
      assert.deepStrictEqual(yield* results.resolve(objectOf(value["data"])["deep"] ?? null), {
        small: 1,
        huge: rowsOf(9, 9_000)
      })
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps what is near the top before what is deep", () =>
    Effect.gen(function* () {
      const lower = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`l${i}`, "z".repeat(400)]))
      const { value } = yield* sent({
        big: { ...lower, rows, more: rows.slice() },
        last: "w".repeat(300),
        n: 7
      })
      assert.deepInclude(value, { last: "w".repeat(300), n: 7 })
      assert.isBelow(stringify(value).length, 12_000)
    }).pipe(Effect.provide(layer))
  )

  it("is fetched when a template reads a part of it", () => {
    const part = { page: 1, _ref: "noetl://x", _store: "kv", _path: ["data"] }
    const holder = { _ref: "noetl://x", data: part }
    const asked: Array<JsonObject> = []
    const whole = { page: 1, items: [1, 2] }
    const value = render(
      ["{{ start.data.items }}", "{{ start.data }}", "{{ start.data | length }}"],
      { start: holder },
      {
        resolve: (demand) => {
          if (demand.type === "reference") asked.push(demand.holder)
          return Effect.succeed(whole)
        }
      }
    )
    assert.deepStrictEqual(value, [[1, 2], whole, 2])
    assert.deepStrictEqual(asked, [part])
  })
})
