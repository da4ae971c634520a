import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { aCommand, work, world } from "./pipelineWorld.ts"

const reference = { $noetl_ref: { kind: "keychain", name: "api", field: "token" } }

describe("A task without templates", () => {
  it.effect("gets its settings and the command's arguments as they are", () => {
    const { calls, layer } = world()
    return Effect.gen(function* () {
      const payload = { deep: [{ a: "{ no template }" }] }
      yield* work(aCommand({ payload }, { input: { payload } }))
      assert.strictEqual(calls[0]?.config["payload"], payload)
      assert.strictEqual(calls[0]?.args["payload"], payload)
    }).pipe(Effect.provide(layer))
  })

  it.effect("gets the secrets that stand in its settings as references", () => {
    const { calls, layer } = world()
    return Effect.gen(function* () {
      yield* work(aCommand({ headers: [{ token: reference }] }))
      assert.deepStrictEqual(calls[0]?.config["headers"], [{ token: "keychain-token" }])
    }).pipe(Effect.provide(layer))
  })

  it.effect.each([reference, "{{ keychain.api.token }}"])(
    "gets the secrets that its server left in the arguments: %j",
    (token) => {
      const { calls, layer } = world()
      return Effect.gen(function* () {
        yield* work(aCommand({}, { input: { token } }))
        assert.deepStrictEqual(calls[0]?.args, { token: "keychain-token" })
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("is rendered when a template lies deeper than the search for templates goes", () => {
    const { calls, layer } = world()
    return Effect.gen(function* () {
      const nest = (inner: string, times: number): string =>
        `${"[".repeat(times)}${inner}${"]".repeat(times)}`
      yield* work(aCommand({ deep: JSON.parse(nest('"{{ 1 + 1 }}"', 100)) }))
      assert.strictEqual(JSON.stringify(calls[0]?.config["deep"]), nest("2", 100))
    }).pipe(Effect.provide(layer))
  })
})
