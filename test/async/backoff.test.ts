import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Random, Schedule } from "effect"
import { backoff } from "../../src/async/backoff.ts"

const pauses = (random: () => number) =>
  Effect.gen(function* () {
    const step = yield* Schedule.toStep(backoff("100 millis", "1 second"))
    const millis: Array<number> = []
    for (let i = 0; i < 6; i++) millis.push(Math.round(Duration.toMillis((yield* step(0, undefined))[1])))
    return millis
  }).pipe(Effect.provideService(Random.Random, { nextDoubleUnsafe: random, nextIntUnsafe: () => 0 }))

describe("The backoff", () => {
  it.effect("doubles up to the longest pause", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pauses(() => 0.5), [100, 200, 400, 800, 1000, 1000])
    })
  )

  it.effect("is up to a fifth shorter or longer by chance", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* pauses(() => 0)).slice(0, 2), [80, 160])
      assert.deepStrictEqual((yield* pauses(() => 1)).slice(0, 2), [120, 240])
    })
  )
})
