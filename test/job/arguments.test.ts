import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { aCommand, work, world } from "./pipelineWorld.ts"

describe("Arguments of a task", () => {
  it.effect("that come to nothing are null, so that a program that names them finds them", () =>
    Effect.gen(function* () {
      const { calls, layer } = world()
      const input = { there: "{{ x }}", gone: "{{ nowhere.at.all }}" }
      yield* work(aCommand({ input }, { context: { x: 1 } })).pipe(Effect.provide(layer))
      assert.deepStrictEqual(calls[0]?.args, { there: 1, gone: null })
    })
  )
})
