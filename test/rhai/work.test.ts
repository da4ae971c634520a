/**
 * A script is charged for the data it goes through, so that its limit of operations is a limit of time: no native
 * function, operator or statement takes long without a charge, and none takes long at once.
 */
import { assert, describe, it } from "@effect/vitest"
import { Engine } from "../../src/tools/rhai/Engine.ts"
import { hosted } from "../../src/tools/rhai/host.ts"
import { Effect } from "effect"
import { Exit } from "../../src/tools/rhai/machine/MachineNatives.ts"
import { Machine } from "../../src/tools/rhai/machine/Machine.ts"
import type { Native } from "../../src/tools/rhai/machine/Natives.ts"
import { RhaiError } from "../../src/tools/rhai/language/RhaiError.ts"
import {
  Blob,
  charOf,
  Custom,
  Float,
  FnPtr,
  Range,
  type RhaiArray,
  T,
  Timestamp,
  type TypeTag,
  type Value
} from "../../src/tools/rhai/language/Value.ts"
import { cpuMillis } from "../support/cpuMillis.ts"

/** Far more than any unit of work takes, and far less than megabytes that nobody counted. */
const MILLIS_PER_UNIT = 0.03

/** What cannot be told from a pause of the machine it runs on. */
const NOISE_MILLIS = 5

const natives = hosted({
  request: () => Effect.succeed({ status: 200, body: "" }),
  log: () => Effect.void,
  print: () => Effect.void,
  env: () => undefined,
  gcpToken: Effect.succeed(""),
  timestampFormat: undefined,
  absentOnFailure: true
})

const engine = new Engine({ natives, limits: { operations: 1e12, wallClock: 1e9 }, allowEval: true })

class Probe extends Machine {
  charged(work: () => unknown): { units: number; millis: number } {
    const before = this.operations
    const millis = cpuMillis(() => {
      try {
        work()
      } catch (error) {
        // A type or a bound that does not fit is no matter here
        if (!(error instanceof RhaiError) && !(error instanceof Exit)) throw error
      }
    })
    return { units: this.operations - before + Math.max(0, -this.fuel), millis }
  }
  call(native: Native, args: ReadonlyArray<Value>): void {
    const first = this.runNative(native, args, undefined, 0, 0)
    // Callbacks run in the script; a pause is only an offer
    if (typeof first === "symbol") while (this.frames.length > 1) this.turn()
  }
  private turn(): void {
    const frame = this.frames.at(-1)!
    if (frame.work === undefined) throw new RhaiError("ErrorSystem", "waits for its script")
    if (this.fuel < 0) this.refuel()
    this.proceed(frame)
  }
  operator(op: string, x: Value, y: Value): void {
    this.computed(op, x, y)
  }
}

const machine = (): Probe => {
  const script = engine.compile("1")
  const probe = new Probe({
    limits: engine.limits,
    natives,
    now: () => performance.now(),
    print: () => undefined,
    debug: () => undefined,
    importModule: () => undefined,
    evaluate: () => script.unit
  })
  probe.start(script.unit.main, [])
  return probe
}

/** Elements of a container that a unit of work may touch, and that a function may touch for nothing. */
const TOUCHES_PER_UNIT = 300
const FREE_TOUCHES = 300

/** Counts how often something looks into the containers it makes. */
class Counter {
  touches = 0
  readonly size: number
  constructor(size: number) {
    this.size = size
  }
  array<A>(items: Array<A>): Array<A> {
    const touch = (): unknown => this.touches++
    return new Proxy(items, {
      get(target, key) {
        touch()
        return Reflect.get(target, key) as unknown
      },
      set(target, key, value) {
        touch()
        return Reflect.set(target, key, value)
      }
    })
  }
  map(items: ReadonlyArray<readonly [string, Value]>): Map<string, Value> {
    const touch = (): unknown => this.touches++
    return new (class extends Map<string, Value> {
      override get(key: string) {
        touch()
        return super.get(key)
      }
      override *[Symbol.iterator]() {
        for (const entry of super[Symbol.iterator]()) {
          touch()
          yield entry
        }
        return undefined
      }
      override *keys() {
        for (const [key] of this) yield key
        return undefined
      }
      override *values() {
        for (const [, value] of this) yield value
        return undefined
      }
    })(items)
  }
}

const wide = "é\u{1f600}".repeat(50_000)
const plain = "abcdefg,".repeat(20_000)

const numbers = (count: Counter): RhaiArray =>
  count.array(Array.from({ length: count.size }, (_, i) => (i * 7919) % 20_011))
const nested = (count: Counter): RhaiArray => count.array(Array.from({ length: count.size }, (_, i) => [i]))
const words = (count: Counter): RhaiArray =>
  count.array(Array.from({ length: count.size }, (_, i) => `word ${i}`))
const entries = (count: Counter): Map<string, Value> =>
  count.map(Array.from({ length: count.size }, (_, i): [string, Value] => [`key ${i}`, i]))
