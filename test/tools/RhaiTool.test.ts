import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Json } from "../../src/domain/Json.ts"
import { aCall, runTool, suite } from "../../src/testing/suites/ToolSuite.ts"
import { defaults as limits } from "../../src/tools/rhai/machine/Limits.ts"
import { RhaiTool } from "../../src/tools/RhaiTool.ts"
import { ToolError } from "../../src/domain/ToolError.ts"
import { EgressOptions } from "../../src/tools/http/Egress.ts"
import { rhai, withSettings } from "./rhaiWorld.ts"

suite("RhaiTool", RhaiTool, RhaiTool.layer.pipe(Layer.provide(EgressOptions.layerDevelopment)), {
  kind: "rhai",
  works: { code: "#{ answer: 40 + 2, list: [1, 2, 3] }" },
  broken: [
    { config: {}, at: "code" },
    { config: { code: "let x = ;" }, at: "code" },
    { config: { code: "1", args: 5 }, at: "args" },
    { config: { code: "1", timeout: "soon" }, at: "timeout" },
    { config: { code: "1", host: "moon" }, at: "host" }
  ],
  endless: { code: "let x = 0; loop { x += 1; }" }
})

describe("RhaiTool, values", () => {
  it.live.each<readonly [string, string, Json]>([
    ["a map", `#{ a: 1, b: "x" }`, { a: 1, b: "x" }],
    ["unit is null", `()`, null],
    ["a returned value", `return 5; 6`, 5],
    ["a float", `1.5`, 1.5],
    ["a whole float", `2.0`, JSON.rawJSON("2.0")],
    ["an integer beyond 2^53", `9007199254740993`, 9007199254740993n],
    ["a character", `'x'`, "x"],
    ["nested containers", `[[1, #{ a: () }], true]`, [[1, { a: null }], true]]
  ])("%s", ([, code, expected]) =>
    Effect.gen(function* () {
      const result = yield* rhai(code)
      assert.strictEqual(result.status, "success")
      assert.deepStrictEqual(result.data, expected)
    })
  )

  it.live("finds arguments by name and as a map, under the context", () =>
    Effect.gen(function* () {
      const code = `[name, args.name, region, args.region, n + 1, workload.key, vars.v, ctx.c, step, execution_id]`
      const result = yield* rhai(code, {
        args: { name: "x", region: "a", n: 41 },
        variables: { region: "b", workload: { key: 7 }, vars: { v: 1 }, ctx: { c: 2 } }
      })
      assert.deepStrictEqual(result.data, ["x", "x", "b", "a", 42, 7, 1, 2, "step", 613000000000000001n])
    })
  )

  it.live("keeps what was text as text", () =>
    Effect.gen(function* () {
      const result = yield* rhai('[n + 1, n == "5", args.n]', {}, { args: { n: "5" } })
      assert.deepStrictEqual(result.data, ["51", true, "5"])
    })
  )

  it.live("keeps all digits of a JSON integer", () =>
    Effect.gen(function* () {
      const result = yield* rhai(
        `let v = parse_json("{\\"id\\": 613000000000000001, \\"f\\": 1.0}"); [v.id + 1, type_of(v.f), to_json(v), parse_json("{")]`
      )
      assert.deepStrictEqual(result.data, [
        613000000000000002n,
        "f64",
        `{"f":1.0,"id":613000000000000001}`,
        null
      ])
    })
  )

  it.live("tells only the variables of the environment that are listed", () =>
    Effect.gen(function* () {
      const result = yield* rhai(`[env("REGION"), env("APP_NAME"), env("SECRET"), env("NOPE")]`)
      assert.deepStrictEqual(result.data, ["eu", "noetl", null, null])
    })
  )

  it.live("imports registered modules and no others", () =>
    Effect.gen(function* () {
      const result = yield* rhai(`import "lib" as lib; lib::twice(lib::ANSWER)`)
      assert.strictEqual(result.data, 84)
      const failed = yield* rhai(`import "fs" as fs;`)
      assert.match(failed.error?.message ?? "", /Module not found: fs/)
    })
  )

  it.live("answers with what was printed", () =>
    Effect.gen(function* () {
      const result = yield* rhai(`print("one"); [1, 2].for_each(|| print(this)); info("logged"); 3`)
      assert.deepStrictEqual([result.data, result.stdout], [3, "one\n1\n2\n"])
    })
  )

  it.live("searches without regard to case with contains_any, and with regard with contains", () =>
    Effect.gen(function* () {
      const result = yield* rhai(`[contains_any("Hello World", ["WORLD", "x"]), contains("Hello", "hello")]`)
      assert.deepStrictEqual(result.data, [true, false])
    })
  )
})

