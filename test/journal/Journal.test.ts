import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { mkdtemp, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import type { CommandId } from "../../src/domain/Ids.ts"
import * as Outcome from "../../src/domain/Outcome.ts"
import { success } from "../../src/domain/ToolResult.ts"
import { Journal, type JournalError } from "../../src/journal/Journal.ts"
import * as SqliteJournal from "../../src/journal/SqliteJournal.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { suite } from "../../src/testing/suites/JournalSuite.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "journal-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

const ended = (value: number | bigint) => Outcome.ofResult(success({ value }))

suite("Journal.layerMemory", (limits) => Journal.layerMemory(limits))
suite("SqliteJournal", (limits) =>
  Layer.unwrap(Effect.map(folder, (path) => SqliteJournal.layer(path, limits)))
)

describe("Journal in a file", () => {
  it.effect("still knows after a restart what was not reported", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const command = aCommand(1, { config: { secret: "x" }, context: { big: "y" } })
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        yield* journal.record(command, ended(1))
      }).pipe(Effect.provide(SqliteJournal.layer(path)))
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        const [left] = yield* journal.unreported
        assert.strictEqual(left?.command.commandId, command.commandId)
        assert.deepStrictEqual([left?.command.config, left?.command.context], [null, {}])
      }).pipe(Effect.provide(SqliteJournal.layer(path)))
    })
  )

  it.effect("charges a death to the command that ran alone, and of several to none", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const [one, two, three] = [aCommand(1).commandId, aCommand(2).commandId, aCommand(3).commandId]
      // A file that is opened while commands run is what the next process finds after a death.
      const process = <A>(life: (journal: Journal["Service"]) => Effect.Effect<A, JournalError>) =>
        Effect.flatMap(Journal, life).pipe(Effect.provide(SqliteJournal.layer(path)))
      const start = (...ids: ReadonlyArray<CommandId>) =>
        process((journal) => Effect.forEach(ids, journal.countStart))
      const deaths = (alone: number, amongOthers: number) => ({ alone, amongOthers })

      assert.deepStrictEqual(yield* start(one, two), [deaths(0, 0), deaths(0, 0)])
      // Both wait until they can run alone, so that neither runs when the process dies.
      assert.deepStrictEqual(yield* start(one, two), [deaths(0, 1), deaths(0, 1)])
      assert.deepStrictEqual(yield* start(one, two), [deaths(0, 1), deaths(0, 1)])
      // One has its turn while the other waits, and while an ordinary command waits for something.
      yield* process((journal) =>
        Effect.forEach([one, two, three], journal.countStart).pipe(Effect.andThen(journal.startAlone(one)))
      )
      assert.deepStrictEqual(yield* start(one, two), [deaths(1, 1), deaths(0, 1)])
      assert.deepStrictEqual(yield* start(three), [deaths(0, 0)])
      assert.deepStrictEqual(yield* start(three), [deaths(1, 0)])
      yield* process((journal) => journal.record(aCommand(3), ended(1)))
      assert.deepStrictEqual(yield* start(three), [deaths(0, 0)])
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

  it.effect("sets a row aside that cannot be read, says so, and goes on with the others", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const [good, bad, torn] = [aCommand(1), aCommand(2), aCommand(3)]
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        for (const command of [good, bad, torn]) yield* journal.record(command, ended(1))
      }).pipe(Effect.provide(SqliteJournal.layer(path)))
      const db = new DatabaseSync(join(path, "journal.sqlite"))
      db.prepare("UPDATE outcomes SET ending = ? WHERE id = ?").run('{"_tag":"Succ', bad.commandId)
      db.prepare("UPDATE outcomes SET command = ? WHERE id = ?").run(
        '{"commandId":"another"}',
        torn.commandId
      )
      db.close()
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        assert.deepStrictEqual(
          (yield* journal.unreported).map(({ command }) => command.commandId),
          [good.commandId]
        )
        assert.strictEqual(yield* journal.unreportedCount, 1)
        for (const { commandId } of [bad, torn])
          assert.strictEqual((yield* journal.find(commandId))?._tag, "Unreadable")
      }).pipe(Effect.provide(SqliteJournal.layer(path)), Effect.provide(Logger.layer([logger])))
      assert.strictEqual(lines.length, 2)
      for (const line of lines)
        assert.match(line, /cannot be read .* table "unreadable" of .*journal\.sqlite/)
    })
  )

  it.effect("keeps outcomes in memory while the disk takes none, and writes them later", () =>
    Effect.gen(function* () {
      const path = yield* folder
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        // Another writer holds the file for longer than the journal waits.
        const other = new DatabaseSync(join(path, "journal.sqlite"))
        other.exec("ALTER TABLE outcomes RENAME TO elsewhere")
        yield* journal.record(aCommand(1), ended(1))
        assert.strictEqual((yield* journal.find(aCommand(1).commandId))?._tag, "Unreported")
        assert.strictEqual(yield* journal.unreportedCount, 1)
        other.exec("ALTER TABLE elsewhere RENAME TO outcomes")
        other.close()
        yield* journal.record(aCommand(2), ended(2))
      }).pipe(Effect.provide(SqliteJournal.layer(path)))
      yield* Effect.gen(function* () {
        assert.strictEqual((yield* (yield* Journal).unreported).length, 2)
      }).pipe(Effect.provide(SqliteJournal.layer(path)))
    })
  )

  it.effect("keeps its write-ahead log from other users too", () =>
    Effect.gen(function* () {
      const path = yield* folder
      yield* Effect.gen(function* () {
        yield* (yield* Journal).record(aCommand(1), ended(1))
        for (const name of ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"]) {
          const { mode } = yield* Effect.promise(() => stat(join(path, name)))
          assert.strictEqual(mode & 0o777, 0o600, name)
        }
      }).pipe(Effect.provide(SqliteJournal.layer(path)))
    })
  )
})
