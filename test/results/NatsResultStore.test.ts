import { assert, describe, it, layer } from "@effect/vitest"
import { Kvm } from "@nats-io/kv"
import { Effect, Layer } from "effect"
import { gzipSync } from "node:zlib"
import { localNats } from "../../src/nats/connectionOptions.ts"
import { NatsConnection } from "../../src/nats/NatsConnection.ts"
import * as NatsResultStore from "../../src/results/NatsResultStore.ts"
import { ResultStore } from "../../src/results/ResultStore.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { suite } from "./ResultStoreSuite.ts"

const connected = Layer.unwrap(
  Effect.map(NatsServer, ({ url }) => NatsConnection.layer({ ...localNats, url }))
)
const world = NatsResultStore.layer().pipe(
  Layer.provideMerge(connected),
  Layer.provideMerge(NatsServer.layer())
)

describe.skipIf(noProgram)("NatsResultStore", () => {
  it("makes keys as the Python workers do", () => {
    assert.strictEqual(
      NatsResultStore.keyOf("noetl://execution/123/result/load:task_sequence/ab12cd34"),
      "execution_123_result_load.task_sequence_ab12cd34"
    )
  })

  suite(world)

  layer(world, { excludeTestServices: true })((it) => {
    it.effect("reads what a Python worker wrote, compressed or not", () =>
      Effect.gen(function* () {
        const nc = yield* (yield* NatsServer).connect
        const kv = yield* Effect.promise(() =>
          new Kvm(nc).create("noetl_result_store", { ttl: 7_200_000, history: 1 })
        )
        const text = JSON.stringify({ rows: ["x".repeat(20_000)] })
        yield* Effect.promise(() => kv.put("execution_1_result_a_00000001", gzipSync(text)))
        yield* Effect.promise(() => kv.put("execution_1_result_a_00000002", text))
        const store = yield* ResultStore
        for (const n of [1, 2]) {
          const value = yield* store.get(`noetl://execution/1/result/a/0000000${n}`, "kv")
          assert.deepStrictEqual(value, JSON.parse(text))
        }
      })
    )

    it.effect("puts what is too large for a value into the object bucket", () =>
      Effect.gen(function* () {
        const store = yield* ResultStore
        const value = {
          text: Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * i * 7919) % 251)).toString(
            "base64"
          )
        }
        const text = JSON.stringify(value)
        const stored = yield* store.put({ executionId: "1", step: "big" }, { value, text })
        assert.deepStrictEqual(yield* store.get(stored.ref, stored.store), value)
      })
    )

    it.effect("leaves a bucket as it finds it", () =>
      Effect.gen(function* () {
        const nc = yield* (yield* NatsServer).connect
        yield* Effect.promise(() => new Kvm(nc).create("other", { ttl: 60_000, history: 5 }))
        const store = yield* ResultStore.pipe(Effect.provide(NatsResultStore.layer({ bucket: "other" })))
        const stored = yield* store.put({ executionId: "1", step: "s" }, { value: 1, text: "1" })
        assert.strictEqual(yield* store.get(stored.ref, stored.store), 1)
        const status = yield* Effect.promise(async () => (await new Kvm(nc).open("other")).status())
        assert.strictEqual(status.history, 5)
      })
    )
  })

  it.live("says that NATS is away, in time", () =>
    Effect.gen(function* () {
      const server = yield* NatsServer
      const store = yield* ResultStore
      yield* store.put({ executionId: "1", step: "s" }, { value: 1, text: "1" })
      yield* server.kill
      const error = yield* Effect.flip(store.get("noetl://execution/1/result/s/00000000", "kv"))
      assert.strictEqual(error.reason._tag, "StoreUnavailable")
    }).pipe(
      Effect.provide(
        NatsResultStore.layer({ timeout: "500 millis" }).pipe(
          Layer.provideMerge(connected),
          Layer.provideMerge(NatsServer.layer())
        )
      )
    )
  )
})
