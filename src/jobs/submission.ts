/** A submission, checked, in the form in which every backend keeps it. */
import { Duration, Effect, Schema } from "effect"
import * as Json from "../domain/Json.ts"
import { issuesOf } from "../domain/QueuedJob.ts"
import { invalidJob, type JobsError, type Submission } from "./Jobs.ts"
import { isStorableText } from "../domain/storable.ts"

/** Bytes of a payload as JSON text. */
export const maxPayload = 16 * 1024 * 1024

const Name = Schema.String.check(Schema.isNonEmpty(), Schema.isMaxLength(200))
const Key = Schema.String.check(Schema.isNonEmpty(), Schema.isMaxLength(500))
const Seconds = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 10 * 365 * 86_400 }))
const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))

/** The columns of `worker_enqueue_many`. Times as ISO 8601 and in seconds. */
export const columns = Schema.Struct({
  queue: Schema.optionalKey(Name),
  kind: Name,
  tenant: Schema.optionalKey(Name),
  priority: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 }))),
  idempotency_key: Schema.optionalKey(Key),
  unique_seconds: Schema.optionalKey(Seconds.check(Schema.isGreaterThan(0))),
  run_at: Schema.optionalKey(Schema.String),
  delay_seconds: Schema.optionalKey(Seconds),
  timeout_seconds: Schema.optionalKey(Seconds.check(Schema.isGreaterThan(0))),
  max_retries: Schema.optionalKey(Count),
  backoff_seconds: Schema.optionalKey(Seconds),
  backoff_max_seconds: Schema.optionalKey(Seconds),
  ttl_seconds: Schema.optionalKey(Seconds.check(Schema.isGreaterThan(0))),
  concurrency_key: Schema.optionalKey(Key),
  traceparent: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(256)))
})
export type Row = typeof columns.Type & { readonly payload: Json.Json }

const decode = Schema.decodeUnknownEffect(columns, { errors: "all" })

/** `at` is the place of the submission, for errors: `jobs[3]`. */
export const rowOf = (submission: Submission, at = ""): Effect.Effect<Row, JobsError> =>
  decode(columnsOf(submission)).pipe(
    Effect.mapError((error) => issuesOf(error)),
    Effect.flatMap((decoded) => {
      const problem = payloadProblem(submission.payload)
      return problem === undefined
        ? Effect.succeed({ ...decoded, payload: submission.payload })
        : Effect.fail([problem])
    }),
    Effect.mapError((issues) =>
      invalidJob(
        issues.map((issue) => ({ ...issue, at: [at, issue.at].filter((part) => part !== "").join(".") }))
      )
    )
  )

export const rowsOf = (jobs: ReadonlyArray<Submission>): Effect.Effect<ReadonlyArray<Row>, JobsError> =>
  Effect.forEach(jobs, (job, i) => rowOf(job, `jobs[${i}]`))

const columnsOf = (job: Submission): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries({
      queue: job.queue,
      kind: job.kind,
      tenant: job.tenant,
      priority: job.priority,
      idempotency_key: job.idempotencyKey,
      unique_seconds: secondsOf(job.uniqueFor),
      run_at: job.runAt === undefined ? undefined : isoOf(job.runAt),
      delay_seconds: secondsOf(job.delay),
      timeout_seconds: secondsOf(job.timeout),
      max_retries: job.maxRetries,
      backoff_seconds: secondsOf(job.backoff?.first),
      backoff_max_seconds: secondsOf(job.backoff?.longest),
      ttl_seconds: secondsOf(job.ttl),
      concurrency_key: job.concurrencyKey,
      traceparent: job.traceparent
    }).filter(([, value]) => value !== undefined)
  )

const secondsOf = (duration: Duration.Input | undefined): number | undefined =>
  duration === undefined ? undefined : Duration.toSeconds(Duration.fromInputUnsafe(duration))

/** A time that is none stays what it is, so that the schema names its place. */
const isoOf = (date: Date): unknown => (Number.isNaN(date.getTime()) ? null : date.toISOString())

/** What no database keeps, with its place. */
const payloadProblem = (payload: unknown): { readonly at: string; readonly problem: string } | undefined => {
  if (!Json.isJson(payload))
    return { at: "payload", problem: "expected a JSON value, at most 200 levels deep" }
  const text = Json.stringify(payload)
  const bytes = text.length * 3 > maxPayload ? Buffer.byteLength(text) : 0
  if (bytes > maxPayload)
    return {
      at: "payload",
      problem: `${bytes} bytes, and ${maxPayload} are the most: keep the data elsewhere and submit where it is`
    }
  const found = /\\u(0000|d[89a-f])/i.test(text) ? unstorableAt(payload, "payload") : undefined
  return found === undefined
    ? undefined
    : {
        at: found,
        problem: "the text has a NUL character or half of a surrogate pair, which PostgreSQL cannot keep"
      }
}

const unstorableAt = (value: Json.Json, at: string): string | undefined => {
  if (typeof value === "string") return isStorableText(value) ? undefined : at
  if (typeof value !== "object" || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const found = isStorableText(key) ? unstorableAt(inner as Json.Json, `${at}.${key}`) : at
    if (found !== undefined) return found
  }
  return undefined
}
