/**
 * The other half of a queue without a server: it keeps the jobs that it delivers, so it takes their outcomes, and it alone
 * knows who holds a job and who cancelled one.
 */
import { Context, type Duration, type Effect } from "effect"
import type { Json, JsonObject } from "../domain/Json.ts"
import type { QueueError } from "./MessageQueue.ts"

/** One delivery of a job: the job and the lease under which this worker has it. */
export interface JobLease {
  readonly id: string
  readonly lease: string
}

/** What becomes of a job whose attempt ended. */
export type JobOutcome =
  | { readonly _tag: "Succeed"; readonly result: Json }
  /** It stays as a dead letter. */
  | { readonly _tag: "Fail"; readonly error: JsonObject }
  | { readonly _tag: "Retry"; readonly error: JsonObject; readonly after: Duration.Duration }

/** Whose a job is. A job that is not there any more has ended. */
export type Holder = "Ours" | "Other" | "Ended"

export class JobOutcomes extends Context.Service<
  JobOutcomes,
  {
    /** The backend's name, and where it is, as logs show it. */
    readonly name: string
    readonly address: string
    /**
     * Hands an outcome to the queue. False when the lease was lost: the outcome counts for nothing. Safe to call again with
     * the same lease.
     */
    readonly complete: (job: JobLease, outcome: JobOutcome) => Effect.Effect<boolean, QueueError>
    readonly holder: (job: JobLease) => Effect.Effect<Holder, QueueError>
    /** Whether a caller asked for the end of a running job. */
    readonly cancelled: (id: string) => Effect.Effect<boolean, QueueError>
    /** Shows this worker among those of the queue, for some time. */
    readonly present: (worker: string) => Effect.Effect<void, QueueError>
    readonly leave: (worker: string) => Effect.Effect<void, QueueError>
  }
>()("noetl-worker/queue/JobOutcomes") {}
