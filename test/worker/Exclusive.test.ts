import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Semaphore } from "effect"
import * as Capacity from "../../src/worker/Capacity.ts"
import * as Exclusive from "../../src/worker/Exclusive.ts"
import { parkWith, permitOf } from "../../src/worker/Permit.ts"

/** Jobs over some slots: each notes when it runs, and with how many others. */
const world = (concurrency: number) =>
  Effect.gen(function* () {
    const slots = yield* Semaphore.make(concurrency)
    const capacity = yield* Capacity.make(concurrency)
    const exclusive = yield* Exclusive.make(slots, concurrency)
    const running = new Set<string>()
    const seen: Array<string> = []
    const work = (name: string, until: Effect.Effect<void>) =>
      Effect.suspend(() => {
        running.add(name)
        seen.push([...running].join("+"))
        return Effect.ensuring(
          until,
          Effect.sync(() => running.delete(name))
        )
      })
    const start = (name: string, until: Effect.Effect<void>, isAlone: boolean) =>
      Effect.gen(function* () {
        yield* Effect.andThen(exclusive.awaitOthersAllowed, slots.take(1))
        const permit = permitOf(slots, capacity)
        const park = parkWith(permit, { parked: false })
        const job = isAlone ? exclusive.alone(park)(work(name, until)) : work(name, until)
        yield* Effect.ensuring(job, permit.give)
      }).pipe(Effect.forkChild({ startImmediately: true }))
    return { start, seen, slots }
  })

describe("A job that runs alone", () => {
  it.effect("waits for those that run, and keeps those that come", () =>
    Effect.gen(function* () {
      const { seen, slots, start } = yield* world(3)
      const [ordinary, alone] = [yield* Latch.make(), yield* Latch.make()]
      const fibers = [
        yield* start("a", ordinary.await, false),
        yield* start("b", ordinary.await, false),
        yield* start("suspect", alone.await, true),
        yield* start("late", Effect.void, false)
      ]
      assert.deepStrictEqual(seen, ["a", "a+b"])
      yield* ordinary.open
      yield* alone.open
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(seen, ["a", "a+b", "suspect", "late"])
      assert.strictEqual(yield* slots.takeIfAvailable(3), true)
    })
  )

  it.effect("has its turn after another one, though both hold a slot", () =>
    Effect.gen(function* () {
      const { seen, slots, start } = yield* world(2)
      const ordinary = yield* Latch.make()
      const fibers = [
        yield* start("a", ordinary.await, false),
        yield* start("one", Effect.yieldNow, true),
        yield* start("two", Effect.yieldNow, true)
      ]
      yield* ordinary.open
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(seen.slice(1).toSorted(), ["one", "two"])
      assert.strictEqual(yield* slots.takeIfAvailable(2), true)
    })
  )

  it.effect("gives everything back when it is interrupted while it waits", () =>
    Effect.gen(function* () {
      const { seen, slots, start } = yield* world(3)
      const ordinary = yield* Latch.make()
      const first = yield* start("a", ordinary.await, false)
      const waiting = yield* start("suspect", Effect.void, true)
      yield* Fiber.interrupt(waiting)
      yield* Fiber.join(yield* start("b", Effect.void, false))
      yield* ordinary.open
      yield* Fiber.join(first)
      assert.deepStrictEqual(seen, ["a", "a+b"])
      assert.strictEqual(yield* slots.takeIfAvailable(3), true)
    })
  )
})
