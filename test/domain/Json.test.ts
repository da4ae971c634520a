import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Json from "../../src/domain/Json.ts"

const ok = (text: string) => Result.getOrThrow(Json.parse(text))

describe("Json", () => {
  it.each([
    ["767489372445736966", 767_489_372_445_736_966n],
    ["-9223372036854775808", -9_223_372_036_854_775_808n],
    ["9007199254740991", 9_007_199_254_740_991],
    ["9007199254740992", 9_007_199_254_740_992n],
    ["0.1234567890123456789", 0.123_456_789_012_345_68],
    ["1e400", Number.POSITIVE_INFINITY],
    ['"1234567890123456789"', "1234567890123456789"],
    ['"\\"1234567890123456789"', '"1234567890123456789'],
    ['"\\\\"', "\\"],
    ["12345678901234567890e2", Number("12345678901234567890e2")],
    ["[12345678901234567890]", [12_345_678_901_234_567_890n]],
    ['["⟦integer⟧1", 12345678901234567890]', ["⟦integer⟧1", 12_345_678_901_234_567_890n]],
    ['["\\u27E6integer⟧1"]', ["⟦integer⟧1"]],
    ['{ "b" : 12345678901234567890 }', { b: 12_345_678_901_234_567_890n }],
    [
      '{"10": 12345678901234567890, "9": [12345678901234567891]}',
      { 9: [12_345_678_901_234_567_891n], 10: 12_345_678_901_234_567_890n }
    ],
    [
      String.raw`{"text": "{\"id\":12345678901234567890}", "id": 12345678901234567890}`,
      { text: '{"id":12345678901234567890}', id: 12_345_678_901_234_567_890n }
    ],
    ['["a:12345678901234567890,b"]', ["a:12345678901234567890,b"]],
    ["-12345678901234567890", -12_345_678_901_234_567_890n]
  ])("reads %s as %s", (text, value) => {
    assert.deepStrictEqual(ok(`{"v": ${text}, "pad": 1111111111111111}`), {
      v: value,
      pad: 1_111_111_111_111_111
    })
  })

  it("writes what it read: a long integer stays a bare integer", () => {
    const text = '{"id":767489372445736966,"list":[1,2.5,null,true,"x"]}'
    assert.strictEqual(Json.stringify(ok(text)), text)
  })

  it("keeps a key __proto__ a key", () => {
    for (const pad of ["", ', "long": 12345678901234567890']) {
      const value = ok(`{"__proto__": {"admin": true}${pad}}`) as Json.JsonObject
      assert.isUndefined(value["admin"])
      assert.isTrue(Object.hasOwn(value, "__proto__"))
    }
    assert.isUndefined(({} as Record<string, unknown>)["admin"])
  })

  it.each([
    ["{", /JSON/],
    ["", /JSON/],
    ["{12345678901234567890: 1}", /JSON/],
    ["[012345678901234567890]", /JSON/],
    ["[12345678901234567890", /JSON/],
    ["[--12345678901234567890]", /JSON/],
    ["[".repeat(100_000), /nested deeper than 200 at position 200/],
    ['{"a":'.repeat(300) + "1" + "}".repeat(300), /nested deeper/]
  ])("says what is wrong with %.20s", (text, expected) => {
    const parsed = Json.parse(text)
    assert.isTrue(Result.isFailure(parsed))
    if (Result.isFailure(parsed)) assert.match(parsed.failure.message, expected)
  })

  it("holds a text as long as it is, whatever else is in it", () => {
    const text = `{"id": 12345678901234567890, "text": "${"x".repeat(4_000_000)}"}`
    const before = process.memoryUsage().heapUsed
    const value = ok(text)
    // Letter by letter it would be 128 MB.
    assert.isBelow(process.memoryUsage().heapUsed - before, 40_000_000)
    assert.isTrue(Json.isJson(value))
  })

  it("reads a text that is one long integer", () => {
    assert.strictEqual(ok(" 12345678901234567890\n"), 12_345_678_901_234_567_890n)
  })

  it("allows so many levels and not one more, whatever is in the texts between them", () => {
    const nested = (levels: number) => `${'["[[[{{{",'.repeat(levels - 1)}[]${"]".repeat(levels - 1)}`
    const limits = { maxBytes: 1_000_000, maxDepth: 20 }
    assert.isTrue(Result.isSuccess(Json.parse(nested(20), limits)))
    const tooDeep = Json.parse(nested(21), limits)
    assert.isTrue(Result.isFailure(tooDeep))
    if (Result.isFailure(tooDeep))
      assert.match(tooDeep.failure.message, /nested deeper than 20 at position 200/)
    assert.isTrue(Result.isFailure(Json.parse(`{"a":`.repeat(21) + "1" + "}".repeat(21), limits)))
  })

  it("does not build a value of a million levels to measure it", () => {
    const text = `${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}`
    const before = process.memoryUsage().heapUsed
    assert.isTrue(Result.isFailure(Json.parse(text)))
    assert.isBelow(process.memoryUsage().heapUsed - before, 16_000_000)
  })

  it("counts bytes and not characters", () => {
    const limits = { maxBytes: 10, maxDepth: 5 }
    assert.isTrue(Result.isSuccess(Json.parse('"12345678"', limits)))
    assert.isTrue(Result.isFailure(Json.parse('"ääääää"', limits)))
  })

  it("brackets in strings are no depth", () => {
    assert.deepStrictEqual(ok(`["${"[".repeat(1000)}", "\\"["]`), ["[".repeat(1000), '"['])
  })

  it.prop("gives back any value that JSON has", { value: Schema.Json }, ({ value }) => {
    assert.strictEqual(Json.stringify(ok(Json.stringify(value))), Json.stringify(value))
  })
})
