/**
 * Where messages come from. A delivery carries its way back: nothing is acknowledged but by `settle`, once.
 */
import { Context, Data, type Duration, type Effect, Schema, type Stream } from "effect"

/** What a queue hears about a delivery. */
export type Settlement = Data.TaggedEnum<{
  /** Done with: never deliver again. */
  Ack: object
  /** Deliver again after a while. `blame` says whether this attempt counts as a failure of ours. */
  Retry: { readonly after: Duration.Duration; readonly blame: boolean }
  /** Never deliver again: the message itself is no good. */
  Discard: { readonly reason: string }
}>
export const Settlement = Data.taggedEnum<Settlement>()

export interface Delivery {
  /** Unique among the deliveries of this process; for logs and for the lease. */
  readonly id: string
  readonly body: string
  /** The body as it came, where the queue has bytes. */
  readonly bytes?: Uint8Array
  /** What it was published to, where the queue has such a thing. */
  readonly subject?: string
  /** When it was published, in milliseconds, where the queue can tell. */
  readonly publishedAt?: number
  /** How often the message was delivered, this time included. From 1. */
  readonly attempt: number
  readonly lease: Lease
  /** Tells the queue, confirmed where that matters. Calling it twice does nothing the second time. */
  readonly settle: (settlement: Settlement) => Effect.Effect<void, QueueError>
}

/** Messages that nobody has taken yet. Those that come back after a retry are not among them. */
export interface Waiting {
  readonly count: number
  /** When the oldest of them was published, in milliseconds; undefined when there is none, or when it cannot be told. */
  readonly oldestAt: number | undefined
}

/** Why a message was given up. */
export interface DeadLetterNote {
  readonly reason: string
  /** How often it was delivered. */
  readonly attempts: number
  /** When, as ISO 8601. */
  readonly at: string
  /** Who gave it up. */
  readonly worker: string
}

/** The time that a delivery is ours, and the ways to make it longer. */
export interface Lease {
  /** How long the queue waits for a settlement or an extension. */
  readonly duration: Duration.Duration
  /** Starts the duration anew, from this process. */
  readonly extend: Effect.Effect<void, QueueError>
  /** What a lease keeper in another thread needs to extend it without us; undefined where it cannot. */
  readonly subject: string | undefined
}

/**
 * How many more deliveries the worker wants. A queue asks before it fetches, so that no message waits in a
 * client's buffer while another worker could do it; whoever got the delivery gives the room back.
 */
export interface Room {
  /** Waits until there is room, and takes up to `most` of it. At least 1. */
  readonly take: (most: number) => Effect.Effect<number>
  /** Takes what there is of it, which may be nothing. */
  readonly takeNow: (most: number) => Effect.Effect<number>
  readonly give: (n: number) => Effect.Effect<void>
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

export class QueueError extends Schema.TaggedError<QueueError>()("QueueError", {
  reason: Schema.Union([Disconnected, StreamMissing, SettleFailed])
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
    /** `nats`, `memory`, … */
    readonly name: string
    /**
     * Deliveries as the queue gives them, never more than there is room for. When the stream is interrupted, what
     * was fetched and not taken is handed back.
     */
    readonly deliveries: (room: Room) => Stream.Stream<Delivery, QueueError>
    /**
     * Keeps a copy of a message that is given up, with the reason, where a person finds it. Returns when the copy is
     * safe; the delivery itself is settled by the caller, afterwards.
     */
    readonly park: (delivery: Delivery, note: DeadLetterNote) => Effect.Effect<void, QueueError>
    /** Whether the queue was heard from lately, for readiness. */
    readonly connected: Effect.Effect<boolean>
    /** What nobody has taken yet, where the queue can tell. */
    readonly waiting: Effect.Effect<Waiting | undefined, QueueError>
  }
>()("noetl-worker/queue/MessageQueue") {}
