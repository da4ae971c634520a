/**
 * The journal in a file under `WORKER_STATE_DIR`, so that it outlives the process.
 *
 * The write-ahead log survives a killed process. After a power cut the last moments may be missing; a command whose
 * outcome was among them runs again where the control plane allows it. While the disk takes no writes, outcomes are kept
 * in memory and written with the next one that the disk takes.
 */
import { Clock, Effect, Layer, Result, Schema } from "effect"
import type { DatabaseSync } from "node:sqlite"
import type { Command } from "../domain/Command.ts"
import type { CommandId } from "../domain/Ids.ts"
import * as Json from "../domain/Json.ts"
import { messageOf } from "../domain/messageOf.ts"
import { type Ending, Outcome } from "../domain/Outcome.ts"
import {
  defaultLimits,
  type Entry,
  Journal,
  JournalError,
  type Known,
  type Limits,
  type Wait,
  makeCapacity,
  withoutContext
} from "./Journal.ts"
import { open, statementsOf } from "./sqliteSchema.ts"

export const layer = (folder: string, limits: Limits = defaultLimits): Layer.Layer<Journal, JournalError> =>
  Layer.effect(Journal, make(folder, limits))

const make = Effect.fnUntraced(function* (folder: string, limits: Limits) {
  const db = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: () => open(folder),
      catch: (cause) =>
        new JournalError({ detail: `the journal in ${folder} cannot be opened: ${messageOf(cause)}` })
    }),
    (opened) => Effect.sync(() => opened.close())
  )
  const statements = statementsOf(db)
  const attempt = <A>(what: string, body: () => A) =>
    Effect.try({
      try: body,
      catch: (cause) => new JournalError({ detail: `the journal in ${folder}: ${what}: ${messageOf(cause)}` })
    })

  /** Outcomes that the disk did not take. */
  const unwritten = new Map<CommandId, Entry>()
  /** The ids of unreported outcomes in the file. */
  const stored = new Set(statements.unreportedIds.all().map(({ id }) => String(id)))
  let reports = 0
  const capacity = yield* makeCapacity(limits.unreported, stored.size)
  const changed = Effect.suspend(() => Effect.asVoid(capacity.changed(stored.size + unwritten.size)))

  const write = (command: Command, ending: Ending, now: number) => {
    statements.insert.run(command.commandId, Json.stringify(command), Json.stringify(ending), now)
    stored.add(command.commandId)
    statements.endStarts.run(command.commandId)
    statements.endWait.run(command.commandId)
  }
  const writeRest = (now: number) => {
    for (const [id, { command, ending }] of unwritten) {
      write(command, ending, now)
      unwritten.delete(id)
    }
  }
  const setAside = (id: string, detail: string) =>
    attempt("setting a row aside", () => {
      transaction(db, () => {
        statements.setAside.run(detail, id)
        statements.remove.run(id)
      })
      stored.delete(id)
    }).pipe(
      Effect.andThen(changed),
      Effect.andThen(
        Effect.logError(
          `the journal's row of command ${id} cannot be read and was moved to the table "unreadable" of ${folder}/journal.sqlite; its outcome is lost: ${detail}`
        )
      )
    )

  const unreported = Effect.gen(function* () {
    const entries: Array<Entry> = []
    for (const row of yield* attempt("reading outcomes", () => statements.unreported.all())) {
      const entry = entryOf(row)
      if (Result.isSuccess(entry)) entries.push(entry.success)
      else yield* setAside(String(row["id"]), entry.failure)
    }
    return [...entries, ...unwritten.values()]
  })
  // Rows that a crash or a hand damaged are found at once, and not by the command that they stop.
  yield* unreported

  return Journal.of({
    find: (id) =>
      Effect.suspend((): Effect.Effect<Known | undefined, JournalError> => {
        const waiting = unwritten.get(id)
        if (waiting !== undefined) return Effect.succeed({ _tag: "Unreported", entry: waiting })
        return attempt("finding a command", () => statements.find.get(id)).pipe(
          Effect.map((row): Known | undefined => (row === undefined ? undefined : knownOf(row)))
        )
      }),
    record: (command, ending) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const entry = { command: withoutContext(command), ending }
        return attempt("recording an outcome", () => {
          writeRest(now)
          write(entry.command, ending, now)
        }).pipe(
          Effect.catch((error) => {
            unwritten.set(command.commandId, entry)
            return Effect.logError(
              `${error.message}; the outcome is kept in memory and lost if the process dies`
            )
          }),
          Effect.andThen(changed)
        )
      }),
    markReported: (id) =>
      Effect.suspend(() => {
        unwritten.delete(id)
        return attempt("marking an outcome as reported", () => {
          statements.forget.run(id)
          stored.delete(id)
          // Trimming scans the table: now and then is enough.
          reports += 1
          if (reports % 1000 === 0) statements.trim.run(limits.reported)
        })
      }).pipe(Effect.andThen(changed)),
    countStart: (id) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        attempt("counting a start", () => {
          const row = statements.countStart.get(id, now)
          return { alone: Number(row?.["alone"] ?? 0), amongOthers: Number(row?.["among_others"] ?? 0) }
        })
      ),
    startAlone: (id) => Effect.asVoid(attempt("noting a start", () => statements.startAlone.run(id))),
    resetStarts: (id) => Effect.asVoid(attempt("resetting starts", () => statements.endStarts.run(id))),
    isDurable: true,
    recordWaiting: (id, body) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.asVoid(attempt("recording a wait", () => statements.recordWaiting.run(id, body, now)))
      ),
    waiting: attempt("reading waits", () =>
      statements.waiting
        .all()
        .map(({ body, id }): Wait => ({ id: String(id) as CommandId, body: String(body) }))
    ),
    forgetWaiting: (id) => Effect.asVoid(attempt("forgetting a wait", () => statements.endWait.run(id))),
    awaitCapacity: capacity.await,
    unreported,
    unreportedCount: Effect.sync(() => stored.size + unwritten.size)
  })
})

const transaction = (db: DatabaseSync, body: () => void) => {
  db.exec("BEGIN IMMEDIATE")
  try {
    body()
    db.exec("COMMIT")
  } catch (cause) {
    db.exec("ROLLBACK")
    throw cause
  }
}

const knownOf = (row: Record<string, unknown>): Known => {
  const { unreadable } = row
  if (typeof unreadable === "string") return { _tag: "Unreadable", detail: unreadable }
  if (row["ending"] === null) return { _tag: "Reported" }
  const entry = entryOf(row)
  return Result.isSuccess(entry)
    ? { _tag: "Unreported", entry: entry.success }
    : { _tag: "Unreadable", detail: entry.failure }
}

const decodeOutcome = Schema.decodeUnknownResult(Outcome)

/** This worker wrote the file, and yet it is a file: disks and hands change bytes. */
const entryOf = (row: Record<string, unknown>): Result.Result<Entry, string> =>
  Result.gen(function* () {
    const command = yield* Result.mapError(
      Json.parse(String(row["command"])),
      (error) => `command: ${error.message}`
    )
    const json = yield* Result.mapError(
      Json.parse(String(row["ending"])),
      (error) => `outcome: ${error.message}`
    )
    const ending = yield* Result.mapError(decodeOutcome(json), (error) => `outcome: ${error.message}`)
    if (ending._tag === "Stopped") return yield* Result.fail("outcome: stopped commands are never recorded")
    if (!Json.isObject(command) || command["commandId"] !== row["id"])
      return yield* Result.fail("command: it has another id than its row")
    return { command: command as unknown as Command, ending }
  })
