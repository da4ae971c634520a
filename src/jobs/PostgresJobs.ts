/**
 * Jobs in a table of PostgreSQL. A submission is a statement of whatever transaction it runs in, the caller's own included: the
 * job is there exactly when that commits.
 */
import { Clock, Duration, Effect, Layer, Result, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql"
import * as Json from "../domain/Json.ts"
import { Database, type DatabaseError, databaseError, type Row } from "../postgres/Database.ts"
import * as Submit from "./submission.ts"
import {
  hasEnded,
  Jobs,
  JobsError,
  type JobRecord,
  type JobStatus,
  noSuchJob,
  submitOne,
  type QueueStats,
  type Selection,
  StillRunning,
  type Submission,
  type Submitted,
  Unavailable
} from "./Jobs.ts"
import { eventsOf } from "./postgresEvents.ts"

export const layer: Layer.Layer<Jobs, never, Database> = Layer.effect(
  Jobs,
  Effect.map(Database, (database) => make(database))
)

/** Submits inside of the caller's transaction on a client of `pg`. */
export const submitOn = (
  client: {
    readonly query: (
      text: string,
      values: Array<unknown>
    ) => Promise<{ readonly rows: ReadonlyArray<Record<string, unknown>> }>
  },
  jobs: ReadonlyArray<Submission>
): Effect.Effect<ReadonlyArray<Submitted>, JobsError> =>
  submitWith(
    (text, values) =>
      Effect.tryPromise({
        try: async () => (await client.query(text, [...values])).rows,
        catch: databaseError
      }).pipe(Effect.mapError(unavailable)),
    jobs
  )

/** Submits inside of the transaction of Effect's SQL client, where there is one. */
export const submitInSql = (
  jobs: ReadonlyArray<Submission>
): Effect.Effect<ReadonlyArray<Submitted>, JobsError, SqlClient.SqlClient> =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    submitWith(
      (text, values) =>
        Effect.mapError(
          sql.unsafe<Row>(text, [...values]),
          (error) => new JobsError({ reason: new Unavailable({ detail: error.message, isRetryable: true }) })
        ),
      jobs
    )
  )

