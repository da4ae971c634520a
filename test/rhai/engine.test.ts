import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Op } from "../../src/tools/rhai/language/Code.ts"
import { Engine, type EngineOptions } from "../../src/tools/rhai/Engine.ts"
import { HostRequest, Natives } from "../../src/tools/rhai/machine/Natives.ts"
import { standard } from "../../src/tools/rhai/packages/standard.ts"
import { RhaiError } from "../../src/tools/rhai/language/RhaiError.ts"
import { run } from "../../src/tools/rhai/run.ts"
import { ScriptCache } from "../../src/tools/rhai/ScriptCache.ts"
import type { Value } from "../../src/tools/rhai/language/Value.ts"

const failure = (script: string, options: EngineOptions): RhaiError => {
  const engine = new Engine(options)
  try {
    engine.run(engine.compile(script))
  } catch (error) {
    assert.instanceOf(error, RhaiError)
    return error
  }
  return assert.fail(`no error: ${script}`)
}

describe("Rhai, limits", () => {
  it.each<readonly [string, string, EngineOptions["limits"] & object, string]>([
    ["operations", "loop { }", { operations: 1000 }, "ErrorTooManyOperations"],
    [
      "work inside native functions",
      `let a = []; a.pad(900000, 1); loop { a.index_of(2); }`,
      { operations: 5000 },
      "ErrorTooManyOperations"
    ],
    ["call depth", "fn f() { f() } f()", { callDepth: 10 }, "ErrorStackOverflow"],
    ["call depth through callbacks", "fn f(x) { [x].map(|y| f(y)) } f(1)", {}, "ErrorStackOverflow"],
    ["expression depth", "1 + (2 + (3 + 4))", { expressionDepth: 4 }, "ErrorParsing"],
    [
      "expression depth in functions",
      "fn f() { 1 + (2 + (3 + 4)) }",
      { functionExpressionDepth: 4 },
      "ErrorParsing"
    ],
    ["string length", `let s = "ab"; loop { s += s; }`, { stringLength: 100 }, "ErrorDataTooLarge"],
    ["array length", "let a = []; loop { a.push(1); }", { arrayLength: 100 }, "ErrorDataTooLarge"],
    [
      "map size",
      "let m = #{}; let i = 0; loop { i += 1; m[`k${i}`] = i; }",
      { mapSize: 100 },
      "ErrorDataTooLarge"
    ],
    ["total memory", "let a = [1]; loop { a = [a, a]; }", { memory: 8 * 1024 * 1024 }, "ErrorDataTooLarge"],
    [
      "total memory behind closures",
      "let a = []; let f = |x| a.push(x); loop { f.call(a); }",
      { memory: 8 * 1024 * 1024 },
      "ErrorDataTooLarge"
    ],
    ["functions", "fn a() { } fn b() { } fn c() { }", { functions: 2 }, "ErrorParsing"],
    ["modules", `import "m" as a; import "m" as b;`, { modules: 1 }, "ErrorTooManyModules"]
  ])("%s", (_, script, limits, kind) => {
    const error = failure(script, { limits, modules: new Map([["m", "1"]]) })
    assert.strictEqual(error.kind, kind)
  })

  it("wall clock, in a loop without calls", () => {
    let time = 0
    const error = failure("loop { }", {
      limits: { wallClock: 1000, operations: 1e9 },
      now: () => (time += 100)
    })
    assert.strictEqual(error.kind, "ErrorTerminated")
  })

  it("no limit can be caught", () => {
    const error = failure("try { loop { } } catch { } 1", { limits: { operations: 1000 } })
    assert.strictEqual(error.kind, "ErrorTooManyOperations")
  })

  it("nesting without limit ends in an error, not in JavaScript's", () => {
    const limits = { expressionDepth: 0, functionExpressionDepth: 0 }
    assert.strictEqual(failure("(".repeat(100_000), { limits }).kind, "ErrorParsing")
    assert.strictEqual(failure(`1${"+1".repeat(100_000)}`, { limits }).kind, "ErrorParsing")
  })

  it("values nested as deep as operations allow are printed, compared and copied, or refused", () => {
    for (const use of [
      "print(a)",
      "a == a",
      "let b = a; b",
      "a.to_string()",
      "#{ a: a }.to_json()",
      "switch a { 1 => 2 }"
    ]) {
      const engine = new Engine({ limits: { memory: 1e9 } })
      try {
        engine.run(engine.compile(`let a = []; for i in 0..4000 { let b = []; b.push(a); a = b; } ${use}; 1`))
      } catch (error) {
        assert.instanceOf(error, RhaiError)
      }
    }
  })
})

