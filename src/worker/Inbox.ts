/** Deliveries that are ours and wait for a slot, oldest first. */
import { Effect, Queue } from "effect"
import type { Delivery } from "../queue/MessageQueue.ts"

export interface Inbox {
  readonly offer: (delivery: Delivery) => Effect.Effect<void>
  /** Waits for one. */
  readonly take: Effect.Effect<Delivery>
  readonly clear: Effect.Effect<ReadonlyArray<Delivery>>
  /** When the oldest of them was published, in milliseconds, where the queue can tell. */
  readonly oldestAt: Effect.Effect<number | undefined>
}

export const make: Effect.Effect<Inbox> = Effect.map(Queue.unbounded<Delivery>(), (queue) => {
  // A queue cannot be looked into.
  const waiting = new Set<Delivery>()
  return {
    offer: (delivery) =>
      Effect.suspend(() => {
        waiting.add(delivery)
        return Effect.asVoid(Queue.offer(queue, delivery))
      }),
    // What was taken is handed on, whoever interrupts.
    take: Effect.uninterruptibleMask((restore) =>
      Effect.tap(restore(Queue.take(queue)), (delivery) => Effect.sync(() => waiting.delete(delivery)))
    ),
    clear: Effect.tap(Queue.clear(queue), () => Effect.sync(() => waiting.clear())),
    oldestAt: Effect.sync(
      () => waiting.values().find(({ publishedAt }) => publishedAt !== undefined)?.publishedAt
    )
  }
})
