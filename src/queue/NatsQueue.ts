/**
 * NATS JetStream through a durable pull consumer.
 *
 * Traps, each seen: `term(reason)` is ignored by servers before 2.10.4, so the reason goes to the log and `term` goes
 * bare; an acknowledgement is not confirmed unless it is a request; a socket write for each acknowledgement costs more
 * than the acknowledgement, so they leave in batches.
 */
import { type Consumer, type ConsumerMessages, jetstream, type JsMsg } from "@nats-io/jetstream"
import type { NatsConnection as Connection } from "@nats-io/transport-node"
import { type Cause, Clock, Duration, Effect, Layer, Queue, Schedule, Stream } from "effect"
import { messageOf } from "../domain/messageOf.ts"
import { NatsConnection } from "../nats/NatsConnection.ts"
import { ackWaitOf, type ConsumerSettings, waitingOf, disconnected, ensureConsumer } from "./natsObjects.ts"
import { defaultPlace, park, type Place } from "./natsDeadLetters.ts"
import {
  type Delivery,
  MessageQueue,
  QueueError,
  type Room,
  SettleFailed,
  Settlement
} from "./MessageQueue.ts"

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
  const deliveries = (room: Room) =>
    Stream.callback<Delivery, QueueError>((out) =>
      Effect.gen(function* () {
        const nc = yield* nats.connection
        yield* Effect.addFinalizer(() => handBack(out))
        const acks = coalesced()
        while (true) {
          const info = yield* ensureConsumer(nc, options)
          const source: Source = {
            nc,
            acks,
            heard,
            taken,
            consumer: jetstream(nc).consumers.getConsumerFromInfo(info),
            lease: ackWaitOf(info),
            expires: options.pullExpires
          }
          // The server just answered for the consumer: that is as good as a pull.
          heard.at = yield* Clock.currentTimeMillis
          const broken = yield* Effect.flip(Effect.forever(pull(source, room, out)))
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
  readonly consumer: Consumer
  readonly lease: Duration.Duration
  readonly acks: Acks
  readonly expires: Duration.Duration
  /** When the server last answered a pull. */
  readonly heard: { at: number }
  /** Deliveries taken so far, by this process. */
  readonly taken: { count: number }
}

/**
 * One pull: asks for as many messages as there is room, and returns when they came or the wait is over. A pull that
 * goes quiet without idle heartbeats, or does not end at all, fails: the next one starts afresh.
 */
const pull = Effect.fnUntraced(function* (
  source: Source,
  room: Room,
  out: Queue.Queue<Delivery, QueueError | Cause.Done>
) {
  const wanted = yield* roomFor(room)
  let got = 0
  yield* fetch(source, wanted, (message) => {
    got += 1
    Queue.offerUnsafe(out, deliveryOf(source, message))
  }).pipe(
    Effect.timeoutOrElse({
      duration: Duration.sum(source.expires, Duration.seconds(10)),
      orElse: () => Effect.fail(disconnected("a pull did not end in time"))
    }),
    Effect.ensuring(Effect.suspend(() => room.give(wanted - got)))
  )
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

const fetch = (source: Source, wanted: number, accept: (message: JsMsg) => void) =>
  Effect.callback<void, QueueError>((resume) => {
    const state: { messages: ConsumerMessages | undefined; stopped: boolean } = {
      messages: undefined,
      stopped: false
    }
    const run = async () => {
      const expires = Duration.toMillis(source.expires)
      const messages = await source.consumer.fetch({
        max_messages: wanted,
        expires,
        idle_heartbeat: Math.min(5000, expires / 2)
      })
      state.messages = messages
      if (state.stopped) messages.stop()
      for await (const message of messages) {
        if (state.stopped) message.nak()
        else accept(message)
      }
    }
    const running = run()
    running.then(
      () => resume(Effect.void),
      (cause: unknown) => resume(Effect.fail(disconnected(cause)))
    )
    // The iterator ends only when it was read to its end: what it still holds goes back at once.
    return Effect.promise(() => {
      state.stopped = true
      state.messages?.stop()
      return running.catch(() => {})
    }).pipe(Effect.timeoutOption("1 second"))
  })

const deliveryOf = (source: Source, message: JsMsg): Delivery => {
  const subject = replyOf(message)
  const state = { settled: false }
  source.taken.count += 1
  return {
    // A broker that lost its last moments counts the same delivery twice, so its own numbers are not unique.
    id: `${message.info.stream}:${message.info.streamSequence}:${message.info.deliveryCount}#${source.taken.count}`,
    body: message.string(),
    bytes: message.data,
    subject: message.subject,
    publishedAt: Number(message.timestampNanos / 1_000_000n),
    attempt: message.info.deliveryCount,
    lease: {
      duration: source.lease,
      subject,
      extend: Effect.try({ try: () => source.nc.publish(subject, "+WPI"), catch: disconnected })
    },
    settle: (settlement) =>
      Effect.suspend(() => {
        if (state.settled) return Effect.void
        state.settled = true
        return source.acks.send(source.nc, subject, wordOf(settlement), settlement._tag !== "Retry")
      })
  }
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

// The public type has no reply subject, though every JetStream message has one: it is where the answer goes.
const replyOf = (message: JsMsg): string => String(Reflect.get(message, "reply"))

interface Acks {
  /** `confirmed` waits for the server's word and tries again when it does not come. */
  readonly send: (
    nc: Connection,
    subject: string,
    word: string,
    confirmed: boolean
  ) => Effect.Effect<void, QueueError>
}

/** Collects what is sent in one turn of the event loop, so that it leaves in one write. */
const coalesced = (): Acks => {
  let batch: Array<() => void> = []
  const soon = (send: () => void) => {
    if (batch.push(send) > 1) return
    setImmediate(() => {
      const now = batch
      batch = []
      for (const one of now) one()
    })
  }
  const once = (nc: Connection, subject: string, word: string, confirmed: boolean) =>
    Effect.callback<void, QueueError>((resume) => {
      soon(() => {
        try {
          if (!confirmed) {
            nc.publish(subject, word)
            resume(Effect.void)
          } else {
            nc.request(subject, word, { timeout: 5000 }).then(
              () => resume(Effect.void),
              (cause: unknown) => resume(Effect.fail(settleFailed(cause)))
            )
          }
        } catch (cause) {
          resume(Effect.fail(settleFailed(cause)))
        }
      })
    })
  return {
    send: (nc, subject, word, confirmed) =>
      once(nc, subject, word, confirmed).pipe(
        Effect.retry(Schedule.spaced("500 millis").pipe(Schedule.upTo({ times: 4 })))
      )
  }
}

const settleFailed = (cause: unknown) =>
  new QueueError({
    reason: new SettleFailed({ detail: messageOf(cause) })
  })

/** Hands back what was fetched and never taken. */
const handBack = (out: Queue.Queue<Delivery, QueueError | Cause.Done>) =>
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
