/**
 * The queue port: where messages come from. A delivery carries its own way back, so a backend is known only to the layer
 * that made it: `settle` answers it once, `deadLetter` keeps a copy before it is discarded.
 */
import { Context, Data, Duration, Effect, Schema, Stream } from "effect"

/** The answer to a delivery. */
export type Settlement = Data.TaggedEnum<{
  /** The command is done: the queue never delivers it again. */
  Ack: object
  /** The queue delivers it again after a delay. A shutdown and a claim held elsewhere do not count as failures. */
  Retry: { readonly after: Duration.Duration; readonly countsAsFailure: boolean }
  /** The queue never delivers it again, because a retry cannot help. The dead letter is safe by then. */
  Discard: { readonly reason: string }
}>
export const Settlement = Data.taggedEnum<Settlement>()

export interface Delivery {
  /** Unique among the deliveries of this process; for logs and for the lease. */
  readonly id: string
  readonly body: string
  /** When it was published, in milliseconds since the epoch, where the queue can tell. */
  readonly publishedAt?: number
  /** How often the message was delivered, this time included. From 1. */
  readonly attempt: number
  readonly lease: Lease
  /** Answers the queue, confirmed for `Ack` and `Discard`. A second call does nothing. */
  readonly settle: (settlement: Settlement) => Effect.Effect<void, QueueError>
  /**
   * Keeps a copy of the message with the reason where an operator finds it. Returns when the copy is safe; the caller
   * settles the delivery afterwards. Gives the number by which the operator's commands know it; undefined where the
   * queue has none.
   */
  readonly deadLetter: (note: DeadLetterNote) => Effect.Effect<string | undefined, QueueError>
}

/** Messages that no worker has fetched yet. Messages in a retry delay are not among them. */
export interface Waiting {
  readonly count: number
  /** When the oldest of them was published, in milliseconds; undefined when there is none, or the queue cannot tell. */
  readonly oldestAt: number | undefined
  /** The same count for each of several queues, where there are names to tell them by. */
  readonly byQueue?: ReadonlyMap<string, number>
  /** Messages that all workers together hold, and how many they may, where the queue has such a limit. */
  readonly held?: { readonly count: number; readonly limit: number }
}

/** Why a message became a dead letter. */
export interface DeadLetterNote {
  readonly reason: string
  /** How often it was delivered. */
  readonly attempts: number
  /** When it became one, as ISO 8601. */
  readonly at: string
  /** The worker that wrote it. */
  readonly worker: string
}

/** How long a delivery stays with this worker, and how the time is extended. */
export interface Lease {
  /** How long the queue waits for a settlement or an extension. */
  readonly duration: Duration.Duration
  /** Starts the duration anew, from this thread. */
  readonly extend: Effect.Effect<void, QueueError>
  /**
   * What the backend's lease thread needs to extend it over a connection of its own: plain data that crosses a thread.
   * Undefined where only this thread can extend.
   */
  readonly remote: unknown
}

/**
 * How many more deliveries the worker takes. A queue acquires capacity before it fetches, so that no message waits in
 * a client's buffer while another worker is free. The receiver of a delivery releases its unit.
 */
export interface Capacity {
  /** Waits until at least one unit is free and acquires up to `most`. */
  readonly acquire: (most: number) => Effect.Effect<number>
  /** Acquires what is free at this moment, which may be nothing. */
  readonly acquireNow: (most: number) => Effect.Effect<number>
  readonly release: (n: number) => Effect.Effect<void>
}

export class Disconnected extends Schema.TaggedError<Disconnected>()("Disconnected", {
  detail: Schema.String
}) {
  readonly isRetryable = true
}

export class StreamMissing extends Schema.TaggedError<StreamMissing>()("StreamMissing", {
  detail: Schema.String
}) {
  readonly isRetryable = false
}

export class SettleFailed extends Schema.TaggedError<SettleFailed>()("SettleFailed", {
  detail: Schema.String
}) {
  readonly isRetryable = true
}

/** Another worker may have the delivery: nothing that is done with it counts any more. */
export class LeaseLost extends Schema.TaggedError<LeaseLost>()("LeaseLost", { detail: Schema.String }) {
  readonly isRetryable = false
}

export class QueueError extends Schema.TaggedError<QueueError>()("QueueError", {
  reason: Schema.Union([Disconnected, StreamMissing, SettleFailed, LeaseLost])
}) {
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `${this.reason._tag}: ${this.reason.detail}`
  }
}

export class MessageQueue extends Context.Service<
  MessageQueue,
  {
    /** The backend's name: `nats`, `memory`, … */
    readonly name: string
    /** Where it is, as logs show it: without credentials. */
    readonly address: string
    /**
     * Deliveries as the queue gives them, never more than there is capacity for. When the stream is interrupted, the
     * queue hands back what it fetched and did not emit.
     */
    readonly deliveries: (capacity: Capacity) => Stream.Stream<Delivery, QueueError>
    /** Whether the queue answered lately, for readiness. */
    readonly connected: Effect.Effect<boolean>
    /** Why an operator's pause keeps this worker from taking messages, as one sentence; undefined where none does. */
    readonly paused?: Effect.Effect<string | undefined>
    /** The backlog; undefined where the queue cannot tell. */
    readonly waiting: Effect.Effect<Waiting | undefined, QueueError>
  }
>()("noetl-worker/queue/MessageQueue") {}

/** Gives a delivery back at once, for another worker. It does not count as a failure. */
export const handBack = (delivery: Delivery): Effect.Effect<void, QueueError> =>
  delivery.settle(Settlement.Retry({ after: Duration.zero, countsAsFailure: false }))

/** The deliveries of a queue that gives one at a time: `next` waits for it, after there is capacity for it. */
export const oneByOne =
  <E>(next: Effect.Effect<Delivery, E>) =>
  (capacity: Capacity): Stream.Stream<Delivery, E> =>
    Stream.fromEffectRepeat(
      Effect.uninterruptibleMask((restore) =>
        restore(capacity.acquire(1)).pipe(
          Effect.andThen(restore(next).pipe(Effect.onInterrupt(() => capacity.release(1))))
        )
      )
    )
