import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Layer, Context } from "effect"
import { TestClock } from "effect/testing"
import { withinOrElse } from "../../src/async/within.ts"

const late = () => Effect.succeed("late")
const forked = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

class Name extends Context.Service<Name, string>()("test/Name") {}

describe("Work within a deadline", () => {
  it.effect("gives its value or its failure, at once or later", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Effect.succeed("now").pipe(withinOrElse(100, late)), "now")
      assert.deepStrictEqual(
        yield* Effect.exit(Effect.fail("no").pipe(withinOrElse(100, late))),
        Exit.fail("no")
      )
      const slow = yield* forked(Effect.as(Effect.sleep(50), "slow").pipe(withinOrElse(100, late)))
      yield* TestClock.adjust("50 millis")
      assert.strictEqual(yield* Fiber.join(slow), "slow")
    })
  )

  it.effect("is interrupted at the deadline, and the other effect runs after its cleanup", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const note = (what: string) => Effect.sync(() => void order.push(what))
      const fiber = yield* forked(
        Effect.never.pipe(
          Effect.ensuring(Effect.andThen(Effect.sleep(10), note("cleaned up"))),
          withinOrElse(100, () => Effect.as(note("late"), "late"))
        )
      )
      yield* TestClock.adjust("109 millis")
      assert.deepStrictEqual(order, [])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(fiber), "late")
      assert.deepStrictEqual(order, ["cleaned up", "late"])
    })
  )

  it.effect("that breaks in its cleanup at the deadline shows the defect", () =>
    Effect.gen(function* () {
      const fiber = yield* forked(
        Effect.never.pipe(Effect.ensuring(Effect.die("broken")), withinOrElse(100, late))
      )
      yield* TestClock.adjust("100 millis")
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.hasDies(exit))
    })
  )

  it.effect("interrupted from outside, it interrupts the work and waits for its cleanup", () =>
    Effect.gen(function* () {
      const cleanedUp = yield* Latch.make()
      const fiber = yield* forked(Effect.never.pipe(Effect.ensuring(cleanedUp.open), withinOrElse(100, late)))
      yield* Fiber.interrupt(fiber)
      yield* cleanedUp.await
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.hasInterrupts(exit))
    })
  )

  it.effect("has the services of its caller, and infinite time when asked to", () =>
    Effect.gen(function* () {
      const name = yield* Name
      assert.strictEqual(yield* Name.pipe(withinOrElse(100, late)), name)
      const slow = yield* forked(Effect.as(Effect.sleep("1 day"), "slow").pipe(withinOrElse(Infinity, late)))
      yield* TestClock.adjust("1 day")
      assert.strictEqual(yield* Fiber.join(slow), "slow")
    }).pipe(Effect.provide(Layer.succeed(Name, "mine")))
  )
})
