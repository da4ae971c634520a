/**
 * A queue in this process. It behaves as the real one does: a lease that runs out brings the message again, a retry
 * waits its time, every delivery counts, and a settlement counts once.
 */
import { Clock, Context, Duration, Effect, Latch, Layer } from "effect"
import {
  type DeadLetterNote,
  type Delivery,
  MessageQueue,
  oneByOne,
  type Settlement
} from "./MessageQueue.ts"

export interface Options {
  /** How long a delivery stays with its receiver without an extension. */
  readonly lease?: Duration.Input
  /** How many settlements are kept for observers; all of them unless said. */
  readonly history?: number
}

/** One settlement, oldest first. */
export interface Settled {
  readonly body: string
  readonly attempt: number
  readonly settlement: Settlement
}

/** A copy of a message that was discarded. */
export interface DeadLetter extends DeadLetterNote {
  readonly body: string
}

/** The other end of the queue: what a publisher and an observer see. */
export class MemoryQueue extends Context.Service<
  MemoryQueue,
  {
    readonly publish: (body: string) => Effect.Effect<void>
    /** The settlements so far. */
    readonly settled: Effect.Effect<ReadonlyArray<Settled>>
    /** The dead letters so far. */
    readonly deadLetters: Effect.Effect<ReadonlyArray<DeadLetter>>
    /** Messages that were neither acknowledged nor discarded, waiting or in flight. */
    readonly pending: Effect.Effect<number>
    /** Waits until no message is left. */
    readonly awaitEmpty: Effect.Effect<void>
  }
>()("noetl-worker/queue/MemoryQueue") {
  /** Both ends over one memory. */
  static readonly layer = (options: Options = {}): Layer.Layer<MemoryQueue | MessageQueue> =>
    Layer.effectContext(make(options))
}

interface Message {
  readonly body: string
  readonly publishedAt: number
  attempt: number
  /** Milliseconds; the message is not given out before. */
  visibleAt: number
  /** Changes with every delivery, so that a late settlement of an older one is told apart. */
  receipt: number
}

const make = Effect.fnUntraced(function* (options: Options) {
  const lease = Duration.fromInputUnsafe(options.lease ?? "30 seconds")
  const history = options.history ?? Number.POSITIVE_INFINITY
  const messages = new Set<Message>()
  const settled: Array<Settled> = []
  const deadLetters: Array<DeadLetter> = []
  const changed = yield* Latch.make(false)
  const empty = yield* Latch.make(true)
  const signal = Effect.sync(() => {
    changed.openUnsafe()
    if (messages.size === 0) empty.openUnsafe()
    else empty.closeUnsafe()
  })

  const delivery = (message: Message): Delivery => {
    const receipt = message.receipt
    const current = () => message.receipt === receipt && messages.has(message)
    return {
      id: `memory:${message.receipt}`,
      body: message.body,
      publishedAt: message.publishedAt,
      attempt: message.attempt,
      lease: {
        duration: lease,
        remote: undefined,
        extend: Effect.map(Clock.currentTimeMillis, (now) => {
          if (current()) message.visibleAt = now + Duration.toMillis(lease)
        })
      },
      deadLetter: (note) => Effect.sync(() => String(deadLetters.push({ body: message.body, ...note }))),
      settle: (settlement) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (!current()) return Effect.void
          settled.push({ body: message.body, attempt: message.attempt, settlement })
          if (settled.length > history) settled.shift()
          message.receipt = -1
          if (settlement._tag === "Retry") message.visibleAt = now + Duration.toMillis(settlement.after)
          else messages.delete(message)
          return signal
        })
    }
  }

  let receipts = 0
  const next: Effect.Effect<Delivery> = Effect.gen(function* () {
    while (true) {
      changed.closeUnsafe()
      const now = yield* Clock.currentTimeMillis
      const message = firstVisible(messages, now)
      if (message !== undefined) {
        message.attempt += 1
        message.receipt = ++receipts
        message.visibleAt = now + Duration.toMillis(lease)
        return delivery(message)
      }
      const due = messages.size === 0 ? Effect.never : Effect.sleep(nextVisible(messages) - now)
      yield* Effect.raceFirst(changed.await, due)
    }
  })

  return Context.make(MessageQueue, {
    name: "memory",
    address: "in this process",
    deliveries: oneByOne(next),
    connected: Effect.succeed(true),
    waiting: Effect.map(Clock.currentTimeMillis, (now) => {
      const free = [...messages].filter(({ visibleAt }) => visibleAt <= now)
      return { count: free.length, oldestAt: free[0]?.publishedAt }
    })
  }).pipe(
    Context.add(MemoryQueue, {
      publish: (body) =>
        Effect.andThen(
          Effect.map(Clock.currentTimeMillis, (publishedAt) =>
            messages.add({ body, publishedAt, attempt: 0, visibleAt: 0, receipt: 0 })
          ),
          signal
        ),
      settled: Effect.sync(() => [...settled]),
      deadLetters: Effect.sync(() => [...deadLetters]),
      pending: Effect.sync(() => messages.size),
      awaitEmpty: empty.await
    })
  )
})

const firstVisible = (messages: Iterable<Message>, now: number): Message | undefined => {
  for (const message of messages) if (message.visibleAt <= now) return message
  return undefined
}

const nextVisible = (messages: Iterable<Message>): number => {
  let at = Number.POSITIVE_INFINITY
  for (const message of messages) at = Math.min(at, message.visibleAt)
  return at
}
