import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import { ControlPlane, ControlPlaneError, Owner, Unreachable } from "../../src/control-plane/ControlPlane.ts"
import type { Command } from "../../src/domain/Command.ts"
import * as Watch from "../../src/job/Watch.ts"
import { Leases } from "../../src/queue/Leases.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { WorkerConfig } from "../../src/WorkerConfig.ts"

interface World {
  readonly owner?: (command: Command) => Effect.Effect<Owner, ControlPlaneError>
  readonly cancelled?: (executionId: string) => Effect.Effect<boolean, ControlPlaneError>
  readonly expired?: ReadonlySet<string>
}

const world = ({ cancelled, expired, owner }: World) =>
  Layer.mergeAll(
    Layer.mock(ControlPlane, {
      name: "mock",
      workerName: "w",
      heartbeatRequest: undefined,
      address: "test",
      claimPatience: () => Duration.infinity,
      owner: owner ?? (() => Effect.succeed(Owner.Ours())),
      cancelled: (command) => cancelled?.(command.executionId) ?? Effect.succeed(false)
    }),
    Layer.mock(Leases, {
      expired: (id) => expired?.has(id) ?? false,
      ownershipConfirmed: () => Effect.void
    }),
    WorkerConfig.layer({})
  )

/** Watches commands that never end, and says why each was stopped. */
const watching = (names: ReadonlyArray<string>, commands: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    const watch = yield* Watch.make
    const stops = yield* Ref.make<ReadonlyArray<string>>([])
    yield* Effect.forkScoped(watch.run, { startImmediately: true })
    for (const [i, name] of names.entries()) {
      const command = commands[i] ?? aCommand(i + 1)
      const stop = (why: string) => Effect.runSync(Ref.update(stops, (all) => [...all, `${name} ${why}`]))
      yield* Effect.acquireRelease(
        Effect.sync(() => watch.add(name, command, stop)),
        (forget) => Effect.sync(forget)
      )
    }
    return Ref.get(stops)
  })

const unreachable = new ControlPlaneError({ operation: "ask", reason: new Unreachable({ detail: "down" }) })

describe("Watch", () => {
  it.effect("stops a command that was cancelled, and only that one, once", () =>
    Effect.gen(function* () {
      const [a, b] = [aCommand(1), { ...aCommand(2), executionId: "99" as Command["executionId"] }]
      const stops = yield* watching(["a", "b"], [a, b])
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* stops, ["b Cancelled"])
    }).pipe(Effect.provide(world({ cancelled: (id) => Effect.succeed(id === "99") })))
  )

  it.effect(
    "stops a command whose expired lease belongs to somebody else, and keeps one that is still ours",
    () =>
      Effect.gen(function* () {
        const stops = yield* watching(["a", "b", "c"], [aCommand(1), aCommand(2), aCommand(3)])
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(yield* stops, ["b LeaseLost"])
      }).pipe(
        Effect.provide(
          world({
            expired: new Set(["a", "b"]),
            owner: ({ commandId }) =>
              Effect.succeed(commandId === aCommand(2).commandId ? Owner.Other({ name: "x" }) : Owner.Ours())
          })
        )
      )
  )

  it.effect("goes on while the control plane cannot say, and asks again", () => {
    const asked = { count: 0 }
    return Effect.gen(function* () {
      const stops = yield* watching(["a"], [aCommand(1)])
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(asked.count, 2)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(asked.count, 3)
      assert.deepStrictEqual(yield* stops, ["a LeaseLost"])
    }).pipe(
      Effect.provide(
        world({
          expired: new Set(["a"]),
          owner: () =>
            Effect.suspend(() => {
              asked.count += 1
              if (asked.count === 1) return Effect.fail(unreachable)
              return Effect.succeed(asked.count === 2 ? Owner.Unknown() : Owner.Ended())
            })
        })
      )
    )
  })

  it.effect(
    "a question that is never answered is asked once, and keeps no other command from being looked after",
    () => {
      const asked: Array<string> = []
      return Effect.gen(function* () {
        const stops = yield* watching(["a", "b"], [aCommand(1), aCommand(2)])
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(yield* stops, ["b LeaseLost"])
        assert.deepStrictEqual(asked, [aCommand(1).commandId, aCommand(2).commandId])
      }).pipe(
        Effect.provide(
          world({
            expired: new Set(["a", "b"]),
            owner: ({ commandId }) =>
              Effect.suspend(() => {
                asked.push(commandId)
                return commandId === aCommand(1).commandId ? Effect.never : Effect.succeed(Owner.Ended())
              })
          })
        )
      )
    }
  )

  it.effect("leaves a command alone that has ended", () =>
    Effect.gen(function* () {
      const watch = yield* Watch.make
      yield* Effect.forkScoped(watch.run, { startImmediately: true })
      const stopped: Array<string> = []
      const forget = watch.add("a", aCommand(1), (why) => void stopped.push(why))
      forget()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(stopped, [])
    }).pipe(Effect.provide(world({ expired: new Set(["a"]), owner: () => Effect.succeed(Owner.Ended()) })))
  )
})
