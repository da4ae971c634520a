/** Capacity for deliveries, counted. It may be overdrawn: a command that was parked comes back without asking. */
import { Effect, Latch } from "effect"
import type { Capacity } from "../queue/MessageQueue.ts"

export interface CountedCapacity extends Capacity {
  /** Acquires one unit without waiting, even when none is free. */
  readonly acquireAnyway: Effect.Effect<void>
  readonly free: Effect.Effect<number>
}

export const make = (units: number): Effect.Effect<CountedCapacity> =>
  Effect.map(Latch.make(true), (available) => {
    let free = units
    // The latch is moved only when the count crosses zero: this runs for every command.
    const add = (n: number) =>
      Effect.suspend(() => {
        const before = free > 0
        free += n
        const after = free > 0
        return before === after ? Effect.void : after ? available.open : available.close
      })
    const acquireNow = (most: number) =>
      Effect.suspend(() => {
        const n = Math.max(0, Math.min(most, free))
        return n === 0 ? Effect.succeed(0) : Effect.as(add(-n), n)
      })
    const acquire = (most: number): Effect.Effect<number> =>
      available.await.pipe(
        Effect.andThen(acquireNow(most)),
        Effect.flatMap((n) => (n === 0 ? acquire(most) : Effect.succeed(n)))
      )
    return {
      acquire,
      acquireNow,
      release: (n) => Effect.asVoid(add(n)),
      acquireAnyway: Effect.asVoid(add(-1)),
      free: Effect.sync(() => free)
    }
  })

/** Capacity without end, for a reader that takes everything. */
export const unlimited: Capacity = {
  acquire: (most) => Effect.succeed(most),
  acquireNow: (most) => Effect.succeed(most),
  release: () => Effect.void
}