const bytes = (count: Counter): Blob =>
  new Blob(count.array(Array.from<number>({ length: count.size }).fill(44)))
const one = (): RhaiArray => [[]]

type Make = (count: Counter) => Value

/** Large values of every type, made afresh: some functions change what they are called on. */
const samples: Readonly<Record<TypeTag, ReadonlyArray<Make>>> = {
  [T.any]: [() => 3, () => wide, nested, words, entries],
  [T.unit]: [() => undefined],
  [T.bool]: [() => true],
  [T.int]: [() => 3, () => -1],
  [T.float]: [() => new Float(1.5)],
  [T.char]: [() => charOf(","), () => charOf("é")],
  [T.string]: [() => plain, () => wide, () => "", () => "0".repeat(100_000)],
  [T.array]: [numbers, nested, words, one],
  [T.map]: [entries],
  [T.blob]: [bytes],
  [T.fn]: [() => new FnPtr("abs"), () => new FnPtr("max")],
  [T.range]: [() => new Range(1, 200_000, false)],
  [T.inclusive]: [() => new Range(1, 200_000, true)],
  [T.timestamp]: [() => new Timestamp(0, () => 1)],
  [T.sequence]: [],
  [T.custom]: [
    (count) => new Custom("response", new Map<string, Value>([["body", nested(count)]]), wide, false)
  ]
}

const combinations = (params: ReadonlyArray<TypeTag>): Array<ReadonlyArray<Make>> =>
  params.reduce<Array<ReadonlyArray<Make>>>(
    (all, tag) => all.flatMap((before) => samples[tag].map((make) => [...before, make])),
    [[]]
  )

/** What is done with values without a charge, if anything. Times are the best of several: others only add to them. */
const uncharged = (
  makers: ReadonlyArray<Make>,
  size: number,
  work: (probe: Probe, args: ReadonlyArray<Value>) => void
): string | undefined => {
  let found = ""
  for (let attempt = 0; attempt < 3; attempt++) {
    const count = new Counter(size)
    const args = makers.map((make) => make(count))
    const probe = machine()
    count.touches = 0
    const { millis, units } = probe.charged(() => work(probe, args))
    if (count.touches > FREE_TOUCHES + units * TOUCHES_PER_UNIT)
      return `${count.touches} elements for ${units} units`
    // Counting takes time itself
    if (count.touches > 0) return undefined
    if (millis <= NOISE_MILLIS + units * MILLIS_PER_UNIT) return undefined
    found = `${millis.toFixed(1)} ms for ${units} units`
  }
  return found
}

const label = ({ name, params }: Native): string => `${name}(${params.join(", ")})`

