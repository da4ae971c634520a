import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { mkdtemp, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Outcome from "../../src/domain/Outcome.ts"
import { success } from "../../src/domain/ToolResult.ts"
import { Journal, type JournalError, type Limits } from "../../src/journal/Journal.ts"
import * as SqliteJournal from "../../src/journal/SqliteJournal.ts"
import { aCommand } from "../../src/testing/aCommand.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "journal-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

const ended = (value: number | bigint) => Outcome.ofResult(success({ value }))

const suite = (name: string, layerOf: (limits: Limits) => Layer.Layer<Journal, JournalError>) => {
  const few: Limits = { unreported: 2, reported: 3 }
  describe(name, () => {
    it.effect("knows a command from the moment it was recorded, and that it was accepted afterwards", () =>
      Effect.gen(function* () {
        const journal = yield* Journal
        const command = aCommand()
        assert.isUndefined(yield* journal.find(command.commandId))
        yield* journal.record(command, ended(9_007_199_254_740_993n))
        const known = yield* journal.find(command.commandId)
        assert.strictEqual(known?._tag, "Unreported")
        if (known?._tag !== "Unreported") return
        assert.deepStrictEqual(known.entry.ending, ended(9_007_199_254_740_993n))
        assert.strictEqual(known.entry.command.executionId, command.executionId)
        yield* journal.markReported(command.commandId)
        assert.deepStrictEqual(yield* journal.find(command.commandId), { _tag: "Reported" })
        assert.deepStrictEqual(yield* journal.unreported, [])
      }).pipe(Effect.provide(layerOf(few)))
    )

    it.effect(
      "makes whoever wants a new command wait while it is full, and forgets nothing that is unreported",
      () =>
        Effect.gen(function* () {
          const journal = yield* Journal
          for (const n of [1, 2]) yield* journal.record(aCommand(n), ended(n))
          const waiting = yield* Effect.forkChild(journal.awaitCapacity, { startImmediately: true })
          yield* Effect.yieldNow
          assert.isUndefined(waiting.pollUnsafe())
          assert.strictEqual((yield* journal.unreported).length, 2)
          yield* journal.markReported(aCommand(1).commandId)
          yield* Fiber.join(waiting)
        }).pipe(Effect.provide(layerOf(few)))
    )
  })
}

suite("Journal in memory", (limits) => Journal.layerMemory(limits))
suite("Journal in a file", (limits) =>
  Layer.unwrap(Effect.map(folder, (path) => SqliteJournal.layer(path, limits)))
)

describe("Journal in a file", () => {
  it.effect("still knows after a restart what was not reported, and how often a command was begun", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const command = aCommand(1, { config: { secret: "x" }, context: { big: "y" } })
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        assert.strictEqual(yield* journal.countStart(command.commandId), 1)
        yield* journal.record(command, ended(1))
        assert.strictEqual(yield* journal.countStart(aCommand(2).commandId), 1)
      }).pipe(Effect.provide(SqliteJournal.layer(path)))
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        const [left] = yield* journal.unreported
        assert.strictEqual(left?.command.commandId, command.commandId)
        assert.deepStrictEqual([left?.command.config, left?.command.context], [null, {}])
        assert.strictEqual(yield* journal.countStart(aCommand(2).commandId), 2)
      }).pipe(Effect.provide(SqliteJournal.layer(path)))
    })
  )

  it.effect("is readable by the worker alone", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "state")
      yield* Effect.provide(Journal, SqliteJournal.layer(path))
      const mode = yield* Effect.promise(() => stat(join(path, "journal.sqlite")))
      assert.strictEqual(mode.mode & 0o777, 0o600)
    })
  )

  it.effect("says where and why when it cannot be opened", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(Journal, SqliteJournal.layer("/dev/null/nowhere")))
      assert.match(error.detail, /\/dev\/null\/nowhere cannot be opened/)
    })
  )
})
