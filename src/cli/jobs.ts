/** `jobs` and `queue`: what is submitted, what became of it, and what an operator does with a queue. */
import { Duration, Effect, Layer, Option, Result } from "effect"
import { readFile } from "node:fs/promises"
import { databaseSettings } from "../config/jobOptions.ts"
import * as Json from "../domain/Json.ts"
import { messageOf } from "../domain/messageOf.ts"
import { type JobRecord, Jobs, type JobsError, type JobStatus, type Selection } from "../jobs/Jobs.ts"
import * as Operate from "../jobs/operate.ts"
import * as PostgresJobs from "../jobs/PostgresJobs.ts"
import { Database, type DatabaseError } from "../postgres/Database.ts"
import { migrate as migrateSchema, type MigrationError, versionOf } from "../queue/postgres/migrate.ts"
import { CommandError, UsageError } from "./errors.ts"
import { loadConfig } from "./sources.ts"
import { table } from "./table.ts"
import { telemetry } from "./worker.ts"
import { print } from "./print.ts"

/** Runs an effect at the database of jobs. Texts for people go to stderr, what was asked for goes to stdout. */
const atDatabase = <A>(
  work: Effect.Effect<
    A,
    JobsError | DatabaseError | MigrationError | CommandError | UsageError,
    Jobs | Database
  >
) =>
  Effect.flatMap(loadConfig, (loaded) =>
    work.pipe(
      Effect.catchTags({
        JobsError: (error: JobsError) => Effect.fail(new CommandError({ message: error.message })),
        DatabaseError: (error: DatabaseError) =>
          Effect.fail(new CommandError({ message: `the database of jobs (DATABASE_URL): ${error.message}` })),
        MigrationError: (error: MigrationError) => Effect.fail(new CommandError({ message: error.message }))
      }),
      Effect.provide(
        PostgresJobs.layer.pipe(
          Layer.provideMerge(Database.layer(databaseSettings(loaded.values, "noetl-worker-cli"))),
          Layer.provideMerge(telemetry(loaded))
        )
      ),
      Effect.scoped
    )
  )

export const list = (input: {
  readonly queue: Option.Option<string>
  readonly status: Option.Option<JobStatus>
  readonly tenant: Option.Option<string>
  readonly kind: Option.Option<string>
  readonly most: number
  readonly json: boolean
}) =>
  atDatabase(
    Effect.gen(function* () {
      const selection: Selection = {
        most: input.most,
        ...given("queue", input.queue),
        ...given("status", input.status),
        ...given("tenant", input.tenant),
        ...given("kind", input.kind)
      }
      const jobs = yield* (yield* Jobs).list(selection)
      if (input.json) return yield* print(jobs.map((job) => `${Json.stringify(documentOf(job))}\n`).join(""))
      return yield* print(
        table(
          ["ID", "QUEUE", "KIND", "TENANT", "PRIO", "STATUS", "ATTEMPT", "CREATED", "ERROR"],
          jobs.map((job) => [
            job.id,
            job.queue,
            job.kind,
            job.tenant,
            String(job.priority),
            job.status,
            String(job.attempt),
            timeOf(job.createdAt),
            errorText(job)
          ])
        )
      )
    })
  )

export const show = (id: string) =>
  atDatabase(Effect.flatMap(Jobs, (jobs) => Effect.flatMap(jobs.result(id), printJob)))

export const wait = (id: string, seconds: number) =>
  atDatabase(
    Effect.gen(function* () {
      const job = yield* (yield* Jobs).wait(id, Duration.seconds(seconds))
      yield* printJob(job)
      if (job.status !== "succeeded")
        return yield* new CommandError({ message: `the job ${id} ${job.status}` })
    })
  )

export const cancel = (id: string) =>
  atDatabase(
    Effect.flatMap(Jobs, (jobs) =>
      Effect.flatMap(jobs.cancel(id), (status) => print(`${Json.stringify({ id, status })}\n`))
    )
  )

/** `which` is an id, or `all` dead letters. */
export const retry = (which: string) =>
  atDatabase(
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const ids =
        which === "all" ? (yield* jobs.deadLetters.list({ most: 10_000 })).map(({ id }) => id) : [which]
      for (const id of ids) {
        yield* jobs.deadLetters.retry(id)
        yield* print(`${Json.stringify({ retried: id })}\n`)
      }
    })
  )

