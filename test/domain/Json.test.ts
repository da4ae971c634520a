import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Json from "../../src/domain/Json.ts"

const ok = (text: string) => Result.getOrThrow(Json.parse(text))

const raw = (text: string) => JSON.rawJSON(text)

describe("Json", () => {
  it.each([
    ["767489372445736966", 767_489_372_445_736_966n],
    ["-9223372036854775808", -9_223_372_036_854_775_808n],
    ["9007199254740991", 9_007_199_254_740_991],
    ["9007199254740992", 9_007_199_254_740_992n],
    ["0.1234567890123456789", raw("0.1234567890123456789")],
    ["20.0", raw("20.0")],
    ["-0.0", raw("-0.0")],
    ["1e16", raw("1e16")],
    ["1E2", raw("1E2")],
    ["1e-400", raw("1e-400")],
    ["0.30000000000000004", 0.300_000_000_000_000_04],
    ["1.50", 1.5],
    ["1e22", 1e22],
    ["-0", -0],
    ['"20.0"', "20.0"],
    ['"[20.0,1e5]"', "[20.0,1e5]"],
    ['"127.0.0.1"', "127.0.0.1"],
    ["1e400", Number.POSITIVE_INFINITY],
    ['"1234567890123456789"', "1234567890123456789"],
    ['"\\"1234567890123456789"', '"1234567890123456789'],
    ['"\\\\"', "\\"],
    ["12345678901234567890e2", raw("12345678901234567890e2")],
    ["[12345678901234567890]", [12_345_678_901_234_567_890n]],
    ['["⟦number⟧1", 12345678901234567890]', ["⟦number⟧1", 12_345_678_901_234_567_890n]],
    ['["\\u27E6number⟧1"]', ["⟦number⟧1"]],
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

  it("writes what it read: every float keeps its text", () => {
    const text = '{"price":20.0,"list":[1e16,-0.0,{"x":1E2},3.14159265358979323846],"id":767489372445736966}'
    assert.strictEqual(Json.stringify(ok(text)), text)
  })

  it("keeps the text of all numbers, whatever is around them", () => {
    const numbers = [
      "20.0",
      "-0.0",
      "1e16",
      "1E2",
      "7",
      "1.5",
      "767489372445736966",
      "0.12345678901234567890"
    ]
    const texts = ['"20.0"', String.raw`"\"1e5,\""`, '"[1.0]"', '":20.0,"', "null"]
    for (let seed = 1; seed <= 400; seed++) {
      // Numbers that are all there, in ever another order and neighbourhood.
      const at = (n: number, of: ReadonlyArray<string>) => of[(seed * (n + 7) + n * n) % of.length]
      const text = `{"a":${at(1, numbers)},"b":[${at(2, texts)},${at(3, numbers)},[${at(4, numbers)}]],"c":{"d":${at(5, texts)},"e":${at(6, numbers)}}}`
      assert.strictEqual(Json.stringify(ok(text)), text)
    }
  })

  it("counts no level of nesting for a number that keeps its text", () => {
    const limits = { maxBytes: 1000, maxDepth: 2 }
    assert.isTrue(Result.isSuccess(Json.parse("[[20.0]]", limits)))
    assert.isTrue(Result.isFailure(Json.parse("[[[20.0]]]", limits)))
    assert.isTrue(Json.isJson([[raw("20.0")]], 2))
  })

  it("takes no number for a mapping", () => {
    assert.isFalse(Json.isObject(ok("20.0")))
    assert.strictEqual(Json.numberOf(ok("20.0")), 20)
    assert.strictEqual(Json.plainTextOf(ok("1E2")), "100.0")
  })

  it("reads long runs of digits and zeros in time that grows with their length", () => {
    const digits = "1".repeat(400_000)
    const text = `["${digits}", "0.${"0".repeat(400_000)}1", "${"1.0".repeat(100_000)}", 20.0]`
    assert.deepStrictEqual((ok(text) as ReadonlyArray<unknown>).at(-1), raw("20.0"))
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
