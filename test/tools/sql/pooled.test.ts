import { assert, describe, it } from "@effect/vitest"
import { Effect, Scope, Exit } from "effect"
import * as Pooled from "../../../src/tools/sql/pooled.ts"

const made = (capacity: number) =>
  Effect.gen(function* () {
    const log: Array<string> = []
    const pool = yield* Pooled.make({
      lookup: (key: string) =>
        Effect.acquireRelease(
          Effect.sync(() => `${key}!`),
          () => Effect.sync(() => log.push(`closed ${key}`))
        ),
      idleTimeToLive: "1 hour",
      capacity
    })
    const use = (key: string) => Effect.scoped(pool.get(key))
    return { log, pool, use }
  })

describe("pooled", () => {
  it.effect("the one that was idle for longest makes place, and one in use never does", () =>
    Effect.gen(function* () {
      const { log, pool, use } = yield* made(3)
      const held = yield* Scope.make()
      yield* Scope.provide(pool.get("held"), held)
      for (const key of ["a", "b", "a", "c", "d"]) assert.strictEqual(yield* use(key), `${key}!`)
      assert.deepStrictEqual(log, ["closed b", "closed a"])
      yield* Scope.close(held, Exit.void)
      yield* use("e")
      yield* use("f")
      assert.deepStrictEqual(log.slice(2), ["closed c", "closed d"])
      assert.strictEqual(yield* pool.size, 3)
    }).pipe(Effect.scoped)
  )

  it.effect("only where all are in use there is none left", () =>
    Effect.gen(function* () {
      const { pool } = yield* made(2)
      yield* pool.get("a")
      yield* pool.get("b")
      yield* pool.get("a")
      assert.strictEqual((yield* Effect.flip(pool.get("c")))._tag, "ExceededCapacityError")
    }).pipe(Effect.scoped)
  )
})
