/**
 * NATS JetStream through a durable pull consumer.
 *
 * Traps, each seen: `term(reason)` is ignored by servers before 2.10.4, so the reason goes to the log and `term` goes
 * bare; an acknowledgement is not confirmed unless it is a request; a socket write for each acknowledgement costs more
 * than the acknowledgement, so they leave in batches.
 */
import type { ConsumerInfo } from "@nats-io/jetstream"
import type { Msg, NatsConnection as Connection } from "@nats-io/transport-node"
import { type Cause, Clock, Duration, Effect, Layer, Queue, Stream } from "effect"
import { awayLines } from "../../async/awayLines.ts"
import { NatsConnection } from "../../nats/NatsConnection.ts"
import * as Acks from "./acks.ts"
import { ackWaitOf, type ConsumerSettings, waitingOf, disconnected, ensureConsumer } from "./objects.ts"
import * as Pull from "./pull.ts"
import { deadLetter, type DeadLetterStream, defaultStream } from "./deadLetters.ts"
import {
  type Capacity,
  type Delivery,
  handBack,
  MessageQueue,
  type QueueError,
  type Settlement
} from "../MessageQueue.ts"
import { warnAway } from "../../async/warnAway.ts"

export interface Options extends ConsumerSettings {
  /** How long one pull request waits on the server. */
  readonly pullExpires: Duration.Duration
  /** The stream that keeps dead letters. */
  readonly deadLetters?: DeadLetterStream
}

/** Needs a connection; opens the stream and the consumer when the first delivery is asked for. */
export const layer = (options: Options): Layer.Layer<MessageQueue, never, NatsConnection> =>
  Layer.effect(MessageQueue, make(options))

const make = Effect.fnUntraced(function* (options: Options) {
  const nats = yield* NatsConnection
  const progress: Progress = { lastResponseAt: 0, deliverySerial: 0 }
  // A job may settle after the pulling has ended.
  const acksOf = yield* Effect.cached(Effect.flatMap(nats.connection, Acks.make))
  const deliveries = (capacity: Capacity) =>
    Stream.callback<Delivery, QueueError>((out) =>
      Effect.gen(function* () {
        const nc = yield* nats.connection
        yield* Effect.addFinalizer(() => handBackRest(out))
        const acks = yield* acksOf
        const lines = awayLines({
          neighbour: `the pull from NATS at ${nats.address}`,
          consequence: "running commands go on, and the worker pulls again"
        })
        while (true) {
          const info = yield* ensureConsumer(nc, options)
          // The server just answered for the consumer: that is as good as a pull.
          progress.lastResponseAt = yield* Clock.currentTimeMillis
          const source: Source = {
            nc,
            info,
            lease: ackWaitOf(info),
            acks,
            progress,
            deadLetters: options.deadLetters ?? defaultStream
          }
          const broken = yield* Effect.flip(pulling(source, options.pullExpires, capacity, out))
          yield* warnAway(lines, broken.message)
          yield* Effect.sleep("500 millis")
        }
      })
    )
  return MessageQueue.of({
    name: "nats",
    address: nats.address,
    deliveries,
    connected: Effect.flatMap(Clock.currentTimeMillis, (now) =>
      now - progress.lastResponseAt > 3 * Duration.toMillis(options.pullExpires)
        ? Effect.succeed(false)
        : nats.isUp
    ),
    waiting: Effect.flatMap(nats.connection, (nc) => waitingOf(nc, options))
  })
})

interface Source {
  readonly nc: Connection
  readonly info: ConsumerInfo
  /** How long a delivery stays with its receiver without an extension. */
  readonly lease: Duration.Duration
  readonly acks: Acks.Acks
  readonly deadLetters: DeadLetterStream
  readonly progress: Progress
}

interface Progress {
  /** When the server last answered a pull, in milliseconds. */
  lastResponseAt: number
  /** Counts the deliveries of this process. */
  deliverySerial: number
}