describe("RhaiTool, failures", () => {
  it.live("a thrown text is the error's message", () =>
    Effect.gen(function* () {
      const result = yield* rhai(`print("before"); throw "no luck"`)
      assert.deepStrictEqual(
        [result.status, result.error?.message, result.stdout],
        ["error", "no luck", "before\n"]
      )
    })
  )

  it.live("a thrown map is the error's data", () =>
    Effect.gen(function* () {
      const result = yield* rhai(`throw #{ code: 7 }`)
      assert.deepStrictEqual(result.error?.detail, { value: { code: 7 }, line: 1, position: 1 })
    })
  )

  it.live("an error says where it happened and in which calls", () =>
    Effect.gen(function* () {
      const result = yield* rhai(`fn half(x) {\n  x / 0\n}\nhalf(3)`)
      assert.strictEqual(
        result.error?.message,
        "Script error: Rhai error: Division by zero: 3 / 0 (line 2, position 5)\nin call to function 'half' (line 4, position 1)"
      )
    })
  )

  it.live("a limit ends the script with its own error", () =>
    Effect.gen(function* () {
      const result = yield* runTool(aCall("rhai", { code: "try { loop { } } catch { 1 }" }))
      assert.deepStrictEqual(
        [result.error?.kind, result.error?.exception],
        ["limit", "ErrorTooManyOperations"]
      )
    }).pipe(Effect.provide(withSettings({ limits: { ...limits, operations: 50_000 } })))
  )

  it.live("a deadline ends a script that computes", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(rhai("loop { }", {}, { timeout: 0.2 }))
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      const limit = Exit.isSuccess(exit) ? exit.value.error?.exception : undefined
      assert.isTrue(
        limit === "ErrorTerminated" ||
          limit === "ErrorTooManyOperations" ||
          (error instanceof ToolError && error.reason._tag === "TimedOut")
      )
    }).pipe(Effect.provide(withSettings({ limits: { ...limits, operations: 1e12 } })))
  )
})

describe("RhaiTool, time", () => {
  it.effect("a sleeping script holds nothing but its fiber, and goes on when its time has come", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        rhai(`let a = timestamp(); sleep(90); sleep_ms(500); [a, timestamp(), timestamp_ms()]`)
      )
      yield* TestClock.adjust("91 seconds")
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual(result.data, ["0", "90", "90500"])
    })
  )

  it.effect("its time ends a script that only waits, and no catch helps it", () =>
    Effect.gen(function* () {
      const call = aCall("rhai", { code: "loop { try { sleep(10); } catch { } }" })
      const fiber = yield* Effect.forkChild(runTool(call))
      yield* TestClock.adjust("2 minutes")
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual([result.error?.kind, result.error?.exception], ["limit", "ErrorTerminated"])
    }).pipe(Effect.provide(withSettings({ limits: { ...limits, wallClock: 65_000 } })))
  )

  it.effect("timestamp takes the format of the configuration", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("3661 seconds")
      const result = yield* rhai("timestamp()", {}, { timestamp_format: "%Y-%m-%d %H:%M:%S" })
      assert.strictEqual(result.data, "1970-01-01 01:01:01")
    })
  )
})
