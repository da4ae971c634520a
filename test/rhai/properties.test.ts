import { assert, describe, it } from "@effect/vitest"
import { Engine } from "../../src/tools/rhai/Engine.ts"
import { print } from "../../src/tools/rhai/language/Printer.ts"
import { RhaiError } from "../../src/tools/rhai/language/RhaiError.ts"
import { casesIn, chapters } from "./corpus.ts"
import { mutated, noise } from "./mutated.ts"
import { randomOf, randomScript } from "./randomScript.ts"

const engine = new Engine({ limits: { expressionDepth: 200, functionExpressionDepth: 200 }, allowEval: true })

/** The tree without places and without what later steps write into it. */
const shape = (tree: unknown): string =>
  JSON.stringify(tree, (key, value: unknown) => {
    if (
      /position$/i.test(key) ||
      key === "dot" ||
      key === "slot" ||
      key === "visible" ||
      key === "declaration"
    )
      return undefined
    if (key === "name" && typeof value === "string" && value.startsWith("anon$")) return "anon$"
    return typeof value === "bigint" ? `${value}n` : value
  })

const parsed = (text: string): unknown => {
  try {
    return engine.parse(text)
  } catch (error) {
    if (error instanceof RhaiError) return undefined
    throw error
  }
}

const survivesPrinting = (text: string): void => {
  const tree = parsed(text)
  if (tree === undefined) return
  const printed = print(tree as ReturnType<Engine["parse"]>)
  const again = parsed(printed)
  assert.strictEqual(shape(again), shape(tree), printed)
}

const sources = chapters().flatMap((chapter) => casesIn(chapter).map(({ source }) => source))

/** What happens to a script: a value or a Rhai error, and nothing else. */
const outcome = (text: string): string => {
  const small = new Engine({
    limits: {
      operations: 50_000,
      stringLength: 10_000,
      arrayLength: 1000,
      mapSize: 1000,
      memory: 4 * 1024 * 1024,
      wallClock: 2000
    },
    allowEval: true
  })
  try {
    small.run(small.compile(text))
    return "value"
  } catch (error) {
    if (error instanceof RhaiError) return error.kind
    throw error
  }
}

describe("Rhai, properties", () => {
  it("a printed tree reads as the same tree", () => {
    for (const source of sources) survivesPrinting(source)
    for (let seed = 0; seed < 500; seed++) survivesPrinting(randomScript(randomOf(seed)))
  })

  it("no script makes a JavaScript exception or hangs", () => {
    for (let seed = 0; seed < 700; seed++) outcome(randomScript(randomOf(10_000 + seed)))
  })

  it("no text makes the parser fail in another way than with a place in the text", () => {
    for (let seed = 0; seed < 3000; seed++) {
      const random = randomOf(20_000 + seed)
      outcome(random.below(2) === 0 ? noise(random) : mutated(random, sources))
    }
  })

  it("the same script gives the same answer, whole or in slices", () => {
    for (let seed = 0; seed < 200; seed++) {
      const text = randomScript(randomOf(30_000 + seed))
      const said = (sliced: boolean): string => {
        const lines: Array<string> = []
        const whole = new Engine({ limits: { operations: 200_000 }, print: (line) => void lines.push(line) })
        try {
          const machine = whole.machine(whole.compile(text))
          let result = machine.run(sliced)
          while (result.t === "yield") result = machine.run(sliced)
        } catch (error) {
          lines.push(error instanceof RhaiError ? error.show() : "?")
        }
        return lines.join("\n")
      }
      assert.strictEqual(said(true), said(false))
    }
  })
})
