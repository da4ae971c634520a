/**
 * The journal in a file under `WORKER_STATE_DIR`, so that it outlives the process.
 *
 * The write-ahead log survives a killed process; after a power cut the last moments may be missing, and a command
 * whose outcome was among them runs again where the control plane allows it.
 */
import { Clock, Effect, Latch, Layer, Schema } from "effect"
import { chmodSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import type { Command } from "../domain/Command.ts"
import type { CommandId } from "../domain/Ids.ts"
import * as Json from "../domain/Json.ts"
import { Outcome } from "../domain/Outcome.ts"
import {
  defaultLimits,
  type Entry,
  Journal,
  JournalError,
  type Known,
  type Limits,
  withoutContext
} from "./Journal.ts"
import { messageOf } from "../domain/messageOf.ts"

export const layer = (folder: string, limits: Limits = defaultLimits): Layer.Layer<Journal, JournalError> =>
  Layer.effect(Journal, make(folder, limits))

const make = Effect.fnUntraced(function* (folder: string, limits: Limits) {
  const db = yield* Effect.acquireRelease(open(folder), (open) => Effect.sync(() => open.close()))
  const room = yield* Latch.make(true)
  const run = <A>(what: string, body: () => A) =>
    Effect.try({ try: body, catch: (cause) => journalError(`${what}: ${messageOf(cause)}`) })

  const find = db.prepare("SELECT command, ending FROM outcomes WHERE id = ?")
  const insert = db.prepare("INSERT OR REPLACE INTO outcomes (id, command, ending, at) VALUES (?, ?, ?, ?)")
  const forget = db.prepare("UPDATE outcomes SET command = NULL, ending = NULL WHERE id = ?")
  const unreported = db.prepare(
    "SELECT command, ending FROM outcomes WHERE ending IS NOT NULL ORDER BY at, id"
  )
  const count = db.prepare("SELECT count(*) AS n FROM outcomes WHERE ending IS NOT NULL")
  const trim = db.prepare(
    "DELETE FROM outcomes WHERE ending IS NULL AND id NOT IN " +
      "(SELECT id FROM outcomes WHERE ending IS NULL ORDER BY at DESC LIMIT ?)"
  )
  const begin = db.prepare(
    "INSERT INTO begun (id, times, at) VALUES (?, 1, ?) ON CONFLICT (id) DO UPDATE SET times = times + 1 RETURNING times"
  )
  const ended = db.prepare("DELETE FROM begun WHERE id = ?")

  const changed = Effect.flatMap(
    run("counting", () => Number(count.get()?.["n"] ?? 0)),
    (n) => (n < limits.unreported ? room.open : room.close)
  )
  yield* changed
  let accepts = 0

  return Journal.of({
    lookup: (id) =>
      run("lookup", () => find.get(id)).pipe(
        Effect.flatMap((row): Effect.Effect<Known | undefined, JournalError> => {
          if (row === undefined) return Effect.succeed(undefined)
          if (row["ending"] === null) return Effect.succeed({ _tag: "Accepted" })
          return Effect.map(entryOf(row), (entry) => ({ _tag: "Unreported", entry }))
        })
      ),
    record: (command, ending) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        run("record", () => {
          insert.run(command.commandId, Json.stringify(withoutContext(command)), Json.stringify(ending), now)
          ended.run(command.commandId)
        })
      ).pipe(Effect.andThen(changed)),
    accepted: (id) =>
      run("accepted", () => {
        forget.run(id)
        // Trimming scans the table: now and then is enough.
        accepts += 1
        if (accepts % 1000 === 0) trim.run(limits.accepted)
      }).pipe(Effect.andThen(changed)),
    begun: (id) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        run("begun", () => Number(begin.get(id, now)?.["times"] ?? 1))
      ),
    stopped: (id) => Effect.asVoid(run("stopped", () => ended.run(id))),
    awaitRoom: room.await,
    unreported: Effect.flatMap(
      run("unreported", () => unreported.all()),
      Effect.forEach(entryOf)
    )
  })
})

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS outcomes (id TEXT PRIMARY KEY, command TEXT, ending TEXT, at INTEGER NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS outcomes_unreported ON outcomes (at) WHERE ending IS NOT NULL;
  CREATE TABLE IF NOT EXISTS begun (id TEXT PRIMARY KEY, times INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
`

const journalError = (detail: string) => new JournalError({ detail })

/** Results may be confidential: the folder is the worker's alone. */
const open = (folder: string): Effect.Effect<DatabaseSync, JournalError> =>
  Effect.tryPromise({
    try: async () => {
      const { DatabaseSync } = await import("node:sqlite")
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const file = join(folder, "journal.sqlite")
      const db = new DatabaseSync(file)
      db.exec(schema)
      chmodSync(file, 0o600)
      return db
    },
    catch: (cause) => journalError(`the journal in ${folder} cannot be opened: ${messageOf(cause)}`)
  })

const decodeOutcome = Schema.decodeUnknownEffect(Outcome)

/** Our own file, yet a file: what does not read is an error and not a crash. */
const entryOf = (row: Record<string, unknown>): Effect.Effect<Entry, JournalError> =>
  Effect.gen(function* () {
    const command = yield* Effect.fromResult(Json.parse(String(row["command"])))
    const ending = yield* Effect.flatMap(Effect.fromResult(Json.parse(String(row["ending"]))), decodeOutcome)
    if (ending._tag === "Stopped") return yield* journalError("an outcome that is none")
    return { command: command as unknown as Command & { readonly commandId: CommandId }, ending }
  }).pipe(Effect.mapError((error) => journalError(`an entry of the journal does not read: ${error.message}`)))
