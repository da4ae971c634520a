import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, References } from "effect"
import { appears, levelsOf, lowest } from "../../src/telemetry/levels.ts"

/** The texts that appear at a level of the settings. */
const said = (level: string, program: Effect.Effect<void>) => {
  const lines: Array<string> = []
  const levels = levelsOf(level)
  const logger = Logger.make<unknown, void>((line) => {
    if (appears(levels, line)) lines.push(String(line.message))
  })
  const logs = Layer.mergeAll(
    Logger.layer([logger]),
    Layer.succeed(References.MinimumLogLevel, lowest(levels))
  )
  return Effect.as(program.pipe(Effect.provide(logs)), lines)
}

const consumer = Effect.annotateLogs({ fiber: "consumer" })
const python = Effect.annotateLogs({ fiber: "dispatcher", tool: "python" })
const everything = Effect.all(
  [
    Effect.logDebug("debug"),
    Effect.logInfo("info"),
    consumer(Effect.logDebug("consumer debug")),
    python(Effect.logInfo("python info")),
    python(Effect.logWarning("python warning"))
  ],
  { discard: true }
)

describe("Log levels", () => {
  it.each([
    ["debug", "Debug"],
    ["info,worker_pool=debug", "Debug"],
    ["noetl_tools::python=debug", "Debug"],
    ["warn", "Warn"],
    ["off", "None"],
    ["WARNING", "Warn"],
    ["nonsense", "Info"],
    ["", "Info"]
  ])("%j is understood", (text, expected) => {
    assert.strictEqual(levelsOf(text).overall, expected)
  })

  it.each([
    ["info", ["info", "python info", "python warning"]],
    ["info,consumer=debug", ["info", "consumer debug", "python info", "python warning"]],
    ["info,python=warn", ["info", "python warning"]],
    ["warn,consumer=debug,python=info", ["consumer debug", "python info", "python warning"]],
    ["debug,consumer=off", ["debug", "info", "python info", "python warning"]],
    ["none", []]
  ])("%j lets its lines appear", (level, expected) =>
    Effect.runPromise(
      Effect.map(said(level, everything), (lines) => assert.deepStrictEqual(lines, [...expected]))
    )
  )

  it("says which words it did not understand", () => {
    assert.deepStrictEqual(levelsOf("info,python=loud,shout").unknown, ["python=loud", "shout"])
  })
})
