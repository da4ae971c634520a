import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { setDeadline } from "../../src/async/deadlines.ts"

/** Sets deadlines that write down their names. */
const recorder = Effect.map(Effect.context(), (context) => {
  const expired: Array<string> = []
  return {
    expired,
    set: (name: string, millis: number) => setDeadline(context, millis, () => void expired.push(name))
  }
})

describe("Deadlines", () => {
  it.effect("expire at their time, each once, whatever order they were set in", () =>
    Effect.gen(function* () {
      const { expired, set } = yield* recorder
      set("late", 5000)
      set("soon", 30)
      yield* TestClock.adjust("10 millis")
      set("middle", 2500)
      yield* TestClock.adjust("19 millis")
      assert.deepStrictEqual(expired, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(expired, ["soon"])
      yield* TestClock.adjust("2480 millis")
      assert.deepStrictEqual(expired, ["soon", "middle"])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(expired, ["soon", "middle", "late"])
    })
  )

  it.effect("do not expire once they are cancelled", () =>
    Effect.gen(function* () {
      const { expired, set } = yield* recorder
      const cancel = set("cancelled", 100)
      set("kept", 200)
      cancel()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(expired, ["kept"])
    })
  )

  it.effect("may be set while others expire", () =>
    Effect.gen(function* () {
      const { expired, set } = yield* recorder
      const context = yield* Effect.context()
      setDeadline(context, 100, () => set("next", 100))
      yield* TestClock.adjust("199 millis")
      assert.deepStrictEqual(expired, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(expired, ["next"])
    })
  )

  it.effect("cost one sleep a second together, and none once all are gone", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const sleeps: Array<number> = []
      const counted: Clock.Clock = Object.assign(Object.create(clock) as Clock.Clock, {
        sleep: (duration: Parameters<Clock.Clock["sleep"]>[0]) =>
          Effect.andThen(
            Effect.sync(() => void sleeps.push(1)),
            clock.sleep(duration)
          )
      })
      const { set } = yield* Effect.provideService(recorder, Clock.Clock, counted)
      const cancels = Array.from({ length: 1000 }, (_, i) => set(`${i}`, 30_000))
      yield* TestClock.adjust("4500 millis")
      assert.strictEqual(sleeps.length, 5)
      for (const cancel of cancels) cancel()
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(sleeps.length, 5)
    })
  )
})
