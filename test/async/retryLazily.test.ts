import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { retryLazily } from "../../src/async/retryLazily.ts"

const attempts = (failures: number) => {
  const state = { made: 0 }
  const effect = Effect.suspend(() =>
    ++state.made <= failures ? Effect.fail(`no ${state.made}`) : Effect.succeed("yes")
  )
  return { state, effect }
}

describe("A lazy retry", () => {
  it.effect("tries again as the schedule says, without repeating the first attempt at once", () =>
    Effect.gen(function* () {
      const { effect, state } = attempts(2)
      const policy = { schedule: Schedule.spaced("1 second") }
      const fiber = yield* Effect.forkChild(effect.pipe(retryLazily(policy)), { startImmediately: true })
      assert.strictEqual(state.made, 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(state.made, 2)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "yes")
    })
  )

  it.effect("fails with the last error when the schedule ends", () =>
    Effect.gen(function* () {
      const { effect, state } = attempts(5)
      const exit = yield* Effect.exit(effect.pipe(retryLazily({ schedule: Schedule.recurs(2) })))
      assert.deepStrictEqual(exit, Exit.fail("no 3"))
      assert.strictEqual(state.made, 3)
    })
  )

  it.effect("does not retry an error that the policy excludes, be it the first", () =>
    Effect.gen(function* () {
      const { effect, state } = attempts(5)
      const policy = { while: (error: string) => error !== "no 1", schedule: Schedule.recurs(3) }
      assert.deepStrictEqual(yield* Effect.exit(effect.pipe(retryLazily(policy))), Exit.fail("no 1"))
      assert.strictEqual(state.made, 1)
    })
  )
})
