/** What an operator does with the queues of a database: pause, limit over all workers, jobs of a clock. */
import { Clock, Effect, Result } from "effect"
import * as Json from "../domain/Json.ts"
import { Database, type DatabaseError, type Row } from "../postgres/Database.ts"
import { nextAfter } from "../queue/postgres/crons.ts"
import { invalidJob, JobsError, type Submission, Unavailable } from "./Jobs.ts"
import { rowOf } from "./submission.ts"

/** What is paused: one queue for all workers, or all workers of a pool. */
export interface Pausable {
  readonly scope: "queue" | "pool"
  readonly name: string
}

export const pause = ({ name, scope }: Pausable) =>
  Effect.asVoid(
    ask("INSERT INTO worker_pauses (scope, name) VALUES ($1, $2) ON CONFLICT DO NOTHING", [scope, name])
  )

/** Answers whether it was paused. Workers go on at once. */
export const resume = ({ name, scope }: Pausable) =>
  Effect.map(
    ask(
      "WITH gone AS (DELETE FROM worker_pauses WHERE scope = $1 AND name = $2 RETURNING name) " +
        "SELECT pg_notify('worker_jobs', name) FROM gone WHERE $1 = 'queue' UNION ALL SELECT NULL FROM gone WHERE $1 = 'pool'",
      [scope, name]
    ),
    (rows) => rows.length > 0
  )

export const pauses = Effect.map(ask("SELECT scope, name FROM worker_pauses ORDER BY scope, name"), (rows) =>
  rows.map((row): Pausable => ({
    scope: row["scope"] === "pool" ? "pool" : "queue",
    name: String(row["name"])
  }))
)

/** A limit over all workers of a queue: on the whole queue, or on each tool kind, key or tenant, or on one of them. */
export interface Limit {
  readonly queue: string
  readonly scope: "queue" | "kind" | "key" | "tenant" | "payload"
  /** `*` is each of them, with a count of its own. Of the payload it is a place, `args.customer`: each value there has a count. */
  readonly value: string
  readonly maxRunning: number | undefined
  readonly perMinute: number | undefined
}

/** A limit that limits nothing is removed. */
export const setLimit = ({ maxRunning, perMinute, queue, scope, value }: Limit) =>
  Effect.asVoid(
    maxRunning === undefined && perMinute === undefined
      ? ask("DELETE FROM worker_limits WHERE queue = $1 AND scope = $2 AND value = $3", [queue, scope, value])
      : ask(
          "INSERT INTO worker_limits (queue, scope, value, max_running, per_minute) VALUES ($1, $2, $3, $4, $5) " +
            "ON CONFLICT (queue, scope, value) DO UPDATE SET max_running = excluded.max_running, per_minute = excluded.per_minute",
          [queue, scope, value, maxRunning ?? null, perMinute ?? null]
        )
  )

export const limits = Effect.map(ask("SELECT * FROM worker_limits ORDER BY queue, scope, value"), (rows) =>
  rows.map((row): Limit => ({
    queue: String(row["queue"]),
    scope: row["scope"] as Limit["scope"],
    value: String(row["value"]),
    maxRunning: numberOf(row["max_running"]),
    perMinute: numberOf(row["per_minute"])
  }))
)

/** A job that a clock submits. */
export interface Cron {
  readonly name: string
  /** Five or six fields, as cron has them. */
  readonly schedule: string
  /** `Europe/Berlin`; UTC unless told otherwise. */
  readonly timeZone?: string
  readonly job: Submission
}

/** Adds the entry or replaces the one with its name. Its first moment is the next one. */
export const putCron = Effect.fnUntraced(function* ({ job, name, schedule, timeZone = "UTC" }: Cron) {
  const { kind, payload, queue = "default", ...options } = yield* rowOf(job, "job")
  const next = nextAfter(schedule, timeZone, new Date(yield* Clock.currentTimeMillis))
  if (Result.isFailure(next)) return yield* invalidJob([{ at: "schedule", problem: next.failure }])
  yield* ask(
    "INSERT INTO worker_crons (name, queue, kind, payload, options, schedule, time_zone, next_at) " +
      "VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, $6, $7, $8::timestamptz) ON CONFLICT (name) DO UPDATE SET queue = excluded.queue, " +
      "kind = excluded.kind, payload = excluded.payload, options = excluded.options, schedule = excluded.schedule, " +
      "time_zone = excluded.time_zone, next_at = excluded.next_at",
    [
      name,
      queue,
      kind,
      Json.stringify(payload),
      Json.stringify(options),
      schedule,
      timeZone,
      next.success.toISOString()
    ]
  )
  return next.success
})

/** Answers whether there was one. */
export const removeCron = (name: string) =>
  Effect.map(ask("DELETE FROM worker_crons WHERE name = $1 RETURNING 1", [name]), (rows) => rows.length > 0)

export const crons = ask(
  "SELECT name, queue, kind, schedule, time_zone, (extract(epoch FROM next_at) * 1000)::double precision AS next_at " +
    "FROM worker_crons ORDER BY name"
)

// --- helpers ---

function ask(
  text: string,
  values: ReadonlyArray<unknown> = []
): Effect.Effect<ReadonlyArray<Row>, JobsError, Database> {
  return Effect.flatMap(Database, ({ query }) =>
    Effect.mapError(
      query(text, values),
      (error: DatabaseError) =>
        new JobsError({ reason: new Unavailable({ detail: error.message, isRetryable: error.isRetryable }) })
    )
  )
}

const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)
