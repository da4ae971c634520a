import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Json, JsonObject } from "../../src/domain/Json.ts"
import { ResultMissing, ResultStore, failed } from "../../src/results/ResultStore.ts"
import { Results } from "../../src/results/Results.ts"
import { ArtifactTool } from "../../src/tools/ArtifactTool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { aCommand, work, world } from "./pipelineWorld.ts"

const ref = "noetl://execution/1/result/start/0a1b2c3d"
const kept = { items: [1, 2, 3], count: 3 }

const stored = Results.layerWith().pipe(
  Layer.provide(
    Layer.succeed(ResultStore, {
      name: "test",
      put: () => Effect.die(new Error("nothing is stored")),
      get: (asked) =>
        asked === ref
          ? Effect.succeed(kept)
          : Effect.fail(failed(asked, new ResultMissing({ detail: "not found" })))
    })
  )
)

const tools = Toolbox.layerLive(ArtifactTool).pipe(Layer.provide(stored))

const get = (task: JsonObject, context: JsonObject = {}) =>
  work(aCommand([{ name: "load", kind: "artifact", action: "get", ...task }], { context })).pipe(
    Effect.provide(Layer.mergeAll(world().layer, tools))
  )

const references: ReadonlyArray<readonly [string, JsonObject, JsonObject]> = [
  ["as text", { input: { result_ref: ref } }, {}],
  ["as the object of a reference", { input: { result_ref: { kind: "result_ref", ref, store: "kv" } } }, {}],
  ["in the tool's own settings", { result_ref: ref }, {}],
  ["under the name of result_fetch", { kind: "result_fetch", ref }, {}],
  ["read from a step", { input: { result_ref: "{{ start._ref }}" } }, { start: { _ref: ref, count: 3 } }]
]

describe("6.8 artifact", () => {
  it.effect.each(references)("gives the stored value of a reference %s", ([, task, context]) =>
    Effect.gen(function* () {
      const { data, status } = yield* get(task, context)
      assert.strictEqual(status, "success")
      assert.deepInclude(data as JsonObject, { load: kept, count: 3 })
    })
  )

  const wrong: ReadonlyArray<readonly [string, JsonObject, string, RegExp]> = [
    ["that is undefined", { input: { result_ref: "{{ start._ref }}" } }, "not_found", /no result_ref/],
    ["that is no reference", { input: { result_ref: "elsewhere" } }, "config", /noetl:\/\/ reference/],
    ["that is gone", { input: { result_ref: `${ref}0` } }, "missing_reference", /not found/],
    ["for another action", { action: "put", input: { result_ref: ref } }, "config", /expected "get"/]
  ]

  it.effect.each(wrong)("fails with a kind for a reference %s", ([, task, kind, text]) =>
    Effect.gen(function* () {
      const { error, status } = yield* get(task)
      assert.strictEqual(status, "error")
      assert.strictEqual(error?.kind as Json, kind)
      assert.match(error?.message ?? "", text)
    })
  )
})
