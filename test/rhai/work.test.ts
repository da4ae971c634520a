/**
 * A script is charged for the data it goes through, so that its limit of operations is a limit of time: no native
 * function, operator or statement takes long without a charge, and none takes long at once.
 */
import { assert, describe, it } from "@effect/vitest"
import { Op } from "../../src/tools/rhai/language/Code.ts"
import { Engine } from "../../src/tools/rhai/Engine.ts"
import { hosted } from "../../src/tools/rhai/host.ts"
import { Effect } from "effect"
import { defaults } from "../../src/tools/rhai/machine/Limits.ts"
import { Machine } from "../../src/tools/rhai/machine/Machine.ts"
import { HostRequest, type Native } from "../../src/tools/rhai/machine/Natives.ts"
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

/** Far more than any unit of work takes, and far less than megabytes that nobody counted. */
const MILLIS_PER_UNIT = 0.01

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
    const start = performance.now()
    try {
      work()
    } catch (error) {
      // A type or a bound that does not fit is no matter here
      if (!(error instanceof RhaiError)) throw error
    }
    return { units: this.operations - before + Math.max(0, -this.fuel), millis: performance.now() - start }
  }
  call(native: Native, args: ReadonlyArray<Value>): void {
    const first = this.runNative(native, args, undefined, 0, 0)
    // Callbacks run in the script; a pause is only an offer
    if (typeof first === "symbol") while (this.frames.length > 1) this.turn()
  }
  private turn(): void {
    const frame = this.frames.at(-1)!
    if (frame.work === undefined) throw new RhaiError("ErrorSystem", "waits for its script")
    this.fuel = Math.max(this.fuel, 0)
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

const wide = "é\u{1f600}".repeat(700_000)
const plain = "abcdefg,".repeat(300_000)
const numbers = (): RhaiArray => Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 300_007)
const nested = (): RhaiArray => Array.from({ length: 60_000 }, (_, i) => [i])
const words = (): RhaiArray => Array.from({ length: 60_000 }, (_, i) => `word ${(i * 7919) % 60_013}`)
const entries = (): Map<string, Value> => new Map(Array.from({ length: 60_000 }, (_, i) => [`key ${i}`, [i]]))

/** Large values of every type, made afresh: some functions change what they are called on. */
const samples: Readonly<Record<TypeTag, ReadonlyArray<() => Value>>> = {
  [T.any]: [() => 3, () => wide, numbers, nested, words, entries],
  [T.unit]: [() => undefined],
  [T.bool]: [() => true],
  [T.int]: [() => 3, () => -1],
  [T.float]: [() => new Float(1.5)],
  [T.char]: [() => charOf(","), () => charOf("é")],
  [T.string]: [
    () => plain,
    () => wide,
    () => "",
    () => "0".repeat(1_000_000),
    () => `[${"1,".repeat(200_000)}1]`
  ],
  [T.array]: [numbers, nested, words],
  [T.map]: [entries],
  [T.blob]: [() => new Blob(new Array<number>(500_000).fill(44))],
  [T.fn]: [() => new FnPtr("abs")],
  [T.range]: [() => new Range(1, 200_000, false)],
  [T.inclusive]: [() => new Range(1, 200_000, true)],
  [T.timestamp]: [() => new Timestamp(0, () => 1)],
  [T.sequence]: [],
  [T.custom]: [() => new Custom("response", new Map<string, Value>([["body", nested()]]), wide, false)]
}

const combinations = (params: ReadonlyArray<TypeTag>): Array<ReadonlyArray<() => Value>> =>
  params.reduce<Array<ReadonlyArray<() => Value>>>(
    (all, tag) => all.flatMap((before) => samples[tag].map((make) => [...before, make])),
    [[]]
  )

/** The best of several times, because other processes make times longer and never shorter. */
const excess = (measure: () => { units: number; millis: number }): string | undefined => {
  let found = ""
  for (let attempt = 0; attempt < 4; attempt++) {
    const { millis, units } = measure()
    if (millis <= NOISE_MILLIS + units * MILLIS_PER_UNIT) return undefined
    found = `${millis.toFixed(1)} ms for ${units} units`
  }
  return found
}

const label = ({ name, params }: Native): string => `${name}(${params.join(", ")})`

describe("Rhai, work and its charge", () => {
  it("every native function is charged for the data it goes through", () => {
    const uncharged: Array<string> = []
    for (const native of natives.all()) {
      for (const makers of combinations(native.params)) {
        const found = excess(() => {
          const args = makers.map((make) => make())
          const probe = machine()
          return probe.charged(() => probe.call(native, args))
        })
        if (found !== undefined) uncharged.push(`${label(native)}: ${found}`)
      }
    }
    assert.deepStrictEqual(uncharged, [])
  })

  it("every operator is charged for the data it goes through", () => {
    const operators = "+ - * / % ** << >> & | ^ == != < <= > >= .. ..=".split(" ")
    const values = [
      samples[T.any],
      samples[T.string],
      samples[T.blob],
      samples[T.custom],
      samples[T.char]
    ].flat()
    const uncharged: Array<string> = []
    for (const op of operators)
      values.forEach((left, i) =>
        values.forEach((right, j) => {
          const found = excess(() => {
            const [x, y] = [left(), right()]
            const probe = machine()
            return probe.charged(() => probe.operator(op, x, y))
          })
          if (found !== undefined) uncharged.push(`${i} ${op} ${j}: ${found}`)
        })
      )
    assert.deepStrictEqual(uncharged, [])
  })
})
