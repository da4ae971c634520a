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
import { NatsConnection } from "../../nats/NatsConnection.ts"
import * as Acks from "./acks.ts"
import { ackWaitOf, type ConsumerSettings, waitingOf, disconnected, ensureConsumer } from "./objects.ts"
import * as Pull from "./pull.ts"
import { defaultPlace, park, type Place } from "./deadLetters.ts"
import { type Delivery, MessageQueue, QueueError, type Room, Settlement } from "../MessageQueue.ts"

export interface Options extends ConsumerSettings {
  /** How long one pull request waits on the server. */
  readonly pullExpires: Duration.Duration
  /** Where messages go that are given up. */
  readonly deadLetters?: Place
}

/** Needs a connection; opens the stream and the consumer when the first delivery is asked for. */
export const layer = (options: Options): Layer.Layer<MessageQueue, never, NatsConnection> =>
  Layer.effect(MessageQueue, make(options))

const make = Effect.fnUntraced(function* (options: Options) {
  const nats = yield* NatsConnection
  const heard = { at: 0 }
  const taken = { count: 0 }
  // A job may settle after the pulling has ended.
  const acksOf = yield* Effect.cached(Effect.flatMap(nats.connection, Acks.make))
  const deliveries = (room: Room) =>
    Stream.callback<Delivery, QueueError>((out) =>
      Effect.gen(function* () {
        const nc = yield* nats.connection
        yield* Effect.addFinalizer(() => handBack(out))
        const acks = yield* acksOf
        while (true) {
          const info = yield* ensureConsumer(nc, options)
          // The server just answered for the consumer: that is as good as a pull.
          heard.at = yield* Clock.currentTimeMillis
          const source: Source = { nc, info, lease: ackWaitOf(info), acks, heard, taken }
          const broken = yield* Effect.flip(pulling(source, options.pullExpires, room, out))
          yield* Effect.logWarning(`the pull from NATS broke (${broken.message}); pulling again`)
          yield* Effect.sleep("500 millis")
        }
      })
    )
  return MessageQueue.of({
    name: "nats",
    deliveries,
    park: (delivery, note) =>
      Effect.flatMap(nats.connection, (nc) => park(nc, options.deadLetters ?? defaultPlace, delivery, note)),
    connected: Effect.flatMap(Clock.currentTimeMillis, (now) =>
      now - heard.at > 3 * Duration.toMillis(options.pullExpires) ? Effect.succeed(false) : nats.isUp
    ),
    waiting: Effect.flatMap(nats.connection, (nc) => waitingOf(nc, options))
  })
})

interface Source {
  readonly nc: Connection
  readonly info: ConsumerInfo
  /** How long a delivery is ours without an extension. */
  readonly lease: Duration.Duration
  readonly acks: Acks.Acks
  /** When the server last answered a pull. */
  readonly heard: { at: number }
  /** Deliveries taken so far, by this process. */
  readonly taken: { count: number }
}

/** Pulls for as long as the server is heard; the next time it starts afresh. */
const pulling = Effect.fnUntraced(function* (
  source: Source,
  expires: Duration.Duration,
  room: Room,
  out: Out
) {
  const { info, nc } = source
  const puller = yield* Pull.open(nc, { stream: info.stream_name, consumer: info.name, expires })
  return yield* Effect.raceFirst(Effect.forever(pull(source, puller, room, out)), puller.broken)
}, Effect.scoped)

/** One pull: asks for as many messages as there is room, and returns when they came or the wait is over. */
const pull = Effect.fnUntraced(function* (source: Source, puller: Pull.Puller, room: Room, out: Out) {
  const wanted = yield* roomFor(room)
  let got = 0
  yield* puller
    .pull(wanted, (message) => {
      got += 1
      Queue.offerUnsafe(out, deliveryOf(source, message))
    })
    .pipe(Effect.ensuring(Effect.suspend(() => room.give(wanted - got))))
  source.heard.at = yield* Clock.currentTimeMillis
})

/** A pull costs the same for one message as for many: where little is free, more may be in a moment. */
const roomFor = Effect.fnUntraced(function* (room: Room) {
  const first = yield* room.take(256)
  if (first >= 8) return first
  yield* Effect.sleep("2 millis")
  return first + (yield* room.takeNow(256 - first))
})

// --- the driver's edge ---

const deliveryOf = (source: Source, message: Msg): Delivery => {
  const { acks, info, lease, nc, taken } = source
  // Every JetStream message has a reply subject: it is where the answer goes, and says what is delivered.
  const subject = message.reply ?? ""
  const { attempt, publishedAt, sequence } = deliveredOf(subject)
  const state = { settled: false }
  taken.count += 1
  return {
    // A broker that lost its last moments counts the same delivery twice, so its own numbers are not unique.
    id: `${info.stream_name}:${sequence}:${attempt}#${taken.count}`,
    body: message.string(),
    bytes: message.data,
    subject: message.subject,
    publishedAt,
    attempt,
    lease: {
      duration: lease,
      subject,
      extend: Effect.try({ try: () => nc.publish(subject, "+WPI"), catch: disconnected })
    },
    settle: (settlement) =>
      Effect.suspend(() => {
        if (state.settled) return Effect.void
        state.settled = true
        return acks.send(subject, wordOf(settlement), settlement._tag !== "Retry")
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
const wordOf = (settlement: Settlement): string => {
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

/** Hands back what was fetched and never taken. */
const handBack = (out: Out) =>
  Queue.clear(out).pipe(
    Effect.flatMap((left) =>
      Effect.forEach(left, (delivery) => delivery.settle(handedBack), {
        discard: true,
        concurrency: "unbounded"
      })
    ),
    Effect.catch(() => Effect.void)
  )

const handedBack = Settlement.Retry({ after: Duration.zero, blame: false })