const hostNatives = Natives.extending(standard())
  .host("wait(int)", ([millis]) => new HostRequest(Effect.as(Effect.sleep(Number(millis)), millis)))
  .host(
    "refuse()",
    () =>
      new HostRequest(Effect.fail(new RhaiError("ErrorRuntime", "Runtime error: refused", 0, {}, "refused")))
  )

const effect = (script: string): Effect.Effect<Value, RhaiError> =>
  Effect.suspend(() => {
    const engine = new Engine({ natives: hostNatives, limits: { operations: 1e12 } })
    return run(engine.machine(engine.compile(script)))
  })

describe("Rhai, as an Effect", () => {
  it.live("waits for its host anywhere: in operators, arguments, callbacks, functions, loops", () =>
    Effect.gen(function* () {
      const value = yield* effect(`
        fn twice(n) { wait(n) * 2 }
        let total = 0;
        for i in 0..3 { total += wait(i); }
        [wait(1) + wait(2), twice(wait(3)), [1, 2].map(|x| wait(x) * 10), [3, 1, 2].order(|a, b| wait(a) - b), total,
         if wait(1) == 1 { "yes" } else { "no" }, #{ a: wait(4) }, \`\${wait(5)}\`]
      `)
      assert.deepStrictEqual(value, [3, 6, [10, 20], [1, 2, 3], 3, "yes", new Map([["a", 4]]), "5"])
    })
  )

  it.live("a host's refusal is an error that a script can catch", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* effect(`let r = ""; try { [1].map(|x| refuse()) } catch (e) { r = "caught " + e; } r`),
        "caught refused"
      )
      const error = yield* Effect.flip(effect("fn f() { refuse() }\nf()"))
      assert.include(error.show(), "in call to function 'f' (line 2, position 1)")
    })
  )

  it.live("others run while it computes", () =>
    Effect.gen(function* () {
      let beats = 0
      const beat = Effect.forever(
        Effect.andThen(
          Effect.sync(() => beats++),
          Effect.sleep(1)
        )
      )
      const heart = yield* Effect.forkChild(beat)
      yield* effect("let x = 0; while x < 3000000 { x += 1; } x")
      yield* Fiber.interrupt(heart)
      assert.isAbove(beats, 5)
    })
  )

  it.live("is interrupted in the middle of any loop", () =>
    Effect.gen(function* () {
      for (const script of [
        "loop { }",
        "fn f() { loop { } } f()",
        "[1].map(|x| { loop { } })",
        "for i in 0.. { }"
      ]) {
        const fiber = yield* Effect.forkChild(effect(script))
        yield* Effect.sleep(5)
        yield* Fiber.interrupt(fiber)
      }
    })
  )
})

describe("Rhai, the cache of compiled scripts", () => {
  it("keeps what was used last, within its bytes", () => {
    const cache = new ScriptCache(40)
    const engine = new Engine()
    const first = cache.get(engine, "1 + 1 // first", [])
    cache.get(engine, "2 + 2 // second", [])
    assert.strictEqual(cache.get(engine, "1 + 1 // first", []), first)
    cache.get(engine, "3 + 3 // third", [])
    assert.strictEqual(cache.get(engine, "1 + 1 // first", []), first)
    assert.isAtMost(cache.size, 2)
    assert.notStrictEqual(cache.get(engine, "1 + 1 // first", ["x"]), first)
  })
})

describe("Rhai, the machine", () => {
  it("repeats the numbers of the instructions as they are", () => {
    const numbers = Object.entries(Op)
    const seen = new Set<string>()
    for (const file of ["Machine.ts", "MachineSteps.ts", "MachinePlaces.ts"]) {
      const text = readFileSync(
        join(import.meta.dirname, "..", "..", "src", "tools", "rhai", "machine", file),
        "utf8"
      )
      for (const [, number, name] of text.matchAll(/case (\d+) \/\* (\w+) \*\//g)) {
        assert.deepStrictEqual(
          [name, Number(number)],
          numbers.find(([known]) => known === name) as [string, number]
        )
        seen.add(name!)
      }
    }
    assert.deepStrictEqual([...seen].sort(), Object.keys(Op).sort())
  })
})
