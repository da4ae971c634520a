import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Command } from "../../src/domain/Command.ts"
import { CommandId, EventId, ExecutionId } from "../../src/domain/Ids.ts"
import type { Json } from "../../src/domain/Json.ts"
import { hydrate } from "../../src/job/pipeline/hydrate.ts"
import { layer as memory } from "../../src/results/MemoryResultStore.ts"
import { Results } from "../../src/results/Results.ts"
import { ResultStore } from "../../src/results/ResultStore.ts"

const key = { executionId: "7670000000000000123", step: "start" }
const world = () => Results.layer.pipe(Layer.provideMerge(memory()))

describe("A command", () => {
  const command: Command = {
    executionId: ExecutionId.make("1"),
    eventId: EventId.make("2"),
    commandId: CommandId.make("3"),
    step: "s",
    kind: "http",
    config: { url: "u" },
    input: { a: 1 },
    context: { ctx: {} },
    meta: {},
    attempt: 1,
    serverUrl: undefined,
    traceparent: undefined
  }

  it.effect("4.2 gets the parts that were kept elsewhere one by one", () =>
    Effect.gen(function* () {
      const store = yield* ResultStore
      const results = yield* Results
      const elsewhere = (value: Json) =>
        Effect.map(store.put(key, { value, text: "" }), ({ ref }) => ({
          kind: "result_ref",
          ref,
          store: "kv",
          scope: "execution",
          meta: {}
        }))
      const hydrated = yield* hydrate(results, {
        ...command,
        config: yield* elsewhere({ url: "big" }),
        input: yield* elsewhere('{"rows": [7670000000000000123]}'),
        context: yield* elsewhere({ ctx: { page: 2 } })
      })
      assert.deepStrictEqual(hydrated.config, { url: "big" })
      assert.deepStrictEqual(hydrated.input, { rows: [7670000000000000123n] })
      assert.deepStrictEqual(hydrated.context, { ctx: { page: 2 } })
    }).pipe(Effect.provide(world()))
  )

  it.effect("4.2 gets its parts out of a context that was kept elsewhere, its members as JSON text", () =>
    Effect.gen(function* () {
      const store = yield* ResultStore
      const value = {
        tool_config: '{"tasks": [{"kind": "noop"}]}',
        args: { a: 2 },
        render_context: '{"ctx": {"page": 7670000000000000123}}'
      }
      const { ref } = yield* store.put(key, { value, text: "" })
      const context = { kind: "result_ref", ref, store: "kv", scope: "execution", preview: {}, meta: {} }
      const hydrated = yield* hydrate(yield* Results, { ...command, config: {}, input: {}, context })
      assert.deepStrictEqual(hydrated.config, { tasks: [{ kind: "noop" }] })
      assert.deepStrictEqual(hydrated.input, { a: 2 })
      assert.deepStrictEqual(hydrated.context, { ctx: { page: 7670000000000000123n } })
    }).pipe(Effect.provide(world()))
  )

  it.effect("4.2 is left as it is when its parts are here", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* hydrate(yield* Results, command), command)
    }).pipe(Effect.provide(world()))
  )

  it.effect("4.2 fails when a part is gone, in words that a rule can read", () =>
    Effect.gen(function* () {
      const results = yield* Results
      const gone = { kind: "temp_ref", ref: "noetl://execution/1/result/x/00000000", store: "kv" }
      const error = yield* Effect.flip(hydrate(results, { ...command, input: gone }))
      assert.deepInclude(error.failure, { kind: "missing_reference", retryable: true, source: "http" })
      const unresolved = yield* Effect.flip(
        hydrate(results, { ...command, context: { __context_ref__: "noetl://x" } })
      )
      assert.strictEqual(unresolved.failure.kind, "missing_reference")
    }).pipe(Effect.provide(world()))
  )
})
