/** The port for those who have work done: submit a job, wait for it, cancel it, see what died and why. */
import { Context, type Duration, Effect, Schema, type Stream } from "effect"
import type { Json, JsonObject } from "../domain/Json.ts"

export type JobStatus = "queued" | "running" | "succeeded" | "failed" | "cancelled"

export interface JobOptions {
  /** `default` unless told otherwise. */
  readonly queue?: string
  /** 0 to 10, higher first, 5 unless told otherwise: among the jobs of one tenant. */
  readonly priority?: number
  /** Tenants take turns, so that the work of one does not hold up another's. */
  readonly tenant?: string
  /** A second job with the same key in the same queue is the first one. */
  readonly idempotencyKey?: string
  /** The key is unique within each period of this length; without it for as long as the job is kept. */
  readonly uniqueFor?: Duration.Input
  /** When it may start: a time, or so long from now. */
  readonly runAt?: Date
  readonly delay?: Duration.Input
  /** How long one attempt may take. */
  readonly timeout?: Duration.Input
  readonly maxRetries?: number
  /** The pause before the first retry, doubled with each until the longest. */
  readonly backoff?: { readonly first: Duration.Input; readonly longest?: Duration.Input }
  /** A job that was not started so long after it could start is cancelled. */
  readonly ttl?: Duration.Input
  /** Jobs with the same key share a limit over all workers, where there is one. */
  readonly concurrencyKey?: string
  /** The W3C trace that the job belongs to. */
  readonly traceparent?: string
}

export interface Submission extends JobOptions {
  /** `tool`, `pipeline`, or a type of the embedder's own. */
  readonly kind: string
  readonly payload: Json
}

export interface Submitted {
  /** Decimal digits. */
  readonly id: string
  /** False where a job with the same idempotency key was there. */
  readonly created: boolean
}

/** A job as it is now. Times in milliseconds since the epoch. */
export interface JobRecord {
  readonly id: string
  readonly queue: string
  readonly tenant: string
  readonly kind: string
  readonly payload: Json
  readonly priority: number
  readonly status: JobStatus
  /** From 1. */
  readonly attempt: number
  readonly failures: number
  readonly worker: string | undefined
  readonly result: Json | undefined
  /** Why it failed, failed last, or was cancelled: `{message, code?, …}`. */
  readonly error: JsonObject | undefined
  readonly runAt: number
  readonly createdAt: number
  readonly startedAt: number | undefined
  readonly endedAt: number | undefined
}

export interface QueueStats {
  readonly queue: string
  /** Jobs that can start now. */
  readonly ready: number
  /** Jobs for later, those between two attempts among them. */
  readonly later: number
  readonly running: number
  readonly succeeded: number
  readonly failed: number
  readonly cancelled: number
  /** Workers that were seen in the last minute. */
  readonly workers: number
}

/** A job changed its status. */
export interface JobEvent {
  readonly id: string
  readonly queue: string
  readonly kind: string
  readonly status: JobStatus
  readonly attempt: number
}

export interface Selection {
  readonly queue?: string
  readonly status?: JobStatus
  readonly tenant?: string
  readonly kind?: string
  /** Jobs at most, the newest first; 100 unless told otherwise. */
  readonly most?: number
}

export class NoSuchJob extends Schema.TaggedError<NoSuchJob>()("NoSuchJob", { id: Schema.String }) {
  get detail(): string {
    return `there is no job ${this.id}: it never was, or it ended so long ago that it was pruned`
  }
}
/** The job is not as it must be: every place that is wrong. */
export class InvalidJob extends Schema.TaggedError<InvalidJob>()("InvalidJob", {
  issues: Schema.Array(Schema.Struct({ at: Schema.String, problem: Schema.String }))
}) {
  get detail(): string {
    return this.issues.map(({ at, problem }) => (at === "" ? problem : `${at}: ${problem}`)).join("; ")
  }
}
export class StillRunning extends Schema.TaggedError<StillRunning>()("StillRunning", {
  id: Schema.String,
  status: Schema.String,
  seconds: Schema.Finite
}) {
  get detail(): string {
    return `the job ${this.id} is ${this.status} after ${this.seconds} s; it goes on`
  }
}
/** The place that keeps jobs is away, or refused. A call may have happened. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  detail: Schema.String,
  isRetryable: Schema.Boolean
}) {}

export class JobsError extends Schema.TaggedError<JobsError>()("JobsError", {
  reason: Schema.Union([NoSuchJob, InvalidJob, StillRunning, Unavailable])
}) {
  override get message(): string {
    return this.reason.detail
  }
}

export class Jobs extends Context.Service<
  Jobs,
  {
    readonly submit: (job: Submission) => Effect.Effect<Submitted, JobsError>
    /** All of them or none, in one statement; the answers in the order of the jobs. */
    readonly submitMany: (
      jobs: ReadonlyArray<Submission>
    ) => Effect.Effect<ReadonlyArray<Submitted>, JobsError>
    /** The job as it is now. */
    readonly result: (id: string) => Effect.Effect<JobRecord, JobsError>
    /** The job once it ended; fails with `StillRunning` after the time. */
    readonly wait: (id: string, timeout: Duration.Input) => Effect.Effect<JobRecord, JobsError>
    /** A queued job is gone; a running one is stopped by its worker, and its status stays `running` until then. */
    readonly cancel: (id: string) => Effect.Effect<JobStatus, JobsError>
    readonly list: (selection?: Selection) => Effect.Effect<ReadonlyArray<JobRecord>, JobsError>
    readonly stats: Effect.Effect<ReadonlyArray<QueueStats>, JobsError>
    readonly deadLetters: {
      readonly list: (
        selection?: Omit<Selection, "status">
      ) => Effect.Effect<ReadonlyArray<JobRecord>, JobsError>
      readonly show: (id: string) => Effect.Effect<JobRecord, JobsError>
      /** Queues it again with all its retries. */
      readonly retry: (id: string) => Effect.Effect<void, JobsError>
      /** Deletes one, or all of a queue, or all; answers how many. */
      readonly purge: (
        which: { readonly id: string } | { readonly queue?: string }
      ) => Effect.Effect<number, JobsError>
    }
    /** Changes of jobs from now on. */
    readonly events: Stream.Stream<JobEvent, JobsError>
  }
>()("noetl-worker/jobs/Jobs") {}

export const noSuchJob = (id: string) => new JobsError({ reason: new NoSuchJob({ id }) })

/** One job by the way that many take. */
export const submitOne =
  (submitMany: Jobs["Service"]["submitMany"]): Jobs["Service"]["submit"] =>
  (job) =>
    Effect.flatMap(submitMany([job]), ([one]) => (one === undefined ? noSuchJob("") : Effect.succeed(one)))

export const invalidJob = (issues: ReadonlyArray<{ readonly at: string; readonly problem: string }>) =>
  new JobsError({ reason: new InvalidJob({ issues }) })
export const hasEnded = ({ status }: { readonly status: JobStatus }): boolean =>
  status !== "queued" && status !== "running"
