import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Jobs } from "../../src/jobs/Jobs.ts"
import * as PostgresJobs from "../../src/jobs/PostgresJobs.ts"
import { MessageQueue, Settlement } from "../../src/queue/MessageQueue.ts"
import { migrate, versionOf } from "../../src/queue/postgres/migrate.ts"
import * as PostgresQueue from "../../src/queue/postgres/PostgresQueue.ts"
import { steps } from "../../src/queue/postgres/schema/index.ts"
import * as Capacity from "../../src/worker/Capacity.ts"
import { freshDatabase, queueOptions, rows } from "../support/PostgresJobs.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

const server = serverOfFile()
const at = (version?: number) => freshDatabase(() => server.current, version)

const takeOne = Effect.gen(function* () {
  const queue = yield* MessageQueue
  return yield* queue.deliveries(yield* Capacity.make(1)).pipe(
    Stream.take(1),
    Stream.runForEach((delivery) => delivery.settle(Settlement.Ack()))
  )
}).pipe(Effect.provide(PostgresQueue.layer(queueOptions)))

describe("The schema of jobs", () => {
  it.live.each(Array.from({ length: steps.length }, (_, version) => version))(
    "comes forward from version %i, and a job goes through",
    (version) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* versionOf, version)
        assert.strictEqual((yield* migrate()).length, steps.length - version)
        const { id } = yield* (yield* Jobs).submit({ kind: "a", payload: null })
        yield* takeOne
        assert.strictEqual((yield* (yield* Jobs).result(id)).status, "succeeded")
      }).pipe(Effect.provide(PostgresJobs.layer.pipe(Layer.provideMerge(at(version)))))
  )

  it.live("is made once by workers that start together, and stays as it is after that", () =>
    Effect.gen(function* () {
      const done = yield* Effect.all(
        Array.from({ length: 6 }, () => migrate()),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(done.flat().length, steps.length)
      assert.deepStrictEqual(yield* migrate(), [])
    }).pipe(Effect.provide(at(0)))
  )

  it.live("stops a worker that is older than it allows, with a sentence", () =>
    Effect.gen(function* () {
      yield* rows("UPDATE worker_schema SET oldest_worker = 2")
      yield* rows("SELECT worker_enqueue('default', 'a')")
      const error = yield* Effect.flip(takeOne)
      assert.match(error.message, /knows version 1 .* asks for 2 at least: run a newer worker/)
    }).pipe(Effect.provide(at()))
  )

  it.live("is missed with a sentence", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(takeOne)
      assert.match(error.message, /run noetl-worker queue migrate/)
    }).pipe(Effect.provide(at(0)))
  )
})
