import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import * as AdaptiveLimit from "../../src/async/AdaptiveLimit.ts"

const loadOf = (status: number): AdaptiveLimit.Load =>
  status === 503 ? { busy: true, retryAfter: undefined } : { busy: false }

/** A server that counts what reaches it, by second. */
const server = (statusAt: (now: number) => number) => {
  const bySecond = new Map<number, number>()
  const state = { now: 0, most: 0 }
  const request = Effect.gen(function* () {
    const at = yield* Clock.currentTimeMillis
    const second = Math.floor(at / 1000)
    bySecond.set(second, (bySecond.get(second) ?? 0) + 1)
    state.most = Math.max(state.most, ++state.now)
    yield* Effect.sleep("20 millis")
    state.now -= 1
    return statusAt(at)
  })
  return { bySecond, state, request }
}

describe("The adaptive limit", () => {
  it.effect("lets as many through as there are connections while the server is well", () =>
    Effect.gen(function* () {
      const { request, state } = server(() => 200)
      const limit = yield* AdaptiveLimit.make(16)
      const all = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 100 }), () => limit.run(request, loadOf), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(all)).length, 100)
      assert.strictEqual(state.most, 16)
    })
  )

  it.effect(
    "meets a server that is busy for five minutes without a storm, and loses nothing when it is back",
    () =>
      Effect.gen(function* () {
        const { bySecond, request } = server((now) => (now < 300_000 ? 503 : 200))
        const limit = yield* AdaptiveLimit.make(16)
        const told = { outcomes: 0 }
        const untilAccepted = limit.run(request, loadOf).pipe(
          Effect.flatMap((status) => (status === 200 ? Effect.void : Effect.fail("busy" as const))),
          Effect.retry(Schedule.spaced("250 millis").pipe(Schedule.jittered)),
          Effect.andThen(Effect.sync(() => void (told.outcomes += 1)))
        )
        const all = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 500 }), () => untilAccepted, { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("1 second")
        for (let second = 0; second < 299; second++) yield* TestClock.adjust("1 second")
        const during = [...bySecond.values()].reduce((sum, n) => sum + n, 0)
        assert.strictEqual(told.outcomes, 0)
        // The first round finds out; afterwards a few ask now and then.
        assert.isBelow(during, 60)
        assert.strictEqual(yield* limit.limit, 1)
        for (let second = 0; second < 300; second++) yield* TestClock.adjust("1 second")
        yield* Fiber.join(all)
        assert.strictEqual(told.outcomes, 500)
        const first = [...bySecond].filter(([second]) => second >= 300).toSorted(([a], [b]) => a - b)[0]
        assert.isBelow(first?.[1] ?? 0, 300)
        assert.strictEqual(yield* limit.limit, 16)
      })
  )

  it.effect("asks nothing before the time that the server named", () =>
    Effect.gen(function* () {
      const { bySecond, request } = server((now) => (now < 1000 ? 503 : 200))
      const limit = yield* AdaptiveLimit.make(4)
      const busyFor20 = (status: number): AdaptiveLimit.Load =>
        status === 503 ? { busy: true, retryAfter: 20_000 } : { busy: false }
      const first = yield* Effect.forkChild(limit.run(request, busyFor20), { startImmediately: true })
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(first)
      const second = yield* Effect.forkChild(limit.run(request, busyFor20), { startImmediately: true })
      yield* TestClock.adjust("19 seconds")
      assert.deepStrictEqual([...bySecond.keys()], [0])
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* Fiber.join(second), 200)
    })
  )

  it.effect("gives its place back when a request fails or is interrupted", () =>
    Effect.gen(function* () {
      const limit = yield* AdaptiveLimit.make(1)
      yield* Effect.exit(limit.run(Effect.fail("no"), loadOf))
      const stuck = yield* Effect.forkChild(limit.run(Effect.never, loadOf), { startImmediately: true })
      yield* Fiber.interrupt(stuck)
      assert.strictEqual(yield* limit.run(Effect.succeed(200), loadOf), 200)
    })
  )

  it.effect("takes no place for a request that is interrupted while it waits for one", () =>
    Effect.gen(function* () {
      const limit = yield* AdaptiveLimit.make(1)
      const first = yield* Effect.forkChild(limit.run(Effect.as(Effect.sleep("1 second"), 200), loadOf), {
        startImmediately: true
      })
      const second = yield* Effect.forkChild(limit.run(Effect.succeed(200), loadOf), {
        startImmediately: true
      })
      yield* Fiber.interrupt(second)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(first), 200)
      assert.strictEqual(yield* limit.run(Effect.succeed(201), loadOf), 201)
    })
  )
})