type Run = (text: string, values: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Row>, JobsError>

const submitWith = (run: Run, jobs: ReadonlyArray<Submission>) =>
  Submit.rowsOf(jobs).pipe(
    Effect.flatMap((rows) =>
      run(
        "SELECT o_id::text AS id, o_created AS created FROM worker_enqueue_many($1::jsonb) ORDER BY o_position",
        [Json.stringify(rows)]
      )
    ),
    Effect.map((rows) =>
      rows.map((row): Submitted => ({ id: String(row["id"]), created: row["created"] === true }))
    )
  )

const make = (database: Database["Service"]): Jobs["Service"] => {
  const run: Run = (text, values) => Effect.mapError(database.query(text, values), unavailable)
  const ask = (text: string, values: ReadonlyArray<unknown> = []) =>
    Effect.mapError(database.query(text, values), unavailable)
  const submitMany = (jobs: ReadonlyArray<Submission>) => submitWith(run, jobs)

  const result = Effect.fnUntraced(function* (id: string) {
    const [row] = isId(id) ? yield* ask(`SELECT ${columns} FROM worker_jobs WHERE id = $1::bigint`, [id]) : []
    return row === undefined ? yield* noSuchJob(id) : recordOf(row)
  })

  const wait = Effect.fnUntraced(function* (id: string, timeout: Duration.Input) {
    const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(Duration.fromInputUnsafe(timeout))
    const job = yield* result(id).pipe(
      Effect.repeat({
        until: (record) => Effect.map(Clock.currentTimeMillis, (now) => hasEnded(record) || now >= until),
        schedule: waitPauses
      })
    )
    const seconds = Duration.toSeconds(Duration.fromInputUnsafe(timeout))
    return hasEnded(job)
      ? job
      : yield* new JobsError({ reason: new StillRunning({ id, status: job.status, seconds }) })
  })

  const list = ({ kind, most = 100, queue, status, tenant }: Selection = {}) =>
    Effect.map(
      ask(
        `SELECT ${columns} FROM worker_jobs WHERE ($1::text IS NULL OR queue = $1) AND ($2::text IS NULL OR status = $2) ` +
          "AND ($3::text IS NULL OR tenant = $3) AND ($4::text IS NULL OR kind = $4) ORDER BY id DESC LIMIT $5",
        [queue ?? null, status ?? null, tenant ?? null, kind ?? null, Math.min(10_000, Math.max(0, most))]
      ),
      (rows) => rows.map(recordOf)
    )

  const deadLetter = Effect.fnUntraced(function* (id: string) {
    const job = yield* result(id)
    return job.status === "failed" ? job : yield* noSuchJob(id)
  })

  return Jobs.of({
    submit: submitOne(submitMany),
    submitMany,
    result,
    wait,
    cancel: Effect.fnUntraced(function* (id) {
      const [row] = isId(id) ? yield* ask("SELECT worker_cancel($1::bigint) AS status", [id]) : []
      const status = row?.["status"]
      return typeof status === "string" ? (status as JobStatus) : yield* noSuchJob(id)
    }),
    list,
    stats: Effect.map(ask(statistics), (rows) => rows.map(statsOf)),
    deadLetters: {
      list: (selection = {}) => list({ ...selection, status: "failed" }),
      show: deadLetter,
      retry: (id) =>
        Effect.andThen(deadLetter(id), Effect.asVoid(ask("SELECT worker_retry(ARRAY[$1::bigint])", [id]))),
      purge: (which) =>
        Effect.map(
          ask(
            "WITH gone AS (DELETE FROM worker_jobs WHERE status = 'failed' AND ($1::bigint IS NULL OR id = $1::bigint) " +
              "AND ($2::text IS NULL OR queue = $2) RETURNING 1) SELECT count(*)::integer AS count FROM gone",
            ["id" in which ? which.id : null, "queue" in which ? (which.queue ?? null) : null]
          ),
          ([row]) => Number(row?.["count"] ?? 0)
        )
    },
    events: Stream.mapError(eventsOf(database), unavailable)
  })
}

// --- helpers ---

/** A short job is seen soon, a long one costs little. */
const waitPauses = Schedule.min([Schedule.exponential("10 millis", 1.5), Schedule.spaced("500 millis")])

const isId = (id: string): boolean => /^\d{1,18}$/.test(id)

const unavailable = (error: DatabaseError): JobsError =>
  new JobsError({ reason: new Unavailable({ detail: error.message, isRetryable: error.isRetryable }) })

const millis = (column: string) => `(extract(epoch FROM ${column}) * 1000)::double precision AS ${column}`

const columns =
  "id::text, queue, tenant, kind, payload::text AS payload, priority, status, attempt, failures, worker_id, " +
  `result::text AS result, error::text AS error, ${["run_at", "created_at", "started_at", "ended_at"].map(millis).join(", ")}`

const recordOf = (row: Row): JobRecord => ({
  id: String(row["id"]),
  queue: String(row["queue"]),
  tenant: String(row["tenant"]),
  kind: String(row["kind"]),
  payload: jsonOf(row["payload"]) ?? null,
  priority: Number(row["priority"]),
  status: row["status"] as JobStatus,
  attempt: Number(row["attempt"]),
  failures: Number(row["failures"]),
  worker: typeof row["worker_id"] === "string" ? row["worker_id"] : undefined,
  result: jsonOf(row["result"]),
  error: objectOf(jsonOf(row["error"])),
  runAt: Number(row["run_at"]),
  createdAt: Number(row["created_at"]),
  startedAt: timeOf(row["started_at"]),
  endedAt: timeOf(row["ended_at"])
})

const timeOf = (value: unknown) => (typeof value === "number" ? value : undefined)
/** What PostgreSQL gives as JSON reads as JSON; digits stay exact. */
const jsonOf = (value: unknown): Json.Json | undefined =>
  typeof value === "string" ? Result.getOrUndefined(Json.parse(value)) : undefined
const objectOf = (value: Json.Json | undefined) => (Json.isObject(value) ? value : undefined)

const statistics =
  "SELECT queue, count(*) FILTER (WHERE status = 'queued' AND ready)::integer AS ready, " +
  "count(*) FILTER (WHERE status = 'queued' AND NOT ready)::integer AS later, " +
  ["running", "succeeded", "failed", "cancelled"]
    .map((status) => `count(*) FILTER (WHERE status = '${status}')::integer AS ${status}`)
    .join(", ") +
  ", (SELECT count(*)::integer FROM worker_presence p WHERE j.queue = ANY (p.queues) " +
  "AND p.seen_at > now() - interval '1 minute') AS workers FROM worker_jobs j GROUP BY queue ORDER BY queue"

const statsOf = (row: Row): QueueStats => ({
  queue: String(row["queue"]),
  ready: Number(row["ready"]),
  later: Number(row["later"]),
  running: Number(row["running"]),
  succeeded: Number(row["succeeded"]),
  failed: Number(row["failed"]),
  cancelled: Number(row["cancelled"]),
  workers: Number(row["workers"])
})
