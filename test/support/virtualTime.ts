/** Virtual time for tests whose fibers sleep on the TestClock. */
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"

/**
 * Lets time pass in steps, and between two steps everything run that can: the scheduler of Effect runs what is ready before a
 * macrotask, so one turn of the event loop is enough for fibers that wait for nothing but the clock.
 */
export const passes = (duration: Duration.Input, step: Duration.Input = "250 millis"): Effect.Effect<void> =>
  Effect.gen(function* () {
    const times = Math.ceil(
      Duration.toMillis(Duration.fromInputUnsafe(duration)) /
        Duration.toMillis(Duration.fromInputUnsafe(step))
    )
    yield* ready
    for (let i = 0; i < times; i++) yield* Effect.andThen(TestClock.adjust(step), ready)
  })

/** Everything that can run has run. */
export const ready: Effect.Effect<void> = Effect.promise(
  () => new Promise<void>((resume) => setImmediate(() => setImmediate(resume)))
)