describe("Rhai, work and its charge", () => {
  it("every native function is charged for the data it goes through", () => {
    const found = [...natives.all()].flatMap((native) =>
      combinations(native.params).flatMap((makers) => {
        const problem = uncharged(makers, native.kind === "callbacks" ? 1000 : 5000, (probe, args) =>
          probe.call(native, args)
        )
        return problem === undefined ? [] : [`${label(native)}: ${problem}`]
      })
    )
    assert.deepStrictEqual(found, [])
  })

  it("nothing that looks at text promises to take the same time however long it is", () => {
    const promising = [...natives.all()].filter(
      ({ cost, params }) => cost === "constant" && (params[0] === T.string || params[0] === T.any)
    )
    assert.deepStrictEqual(
      promising.map(({ name }) => name),
      ["type_of", "is_empty"]
    )
  })

  it("every operator is charged for the data it goes through", () => {
    const operators = "+ - * / % ** << >> & | ^ == != < <= > >= .. ..=".split(" ")
    const values = [
      () => 3,
      () => wide,
      () => plain,
      nested,
      words,
      entries,
      bytes,
      ...samples[T.custom],
      ...samples[T.char]
    ]
    const found = operators.flatMap((op) =>
      values.flatMap((left, i) =>
        values.flatMap((right, j) => {
          const problem = uncharged([left, right], 2000, (probe, [x, y]) => probe.operator(op, x, y))
          return problem === undefined ? [] : [`${i} ${op} ${j}: ${problem}`]
        })
      )
    )
    assert.deepStrictEqual(found, [])
  })

  /** Data made once, then a statement that goes through it again and again until the limit of operations. */
  const text = 'let s = "é😀"; s.pad(400000, "é😀");'
  const array = "let a = []; a.pad(100000, 1); let b = a;"
  it.each<readonly [string, string]>([
    ["a loop over text that ends at once", `${text} loop { for c in s { break; } }`],
    ["a loop with a counter", `${text} loop { for (c, i) in s { break; } }`],
    ["the characters of a text", `${text} loop { for c in s.chars() { break; } }`],
    ["a loop over an array", `${array} loop { for x in a { break; } }`],
    ["a loop over a blob", "let b = blob(500000); loop { for x in b { break; } }"],
    ["== of arrays", `${array} loop { a == b }`],
    ["!= of arrays in arrays", `${array} let c = [a, b]; let d = [a, b]; loop { c != d }`],
    ["switch on an array", `${array} loop { switch a { [1] => 1, _ => 2 } }`],
    ["switch on text", `${text} loop { switch s { "a" => 1, _ => 2 } }`],
    ["switch on a map", `${array} let m = #{a: a}; loop { switch m { #{} => 1, _ => 2 } }`],
    ["the length of text", `${text} loop { s.len }`],
    ["a character of text", `${text} loop { s[300000] }`],
    ["a character in its place", `${text} loop { s[300000] = 'x'; }`],
    ["a part of text", `${text} loop { s[10..300000] }`],
    ["long keys", `${text} let m = #{}; loop { m[s] = 1; m[s]; s in m }`],
    ["long keys as properties", `${text} let m = #{}; m[s] = [1]; loop { m[s].len }`],
    ["large blobs into an array", "let a = []; loop { a.push(blob(100000)); a.clear(); }"],
    ["arrays that grow", `${array} loop { a += b; a.truncate(10); }`],
    ["text from arrays", `${array} loop { \`\${a}\` }`],
    ["text and an array", `${array} loop { "x" + a }`],
    ["throwing an array", `${array} loop { try { throw a; } catch (e) { } }`],
    ["an argument", `${array} fn f(x) { } loop { f(a) }`],
    ["a closure's variable", `${array} let f = || a; loop { f.call() }`],
    ["this", `${array} fn f() { this } loop { a.f() }`],
    ["currying", `${array} let f = |x, y| 1; loop { f.curry(a) }`],
    ["pointers with much in them", `let f = Fn("abs"); loop { f = curry(f, 1); if f == 1 { break; } }`],
    ["eval", `let t = ""; t.pad(20000, " "); loop { eval(t) }`],
    ["a property of text", `${text} loop { s.bytes }`],
    [
      "a search that goes back",
      'let s = ""; s.pad(300000, "a"); let p = "b" + s[0..100000]; loop { s.contains(p) }'
    ],
    [
      "digits that are none",
      'let s = ""; s.pad(300000, "1"); s += "x"; loop { try { parse_float(s) } catch { } }'
    ]
  ])("%s is charged", (_, script) => {
    const small = new Engine({ limits: { operations: 200_000, wallClock: 1e9 }, allowEval: true })
    const machine = small.machine(small.compile(script))
    const millis = cpuMillis(() => {
      try {
        machine.run(false)
        assert.fail("the script ended")
      } catch (error) {
        assert.instanceOf(error, RhaiError)
        assert.include(["ErrorTooManyOperations", "ErrorDataTooLarge"], error.kind)
      }
    })
    assert.isBelow(millis, 500 + machine.operations * MILLIS_PER_UNIT)
  })

  it.each<readonly [string, string, string]>([
    ["splitting text", 'let s = ""; s.pad(400000, "a,");', 's.split(",")'],
    ["splitting text backwards", 'let s = ""; s.pad(400000, "a,");', 's.split_rev(",")'],
    ["splitting text a number of times", 'let s = ""; s.pad(400000, "a,");', 's.split(",", 300000)'],
    ["splitting text into words", 'let s = ""; s.pad(400000, "a ");', "s.split()"],
    ["splitting text into characters", 'let s = ""; s.pad(400000, "a,");', 's.split("")'],
    ["padding an array", "let a = [];", "a.pad(1000000, 1)"],
    ["removing doubles", "let a = []; a.pad(200000, 1);", "a.dedup()"],
    ["putting an array into text", "let a = []; a.pad(200000, 1);", "`a: ${a}`"],
    ["sorting an array", "let a = []; a.pad(200000, 1);", "a.sort()"]
  ])("%s gives others their turn", (_, before, script) => {
    const turns = (text: string): number => {
      let time = 0
      // A slice is over after a few readings of the clock
      const sliced = new Engine({ limits: { operations: 1e12, wallClock: 1e12 }, now: () => ++time })
      const machine = sliced.machine(sliced.compile(text))
      let count = 0
      while (machine.run(true).t === "yield") count++
      return count
    }
    assert.isAbove(turns(before + script) - turns(before), 10)
  })

  it("a million integers are sorted within the limits of every script", () => {
    const script = new Engine().compile(
      "let a = []; a.pad(1000000, 1); a[999999] = 0; a.sort(); [a[0], a[1]]"
    )
    assert.deepStrictEqual(new Engine().run(script), [0, 1])
    const often = new Engine().compile("let a = []; a.pad(900000, 1); for i in 0..5 { a.sort(); } a.len")
    assert.strictEqual(new Engine().run(often), 900_000)
  })

  it("a literal is read in a time that grows as it does", () => {
    const time = (length: number): number => {
      const script = `"${"é😀\\n".repeat(length)}"`
      return cpuMillis(() => engine.compile(script))
    }
    time(1000)
    const [few, many] = [Math.min(time(10_000), time(10_000)), Math.min(time(160_000), time(160_000))]
    assert.isBelow(many, 20 + few * 16 * 8)
  })
})
