/** Deliveries that this worker holds and that wait for a slot, oldest first. */
import { Effect, Latch } from "effect"
import type { Delivery } from "../queue/MessageQueue.ts"

export interface Inbox {
  readonly offer: (delivery: Delivery) => Effect.Effect<void>
  /** Waits until there is one. */
  readonly awaitSome: Effect.Effect<void>
  /** Takes the oldest one, if there is one. */
  readonly poll: () => Delivery | undefined
  /** Takes all of them. */
  readonly clear: Effect.Effect<ReadonlyArray<Delivery>>
  /** When the oldest of them was published, in milliseconds, where the queue can tell. */
  readonly oldestAt: Effect.Effect<number | undefined>
}

export const make: Effect.Effect<Inbox> = Effect.map(Latch.make(false), (some) => {
  const waiting = new Set<Delivery>()
  const take = (delivery: Delivery): Delivery => {
    waiting.delete(delivery)
    if (waiting.size === 0) some.closeUnsafe()
    return delivery
  }
  return {
    offer: (delivery) =>
      Effect.suspend(() => {
        waiting.add(delivery)
        return waiting.size === 1 ? Effect.asVoid(some.open) : Effect.void
      }),
    awaitSome: some.await,
    poll: () => {
      const [oldest] = waiting
      return oldest === undefined ? undefined : take(oldest)
    },
    clear: Effect.sync(() => [...waiting].map(take)),
    oldestAt: Effect.sync(
      () => waiting.values().find(({ publishedAt }) => publishedAt !== undefined)?.publishedAt
    )
  }
})
