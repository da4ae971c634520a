/** Room for deliveries, counted. It may be overdrawn: a command that was parked comes back without asking. */
import { Effect, Latch } from "effect"
import type { Room } from "../queue/MessageQueue.ts"

export interface CountedRoom extends Room {
  /** Takes one without waiting, even when there is none left. */
  readonly overdraw: Effect.Effect<void>
  readonly free: Effect.Effect<number>
}

export const make = (capacity: number): Effect.Effect<CountedRoom> =>
  Effect.map(Latch.make(true), (some) => {
    let free = capacity
    const changed = Effect.suspend(() => (free > 0 ? some.open : some.close))
    const add = (n: number) => Effect.suspend(() => ((free += n), changed))
    const take = (most: number): Effect.Effect<number> =>
      some.await.pipe(
        Effect.flatMap(() => {
          const n = Math.min(most, free)
          if (n <= 0) return take(most)
          free -= n
          return Effect.as(changed, n)
        })
      )
    return {
      take,
      takeNow: (most) =>
        Effect.suspend(() => {
          const n = Math.max(0, Math.min(most, free))
          free -= n
          return Effect.as(changed, n)
        }),
      give: (n) => Effect.asVoid(add(n)),
      overdraw: Effect.asVoid(add(-1)),
      free: Effect.sync(() => free)
    }
  })

/** Room without end, for a reader that takes everything. */
export const unlimited: Room = {
  take: (most) => Effect.succeed(most),
  takeNow: (most) => Effect.succeed(most),
  give: () => Effect.void
}
