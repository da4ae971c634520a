import { assert, describe, it } from "@effect/vitest"
import { Cause, Console, Data, Effect, Layer } from "effect"
import { readFileSync } from "node:fs"
import { Redactor } from "../../src/secrets/Redactor.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import { fields } from "../../src/telemetry/jsonLine.ts"
import { levelsOf } from "../../src/telemetry/levels.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { secretWorld, leaving } from "../support/secretWorld.ts"

class Away extends Data.TaggedError("Away")<{ readonly message: string }> {}

/** The lines that a program writes, in a format. */
const written = Effect.fnUntraced(function* (program: Effect.Effect<void>, format: "json" | "logfmt") {
  const lines: Array<string> = []
  const kept = Object.assign(Object.create(console) as Console.Console, {
    error: (line: string) => void lines.push(line)
  })
  yield* program.pipe(
    Effect.provide(
      Telemetry.layer({
        format,
        levels: levelsOf("info"),
        terminal: false,
        colors: false,
        worker: "w-1",
        pool: "shared"
      }).pipe(
        Layer.provideMerge(Redactor.layerWith({ own: [["token", "hunter2-hunter2"]] })),
        Layer.provideMerge(Layer.succeed(Console.Console, kept))
      )
    )
  )
  return lines
})

const objectsOf = (lines: ReadonlyArray<string>) =>
  lines.map((line) => JSON.parse(line) as Record<string, unknown>)

describe("A log line in JSON", () => {
  it.effect("is one flat object with the fields that are known, and no others", () =>
    Effect.gen(function* () {
      const lines = yield* written(
        Effect.logWarning("slow", { rows: 3 }).pipe(
          Effect.annotateLogs({ execution: "7", step: "load", attempt: 2, fiber: "dispatcher", other: "x" })
        ),
        "json"
      )
      assert.deepStrictEqual(objectsOf(lines), [
        {
          time: "1970-01-01T00:00:00.000Z",
          level: "warn",
          message: 'slow {"rows":3}',
          worker: "w-1",
          pool: "shared",
          part: "dispatcher",
          execution: "7",
          step: "load",
          attempt: 2
        }
      ])
    })
  )

  it.effect("is masked, also where the secret is in a failure", () =>
    Effect.gen(function* () {
      const failure = Cause.fail(new Away({ message: "login with hunter2-hunter2 refused" }))
      const [line = ""] = yield* written(Effect.logError("ended", failure), "json")
      assert.notInclude(line, "hunter2")
      assert.match(line, /"error":"login with .* refused"/)
    })
  )

  it.effect.each(["json", "logfmt"] as const)(
    "has the stack of a defect and none of an expected failure (%s)",
    (format) =>
      Effect.gen(function* () {
        const expected = Effect.logError("ended", Cause.fail(new Away({ message: "the server is away" })))
        const defect = Effect.logError("ended", Cause.die(new Error("a bug")))
        const [first = ""] = yield* written(expected, format)
        assert.include(first, "the server is away")
        assert.notInclude(first, ".ts:")
        const [second = ""] = yield* written(defect, format)
        assert.match(second, /a bug[\s\S]*jsonLine\.test\.ts:/)
      })
  )

  it.live("that ends a command has the command, the attempt, the tool and the seconds", () => {
    const { layer, log } = secretWorld([])
    return Effect.gen(function* () {
      yield* leaving(log, [["noop", {}]])
      const ends = objectsOf(log).filter(({ seconds }) => seconds !== undefined)
      assert.strictEqual(ends.length, 1)
      const { attempt, command, execution, message, seconds, step, tool } = ends[0] ?? {}
      const issued = aCommand(1)
      assert.deepStrictEqual(
        { attempt, command, execution, message, step, tool },
        {
          attempt: 1,
          command: issued.commandId,
          execution: issued.executionId,
          message: "noop succeeded",
          step: issued.step,
          tool: "noop"
        }
      )
      assert.isAtLeast(seconds as number, 0)
    }).pipe(Effect.provide(layer), Effect.scoped)
  })

  it("has the fields that docs/telemetry.md lists, in that order", () => {
    const [, table = ""] =
      /<!-- fields -->([\s\S]*?)<!-- end of fields -->/.exec(readFileSync("docs/telemetry.md", "utf8")) ?? []
    const listed = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
    assert.deepStrictEqual(listed, [...fields])
  })
})