/** Pulls until the server stops answering. */
const pulling = Effect.fnUntraced(function* (
  source: Source,
  expires: Duration.Duration,
  capacity: Capacity,
  out: Out
) {
  const { info, nc } = source
  const puller = yield* Pull.open(nc, { stream: info.stream_name, consumer: info.name, expires })
  return yield* Effect.raceFirst(Effect.forever(pull(source, puller, capacity, out)), puller.broken)
}, Effect.scoped)

/** One pull: asks for as many messages as there is capacity for, and returns when they came or the wait is over. */
const pull = Effect.fnUntraced(function* (source: Source, puller: Pull.Puller, capacity: Capacity, out: Out) {
  const wanted = yield* acquireBatch(capacity)
  let got = 0
  yield* puller
    .pull(wanted, (message) => {
      got += 1
      Queue.offerUnsafe(out, deliveryOf(source, message))
    })
    .pipe(Effect.ensuring(Effect.suspend(() => capacity.release(wanted - got))))
  source.progress.lastResponseAt = yield* Clock.currentTimeMillis
})

/** A pull costs the same for one message as for many: where little is free, more may be free in a moment. */
const acquireBatch = Effect.fnUntraced(function* (capacity: Capacity) {
  const first = yield* capacity.acquire(256)
  if (first >= 8) return first
  yield* Effect.sleep("2 millis")
  return first + (yield* capacity.acquireNow(256 - first))
})

// --- the driver's edge ---

const deliveryOf = (source: Source, message: Msg): Delivery => {
  const { acks, deadLetters, info, lease, nc, progress } = source
  // Every JetStream message has a reply subject: it is where the answer goes, and says what is delivered.
  const subject = message.reply ?? ""
  const { attempt, publishedAt, sequence } = deliveredOf(subject)
  const state = { settled: false }
  progress.deliverySerial += 1
  return {
    // A broker that lost its last moments counts the same delivery twice, so its own numbers are not unique.
    id: `${info.stream_name}:${sequence}:${attempt}#${progress.deliverySerial}`,
    body: message.string(),
    publishedAt,
    attempt,
    lease: {
      duration: lease,
      remote: subject,
      extend: Effect.try({ try: () => nc.publish(subject, "+WPI"), catch: disconnected })
    },
    deadLetter: (note) => deadLetter(nc, deadLetters, message, note),
    settle: (settlement) =>
      Effect.suspend(() => {
        if (state.settled) return Effect.void
        state.settled = true
        return acks.send(subject, ackPayloadOf(settlement), settlement._tag !== "Retry")
      })
  }
}

/**
 * What a delivery's reply subject says (NATS's ADR-15): `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.` and then how often it
 * was delivered, its number in the stream, its number for the consumer, when it was published in nanoseconds, and what is pending.
 */
const deliveredOf = (subject: string) => {
  const tokens = subject.split(".")
  const [attempt, sequence, , publishedAt] = tokens.slice(tokens.length > 9 ? 6 : 4)
  return { attempt: Number(attempt), sequence, publishedAt: Math.floor(Number(publishedAt) / 1_000_000) }
}

/** The acknowledgement protocol: `+ACK`, `-NAK {"delay": nanoseconds}`, `+TERM`. */
const ackPayloadOf = (settlement: Settlement): string => {
  switch (settlement._tag) {
    case "Ack":
      return "+ACK"
    case "Retry": {
      const delay = Duration.toNanosUnsafe(settlement.after)
      return delay === 0n ? "-NAK" : `-NAK {"delay": ${delay}}`
    }
    case "Discard":
      return "+TERM"
  }
}

type Out = Queue.Queue<Delivery, QueueError | Cause.Done>

/** Hands back what was fetched and not emitted. What cannot be handed back comes again when its lease is over. */
const handBackRest = (out: Out) =>
  Queue.clear(out).pipe(
    Effect.flatMap(
      Effect.forEach(
        (delivery) =>
          handBack(delivery).pipe(
            Effect.catch((error) =>
              Effect.logWarning(`a fetched message was not handed back: ${error.message}`)
            )
          ),
        { discard: true, concurrency: "unbounded" }
      )
    ),
    Effect.catch((error) => Effect.logDebug(`the stream had ended: ${String(error)}`))
  )
