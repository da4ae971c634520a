/** Lets one job of the dispatcher run while no other runs. */
import { Effect, Latch, Semaphore } from "effect"

type Park = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** `concurrency` is the number of slots. */
export const make = Effect.fnUntraced(function* (slots: Semaphore.Semaphore, concurrency: number) {
  const turn = yield* Semaphore.make(1)
  const othersAllowed = yield* Latch.make(true)

  /** Slots are taken one by one as they come back: all of them together could wait for ever behind single ones. */
  const takeTurn = (taken: Taken) =>
    take(turn, () => (taken.turn = true)).pipe(
      Effect.andThen(othersAllowed.close),
      Effect.andThen(
        Effect.repeat(
          Effect.suspend(() =>
            taken.slots < concurrency - 1 ? take(slots, () => (taken.slots += 1)) : Effect.void
          ),
          { while: () => taken.slots < concurrency - 1 }
        )
      )
    )
  const giveTurn = (taken: Taken) =>
    Effect.suspend(() =>
      taken.turn
        ? slots.release(taken.slots).pipe(Effect.andThen(othersAllowed.open), Effect.andThen(turn.release(1)))
        : Effect.void
    )

  return {
    /** Waits while a job runs alone, or waits for the others to end so that it can. */
    awaitOthersAllowed: othersAllowed.await,
    /** Runs an effect while its job holds every slot. `park` gives the job's own slot back until its turn has come. */
    alone:
      (park: Park): Park =>
      (effect) =>
        Effect.suspend(() => {
          const taken: Taken = { turn: false, slots: 0 }
          return park(takeTurn(taken)).pipe(Effect.andThen(effect), Effect.ensuring(giveTurn(taken)))
        })
  }
})

interface Taken {
  turn: boolean
  slots: number
}

/** Takes a permit and notes it, with no interruption in between. */
const take = (permits: Semaphore.Semaphore, note: () => unknown) =>
  Effect.uninterruptibleMask((restore) => Effect.tap(restore(permits.take(1)), () => Effect.sync(note)))
