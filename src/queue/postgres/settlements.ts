/**
 * Answers on their way to the database: those of one moment leave in one statement, and one statement is under way at a
 * time, so that more answers come together the busier the database is.
 */
import { Context, Effect, Exit, Cause, Schedule } from "effect"
import { backoff } from "../../async/backoff.ts"
import { retryLazily } from "../../async/retryLazily.ts"
import * as Json from "../../domain/Json.ts"
import { Database, type DatabaseError, type Row } from "../../postgres/Database.ts"
import type { JobLease } from "../JobOutcomes.ts"

export type Action =
  /** The job is done; `value` is its result. */
  | "succeed"
  /** The job is dead; `value` is its error. */
  | "fail"
  /** It failed and is tried again after `seconds`; `value` is its error. */
  | "retry"
  /** It goes back without a failure, after `seconds`. */
  | "back"
  /** It is done without a result, or cancelled where that was asked for. */
  | "ack"
  /** The lease lasts `seconds` from now on. */
  | "extend"

export interface Answer extends JobLease {
  readonly action: Action
  readonly seconds: number
  readonly value: Json.Json | undefined
}

/** `lost`: the lease is another worker's, and the answer changed nothing. */
export type Verdict = "done" | "before" | "lost"

export type Settle = (answer: Answer) => Effect.Effect<Verdict, DatabaseError>

interface Entry {
  readonly answer: Answer
  readonly value: string | null
  readonly resume: (result: Effect.Effect<Verdict, DatabaseError>) => void
}

/** So many answers leave at once; fewer wait so many milliseconds for others: longer where several came together the last time. */
const enough = 16
const patience = { alone: 1, amongOthers: 5 }

/** Answers and characters of one statement. */
const most = { answers: 500, characters: 8_000_000 }

export const make: Effect.Effect<Settle, never, Database> = Effect.contextWith(
  (context: Context.Context<Database>) => {
    const { query } = Context.get(context, Database)
    const waiting: Array<Entry> = []
    const state: { underWay: boolean; last: number; due: NodeJS.Timeout | undefined } = {
      underWay: false,
      last: 0,
      due: undefined
    }

    const flush = () => {
      clearTimeout(state.due)
      state.due = undefined
      if (state.underWay || waiting.length === 0) return
      state.underWay = true
      const batch = waiting.splice(0, sizeOf(waiting))
      state.last = batch.length
      Effect.runForkWith(context)(send(query, batch)).addObserver(() => {
        state.underWay = false
        flushSoon()
      })
    }
    // Jobs that started together end together: a statement costs more than the wait for the others.
    const flushSoon = () => {
      if (state.underWay || waiting.length === 0) return
      if (waiting.length >= enough) flush()
      else state.due ??= setTimeout(flush, state.last > 3 ? patience.amongOthers : patience.alone)
    }
    const enqueue = (entry: Entry) => {
      waiting.push(entry)
      flushSoon()
    }
    return Effect.succeed((answer) =>
      Effect.callback<Verdict, DatabaseError>((resume) => {
        const value = answer.value === undefined ? null : Json.stringify(answer.value)
        enqueue({ answer, value, resume })
      })
    )
  }
)

const sizeOf = (entries: ReadonlyArray<Entry>): number => {
  let characters = 0
  const end = entries.findIndex(({ value }, i) => {
    characters += value?.length ?? 0
    return i > 0 && (i >= most.answers || characters > most.characters)
  })
  return end === -1 ? entries.length : end
}

/** One statement for all. Where the database refuses it for what is in it, each answer goes alone. */
const send = (query: Database["Service"]["query"], batch: ReadonlyArray<Entry>): Effect.Effect<void> =>
  Effect.exit(statement(query, batch)).pipe(
    Effect.flatMap((exit) => {
      if (Exit.isSuccess(exit)) {
        batch.forEach(({ resume }, i) => resume(Effect.succeed(exit.value.get(i) ?? "done")))
        return Effect.void
      }
      const error = Cause.squash(exit.cause) as DatabaseError
      if (batch.length > 1 && !error.isRetryable)
        return Effect.forEach(batch, (entry) => send(query, [entry]), { discard: true })
      const [lone] = batch
      const kept = lone === undefined || error.isRetryable ? undefined : unstorable(lone, error)
      if (kept !== undefined) return send(query, [kept])
      return Effect.sync(() => batch.forEach(({ resume }) => resume(Effect.fail(error))))
    })
  )

const statement = (query: Database["Service"]["query"], batch: ReadonlyArray<Entry>) =>
  query(
    "SELECT o_position, o_verdict FROM worker_settle($1::bigint[], $2::uuid[], $3::text[], $4::double precision[], $5::text[])",
    [
      batch.map(({ answer }) => answer.id),
      batch.map(({ answer }) => answer.lease),
      batch.map(({ answer }) => answer.action),
      batch.map(({ answer }) => answer.seconds),
      batch.map(({ value }) => value)
    ]
  ).pipe(
    retryLazily({
      while: (error: DatabaseError) => error.isRetryable,
      schedule: backoff("100 millis", "2 seconds").pipe(Schedule.upTo({ times: 8 }))
    }),
    Effect.map((rows) => new Map(rows.map(verdictOf)))
  )

const verdictOf = (row: Row): [number, Verdict] => [
  Number(row["o_position"]) - 1,
  row["o_verdict"] === "before" ? "before" : "lost"
]

/** A result that PostgreSQL cannot keep (it has a NUL in a text, say) fails its job with the reason. */
const unstorable = ({ answer, resume }: Entry, error: DatabaseError): Entry | undefined => {
  if (answer.action !== "succeed" || !/^(22|54)/.test(error.code ?? "")) return undefined
  const failed = {
    message: `the result cannot be kept in the database: ${error.message}`,
    code: "RESULT_NOT_STORED"
  }
  return { answer: { ...answer, action: "fail", value: failed }, value: Json.stringify(failed), resume }
}
