/** The permit of one job: a slot and a unit of capacity, given back together and once. */
import { Cause, Effect, Fiber, type Semaphore } from "effect"
import type { CountedCapacity } from "./Capacity.ts"

export interface Permit {
  readonly take: Effect.Effect<void>
  /** Gives the permit back; a second time does nothing. */
  readonly give: Effect.Effect<void>
}

/** A permit that is held. An interruption while it is given back needs none to unwind. */
export const permitOf = (slots: Semaphore.Semaphore, capacity: CountedCapacity): Permit => {
  let held = true
  return {
    take: Effect.flatMap(slots.take(1), () => {
      held = true
      // The delivery is here already: it must not wait for those that are fetched next.
      return capacity.acquireAnyway
    }),
    give: Effect.suspend(() => {
      if (!held) return Effect.void
      held = false
      return Effect.andThen(slots.release(1), capacity.release(1))
    })
  }
}

/**
 * Runs an effect that only waits without the permit, and takes the permit again before the job goes on. `onLongWait` runs
 * beside it when it takes longer than a second.
 */
export const parkWith =
  (permit: Permit, entry: { parked: boolean }, onLongWait: Effect.Effect<void> = Effect.void) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        entry.parked = true
        yield* permit.give
        const longWait = yield* Effect.forkChild(Effect.delay(onLongWait, "1 second"))
        const exit = yield* Effect.exit(restore(effect))
        yield* Fiber.interrupt(longWait)
        // Interrupted, nothing runs any more: no slot is needed to unwind. After a failure the caller may go on.
        if (exit._tag === "Failure" && Cause.hasInterrupts(exit.cause)) return yield* exit
        yield* restore(permit.take)
        entry.parked = false
        return yield* exit
      })
    )
