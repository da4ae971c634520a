import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Ref, Schedule, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Supervisor } from "../../src/worker/Supervisor.ts"

const paced = { backoff: Schedule.spaced("1 second") }

describe("Supervisor", () => {
  it.effect("starts a child again after a failure and after a defect", () =>
    Effect.gen(function* () {
      const supervisor = yield* Supervisor
      const runs = yield* Ref.make(0)
      const third = yield* Deferred.make<void>()
      const run = Effect.gen(function* () {
        const n = yield* Ref.updateAndGet(runs, (x) => x + 1)
        if (n === 1) return yield* Effect.fail("typed")
        if (n === 2) return yield* Effect.die(new Error("defect"))
        yield* Deferred.succeed(third, undefined)
        return yield* Effect.never
      })
      yield* supervisor.start({ name: "child", restart: "permanent", run, ...paced })
      yield* TestClock.adjust("3 seconds")
      yield* Deferred.await(third)
      const [status] = yield* supervisor.status
      assert.deepStrictEqual(
        [status?.state, status?.restarts, status?.lastCause],
        ["running", 2, "Error: defect"]
      )
    }).pipe(Effect.provide(Supervisor.layer))
  )

  it.effect("does not start a transient child again when it ended or was interrupted", () =>
    Effect.gen(function* () {
      const supervisor = yield* Supervisor
      const runs = yield* Ref.make(0)
      const count = Ref.update(runs, (x) => x + 1)
      yield* supervisor.start({ name: "ends", restart: "transient", run: count, ...paced })
      yield* supervisor.start({
        name: "interrupts itself",
        restart: "transient",
        run: Effect.andThen(count, Effect.interrupt),
        ...paced
      })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Ref.get(runs), 2)
      assert.deepStrictEqual(
        (yield* supervisor.status).map((child) => child.state),
        ["ended", "ended"]
      )
    }).pipe(Effect.provide(Supervisor.layer))
  )

  it.effect("starts a permanent child again even when it ended well", () =>
    Effect.gen(function* () {
      const supervisor = yield* Supervisor
      const runs = yield* Ref.make(0)
      yield* supervisor.start({
        name: "ends",
        restart: "permanent",
        run: Ref.update(runs, (x) => x + 1),
        ...paced
      })
      yield* TestClock.adjust("2500 millis")
      assert.strictEqual(yield* Ref.get(runs), 3)
    }).pipe(Effect.provide(Supervisor.layer))
  )

  it.effect("never starts a temporary child again", () =>
    Effect.gen(function* () {
      const supervisor = yield* Supervisor
      yield* supervisor.start({ name: "once", restart: "temporary", run: Effect.die("no") })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        (yield* supervisor.status).map((child) => [child.state, child.restarts]),
        [["failed", 0]]
      )
    }).pipe(Effect.provide(Supervisor.layer))
  )

  it.effect("escalates when a child dies more often than it may", () =>
    Effect.gen(function* () {
      const supervisor = yield* Supervisor
      const join = yield* Effect.forkChild(Effect.exit(supervisor.join), { startImmediately: true })
      yield* supervisor.start({
        name: "broken",
        restart: "permanent",
        run: Effect.fail("always"),
        intensity: { restarts: 3, within: "1 minute" },
        ...paced
      })
      yield* TestClock.adjust("10 seconds")
      const exit = yield* Fiber.join(join)
      assert.isTrue(Exit.isFailure(exit))
      assert.match(String(exit), /broken failed 4 times: always/)
    }).pipe(Effect.provide(Supervisor.layer))
  )

  it.effect("forgets old deaths, and starts a child that was healthy with the shortest pause", () =>
    Effect.gen(function* () {
      const supervisor = yield* Supervisor
      const starts = yield* Ref.make<ReadonlyArray<number>>([])
      const run = Effect.gen(function* () {
        const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        const all = yield* Ref.updateAndGet(starts, (list) => [...list, now])
        // Two early deaths, then a life of two minutes.
        if (all.length === 3) yield* Effect.sleep("2 minutes")
        return yield* Effect.fail("again")
      })
      yield* supervisor.start({
        name: "recovers",
        restart: "permanent",
        run,
        backoff: Schedule.exponential("1 second"),
        intensity: { restarts: 2, within: "1 minute" },
        healthyAfter: "1 minute"
      })
      yield* TestClock.adjust("125 seconds")
      const times = (yield* Ref.get(starts)).map((at) => at / 1000)
      assert.deepStrictEqual(times, [0, 1, 3, 124])
    }).pipe(Effect.provide(Supervisor.layer))
  )

  it.effect("stops its children in the reverse order of their start, and waits for each", () =>
    Effect.gen(function* () {
      const supervisor = yield* Supervisor
      const order: Array<string> = []
      const child = (name: string) => ({
        name,
        restart: "permanent" as const,
        run: Effect.never.pipe(
          Effect.onInterrupt(() =>
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => order.push(name))
            )
          )
        )
      })
      const scope = yield* Scope.make()
      yield* Scope.provide(
        Effect.forEach(["a", "b", "c"], (name) => supervisor.start(child(name))),
        scope
      )
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(order, ["c", "b", "a"])
    }).pipe(Effect.provide(Supervisor.layer))
  )
})
