import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PassThrough, Readable } from "node:stream"
import { Engine } from "../../src/tools/rhai/Engine.ts"
import { repl, type ReplOptions, runFile } from "../../src/tools/rhai/Repl.ts"
import { Conversation } from "../../src/tools/rhai/Conversation.ts"

/** What is said to each line; `…` where it waits for more. */
const talk = (...lines: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const conversation = new Conversation(new Engine())
    const said: Array<string> = []
    for (const line of lines) {
      const { next, text } = yield* conversation.line(line)
      said.push(next === "more" ? "…" : next === "quit" ? "bye" : text)
    }
    return said
  })

const streams = (input: string, environment: ReplOptions["environment"] = {}, isTTY = false) => {
  const output = Object.assign(new PassThrough(), { isTTY })
  return {
    options: { input: Readable.from([input]), output, environment },
    written: () => String(output.read() ?? "")
  }
}

describe("Rhai, the conversation", () => {
  it.live("remembers variables and functions", () =>
    Effect.gen(function* () {
      const said = yield* talk(
        "let x = 40",
        "fn add(n) { x2(n) + 2 }",
        "add(40)",
        "fn x2(n) { n }",
        "x += 1",
        "x",
        "add(40)",
        'let s = "a\\tb"; s'
      )
      assert.deepStrictEqual(said, [
        "",
        "",
        "Function not found: x2 (i64) (line 1, position 13)\nin call to function 'add' (line 1, position 1)\n1 | fn add(n) { x2(n) + 2 }\n                ^",
        "",
        "",
        "41",
        "42",
        `"a\\tb"`
      ])
    })
  )

  it.live("waits for the rest of an unfinished input", () =>
    Effect.gen(function* () {
      const said = yield* talk(
        "fn f(x) {",
        "  x * 2",
        "}",
        "f(4)",
        "let a = [1,",
        "2]",
        "a.len",
        "`two",
        "lines`",
        "1 +",
        "2"
      )
      assert.deepStrictEqual(said, ["…", "…", "", "8", "…", "", "2", "…", `"two\\nlines"`, "…", "3"])
    })
  )

  it.live("an empty line ends what cannot be finished", () =>
    Effect.gen(function* () {
      const said = yield* talk("[1, 2", "", "5")
      assert.deepStrictEqual(said, [
        "…",
        "Syntax error: Expecting ']' to end this array literal (line 2, position 1)\n2 | \n    ^",
        "5"
      ])
    })
  )

  it.live("shows the place of an error under its line", () =>
    Effect.gen(function* () {
      const said = yield* talk("let total = 1; total + nope", "let x = ;")
      assert.deepStrictEqual(said, [
        "Variable not found: nope (line 1, position 24)\n1 | let total = 1; total + nope\n                           ^",
        "Syntax error: Unexpected ';' (line 1, position 9)\n1 | let x = ;\n            ^"
      ])
    })
  )

  it.live("has commands", () =>
    Effect.gen(function* () {
      const said = yield* talk(
        "let x = 1.5",
        "fn f(a, b) { 1 }",
        ":vars",
        ":fns",
        ":type x + 1",
        ":nope",
        ":reset",
        ":vars",
        ":quit"
      )
      assert.deepStrictEqual(said.slice(2), [
        "x: f64",
        "fn f(a, b)",
        `"f64"`,
        "no such command: :nope (:help lists them)",
        "",
        "",
        "bye"
      ])
      assert.match((yield* talk(":help"))[0]!, /:quit/)
    })
  )
})

describe("Rhai, at a terminal", () => {
  it.live("reads lines, prints, and ends with the input", () =>
    Effect.gen(function* () {
      const { options, written } = streams("let x = 2;\nprint(x * 21);\nx\n")
      yield* Effect.scoped(repl(options))
      assert.strictEqual(written(), "42\n2\n")
    })
  )

  it.live("uses colours on a terminal only, and not where NO_COLOR is set", () =>
    Effect.gen(function* () {
      const shown = (environment: ReplOptions["environment"], isTTY: boolean) =>
        Effect.gen(function* () {
          const { options, written } = streams("", environment, isTTY)
          yield* runFile("nope", options)
          return written().includes("\u001b[31m")
        })
      assert.deepStrictEqual(
        [yield* shown({}, true), yield* shown({ NO_COLOR: "1" }, true), yield* shown({}, false)],
        [true, false, false]
      )
    })
  )

  it.live("runs a script: its value on the output, 1 after an error", () =>
    Effect.gen(function* () {
      const good = streams("")
      assert.strictEqual(yield* runFile(`print("hi"); 6 * 7`, good.options), 0)
      assert.strictEqual(good.written(), "hi\n42\n")
      const bad = streams("")
      assert.strictEqual(yield* runFile("let a = 1;\n\ta.nope()", bad.options), 1)
      assert.strictEqual(
        bad.written(),
        "Function not found: nope (i64) (line 2, position 4)\n2 | \ta.nope()\n    \t  ^\n"
      )
    })
  )
})