/** `payload` is JSON, `-` for stdin, or `@FILE`. */
export const submit = (input: {
  readonly kind: string
  readonly payload: string
  readonly queue: Option.Option<string>
  readonly tenant: Option.Option<string>
  readonly priority: Option.Option<number>
  readonly key: Option.Option<string>
  readonly delay: Option.Option<number>
  readonly retries: Option.Option<number>
  readonly timeout: Option.Option<number>
  readonly wait: Option.Option<number>
}) =>
  atDatabase(
    Effect.gen(function* () {
      const payload = Json.parse(yield* textOf(input.payload))
      if (Result.isFailure(payload))
        return yield* new UsageError({
          message: `jobs submit: the payload is no JSON: ${payload.failure.message}`
        })
      const jobs = yield* Jobs
      const submitted = yield* jobs.submit({
        kind: input.kind,
        payload: payload.success,
        ...given("queue", input.queue),
        ...given("tenant", input.tenant),
        ...given("priority", input.priority),
        ...given("idempotencyKey", input.key),
        ...given("delay", Option.map(input.delay, Duration.seconds)),
        ...given("maxRetries", input.retries),
        ...given("timeout", Option.map(input.timeout, Duration.seconds))
      })
      if (Option.isNone(input.wait)) return yield* print(`${Json.stringify(submitted)}\n`)
      return yield* printJob(yield* jobs.wait(submitted.id, Duration.seconds(input.wait.value)))
    })
  )

export const stats = (json: boolean) =>
  atDatabase(
    Effect.gen(function* () {
      const queues = yield* (yield* Jobs).stats
      const paused = (yield* Operate.pauses).map(({ name, scope }) => `${scope} ${name}`)
      if (json) return yield* print(`${Json.stringify({ queues, paused })}\n`)
      const head = [
        "QUEUE",
        "READY",
        "LATER",
        "RUNNING",
        "SUCCEEDED",
        "FAILED",
        "CANCELLED",
        "WORKERS",
        "PAUSED"
      ]
      const rows = queues.map((stats) => [
        stats.queue,
        ...[
          stats.ready,
          stats.later,
          stats.running,
          stats.succeeded,
          stats.failed,
          stats.cancelled,
          stats.workers
        ].map(String),
        paused.includes(`queue ${stats.queue}`) ? "yes" : ""
      ])
      return yield* print(table(head, rows))
    })
  )

export const migrate = atDatabase(
  Effect.gen(function* () {
    const done = yield* migrateSchema()
    const version = yield* versionOf
    yield* print(
      done.length === 0
        ? `the schema of jobs has version ${version}: nothing to do\n`
        : `the schema of jobs has version ${version} now: ${done.join(", ")}\n`
    )
  })
)

export const pause = (which: Operate.Pausable) =>
  atDatabase(
    Effect.andThen(
      Operate.pause(which),
      print(`the ${which.scope} ${which.name} is paused for all workers\n`)
    )
  )

export const resume = (which: Operate.Pausable) =>
  atDatabase(
    Effect.flatMap(Operate.resume(which), (was) =>
      print(
        was
          ? `the ${which.scope} ${which.name} goes on\n`
          : `the ${which.scope} ${which.name} was not paused\n`
      )
    )
  )

export const limit = (which: Operate.Limit) =>
  atDatabase(
    Effect.andThen(
      Operate.setLimit(which),
      Effect.flatMap(Operate.limits, (limits) =>
        print(
          table(
            ["QUEUE", "LIMIT ON", "VALUE", "RUNNING", "A MINUTE"],
            limits.map(({ maxRunning, perMinute, queue, scope, value }) => [
              queue,
              scope,
              value,
              String(maxRunning ?? ""),
              String(perMinute ?? "")
            ])
          )
        )
      )
    )
  )

// --- helpers ---

const given = <K extends string, A>(key: K, value: Option.Option<A>): { readonly [P in K]?: A } =>
  (Option.isSome(value) ? { [key]: value.value } : {}) as { readonly [P in K]?: A }

const printJob = (job: JobRecord) => print(`${Json.stringify(documentOf(job), 2)}\n`)

const timeOf = (millis: number) => new Date(millis).toISOString().replace("T", " ").slice(0, 19)

const documentOf = ({ createdAt, endedAt, runAt, startedAt, ...job }: JobRecord) => ({
  ...job,
  created_at: new Date(createdAt).toISOString(),
  run_at: new Date(runAt).toISOString(),
  ...(startedAt === undefined ? {} : { started_at: new Date(startedAt).toISOString() }),
  ...(endedAt === undefined ? {} : { ended_at: new Date(endedAt).toISOString() })
})

const errorText = ({ error }: JobRecord): string => {
  const last = error?.["last"]
  const message = typeof error?.["message"] === "string" ? error["message"] : ""
  const lastMessage =
    Json.isObject(last) && typeof last["message"] === "string" ? ` (last: ${last["message"]})` : ""
  return `${message}${lastMessage}`.replaceAll(/\s+/g, " ").slice(0, 80)
}

const textOf = (payload: string): Effect.Effect<string, CommandError> =>
  payload === "-" || payload.startsWith("@")
    ? Effect.tryPromise({
        try: () => readFile(payload === "-" ? "/dev/stdin" : payload.slice(1), "utf8"),
        catch: (cause) => new CommandError({ message: `jobs submit: ${messageOf(cause)}` })
      })
    : Effect.succeed(payload)
