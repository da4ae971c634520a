/**
 * A job as a queue without a server delivers it: the message is the job. Its body is JSON text that every such queue writes
 * in the same shape, whatever it keeps the job in.
 */
import { Result, Schema, SchemaIssue } from "effect"
import * as Json from "./Json.ts"

/** Bytes of a body. A queue refuses a larger payload when it is submitted. */
export const limits: Json.Limits = { maxBytes: 64 * 1024 * 1024, maxDepth: 200 }

/** 0 to 10; the higher one first. */
export const defaultPriority = 5

const Name = Schema.String.check(Schema.isNonEmpty(), Schema.isMaxLength(200))
const Seconds = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const Wire = Schema.Struct({
  /** Decimal digits. */
  id: Schema.Union([Schema.String, Schema.BigInt, Schema.Int]),
  /** Proves to the queue that this delivery is the last one. */
  lease: Schema.String.check(Schema.isMaxLength(200)),
  kind: Name,
  payload: Json.JsonValue,
  /** From 1; grows with each retry. */
  attempt: Count,
  /** Failures that count against `max_retries`. */
  failures: Count,
  max_retries: Schema.optionalKey(Schema.NullOr(Count)),
  backoff: Schema.optionalKey(Schema.NullOr(Seconds)),
  backoff_max: Schema.optionalKey(Schema.NullOr(Seconds)),
  timeout: Schema.optionalKey(Schema.NullOr(Seconds)),
  tenant: Schema.optionalKey(Schema.NullOr(Name)),
  traceparent: Schema.optionalKey(Schema.NullOr(Schema.String.check(Schema.isMaxLength(256))))
})

export interface QueuedJob {
  /** Decimal digits. */
  readonly id: string
  readonly lease: string
  readonly kind: string
  readonly payload: Json.Json
  readonly attempt: number
  readonly retry: RetryPolicy
  /** Seconds that one attempt may take. */
  readonly timeout: number | undefined
  readonly tenant: string | undefined
  readonly traceparent: string | undefined
}

/** What decides whether a failed job is tried again, and when. Undefined takes the worker's own. Seconds. */
export interface RetryPolicy {
  readonly failures: number
  readonly maxRetries: number | undefined
  readonly backoff: number | undefined
  readonly backoffMax: number | undefined
}

/** Why a message is no job, with every place that is wrong. */
export class NoJob extends Schema.TaggedError<NoJob>()("NoJob", {
  issues: Schema.Array(Schema.Struct({ at: Schema.String, problem: Schema.String }))
}) {
  override get message(): string {
    return this.issues.map(({ at, problem }) => (at === "" ? problem : `${at}: ${problem}`)).join("; ")
  }
}

/** Message body → job. */
export const decode = (body: string): Result.Result<QueuedJob, NoJob> => {
  const json = Json.parse(body, limits)
  if (Result.isFailure(json)) return Result.fail(noJob("", json.failure.message))
  const wire = decodeWire(json.success)
  if (Result.isFailure(wire)) return Result.fail(new NoJob({ issues: issuesOf(wire.failure) }))
  const id = String(wire.success.id)
  return /^\d{1,20}$/.test(id)
    ? Result.succeed(jobOf(id, wire.success))
    : Result.fail(noJob("id", "expected decimal digits"))
}

/** Located problems of a value that does not fit a schema. */
export const issuesOf = (
  error: Schema.SchemaError
): ReadonlyArray<{ readonly at: string; readonly problem: string }> =>
  formatted(error.issue).issues.map((issue) => ({
    at: (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join("."),
    problem: issue.message
  }))

const formatted = SchemaIssue.makeFormatterStandardSchemaV1()
const decodeWire = Schema.decodeUnknownResult(Wire, { errors: "all" })
const noJob = (at: string, problem: string) => new NoJob({ issues: [{ at, problem }] })

const jobOf = (id: string, wire: typeof Wire.Type): QueuedJob => ({
  id,
  lease: wire.lease,
  kind: wire.kind,
  payload: wire.payload,
  attempt: Math.max(1, wire.attempt),
  retry: {
    failures: wire.failures,
    maxRetries: wire.max_retries ?? undefined,
    backoff: wire.backoff ?? undefined,
    backoffMax: wire.backoff_max ?? undefined
  },
  timeout: wire.timeout ?? undefined,
  tenant: wire.tenant ?? undefined,
  traceparent: wire.traceparent ?? undefined
})
