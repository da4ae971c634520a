import type { DuckDBConnection } from "@duckdb/node-api"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Abandoned } from "../../../src/tools/duckdb/Abandoned.ts"
import { defaults } from "../../../src/tools/duckdb/DuckdbOptions.ts"

/** A connection whose statement ends when the test says so. */
const deaf = () => {
  const statement = Promise.withResolvers<string>()
  const seen = { interrupts: 0, closed: 0 }
  const connection = {
    interrupt: () => void seen.interrupts++,
    closeSync: () => void seen.closed++
  } as unknown as DuckDBConnection
  return { connection, seen, statement }
}

const settings = { ...defaults(), interruptGrace: Duration.millis(250), maxAbandoned: 1 }

describe("Abandoned", () => {
  it.effect(
    "a statement that does not listen is left to itself after the grace, with its file and connection",
    () =>
      Effect.gen(function* () {
        const abandoned = new Abandoned(settings)
        const { connection, seen, statement } = deaf()
        const fiber = yield* Effect.forkChild(
          abandoned.run(connection, "a.duckdb", () => statement.promise),
          { startImmediately: true }
        )
        const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(stopping)
        assert.isAbove(seen.interrupts, 5)
        abandoned.close(connection)
        assert.deepStrictEqual([abandoned.count, seen.closed], [1, 0])
        assert.deepInclude((yield* Effect.flip(abandoned.checkFile("a.duckdb", "duckdb"))).failure, {
          code: "DUCKDB_ABANDONED",
          retryable: true
        })
        yield* abandoned.checkFile("b.duckdb", "duckdb")
        assert.include((yield* Effect.flip(abandoned.checkLimit("duckdb"))).message, "no more may be begun")

        statement.resolve("at last")
        yield* Effect.promise(() => statement.promise.then(() => undefined))
        yield* Effect.promise(() => Promise.resolve())
        assert.deepStrictEqual([abandoned.count, seen.closed], [0, 1])
        yield* abandoned.checkFile("a.duckdb", "duckdb")
        yield* abandoned.checkLimit("duckdb")
      })
  )

  it.effect("a statement that listens is waited for, and its connection is closed by its session", () =>
    Effect.gen(function* () {
      const abandoned = new Abandoned(settings)
      const { connection, seen, statement } = deaf()
      const fiber = yield* Effect.forkChild(
        abandoned.run(connection, "a.duckdb", () => statement.promise),
        { startImmediately: true }
      )
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      statement.reject(new Error("INTERRUPT Error: Interrupted!"))
      yield* Fiber.join(stopping)
      abandoned.close(connection)
      assert.deepStrictEqual([abandoned.count, seen.closed], [0, 1])
    })
  )
})
