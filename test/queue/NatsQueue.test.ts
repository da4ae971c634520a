import { describe } from "@effect/vitest"
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { Effect, Layer } from "effect"
import { randomUUID } from "node:crypto"
import { localNats } from "../../src/nats/connectionOptions.ts"
import { NatsConnection } from "../../src/nats/NatsConnection.ts"
import * as NatsQueue from "../../src/queue/nats/NatsQueue.ts"
import { defaultStream, list, type DeadLetterStream } from "../../src/queue/nats/deadLetters.ts"
import { ensureConsumer } from "../../src/queue/nats/objects.ts"
import { Publisher, suite } from "../../src/testing/suites/QueueSuite.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { queueOptions } from "../support/queueOptions.ts"

const connection = Layer.unwrap(
  Effect.map(NatsServer, ({ url }) => NatsConnection.layer({ ...localNats, url }))
)

/** Publishes once the stream is there. */
const publisher = (options: NatsQueue.Options, place: DeadLetterStream) =>
  Layer.effect(
    Publisher,
    Effect.gen(function* () {
      const nats = yield* NatsConnection
      const nc = yield* nats.connection
      yield* ensureConsumer(nc, options)
      return Publisher.of({
        publish: (body) =>
          Effect.promise(() => jetstream(nc).publish(options.subject, body)).pipe(Effect.asVoid),
        deadLetters: Effect.orDie(list(nc, place, 100))
      })
    })
  )

describe.skipIf(noProgram)("On a broker of the test's own", () => {
  suite(
    "NatsQueue",
    publisher(queueOptions, defaultStream).pipe(
      Layer.provideMerge(NatsQueue.layer(queueOptions)),
      Layer.provide(connection),
      Layer.provide(NatsServer.layer())
    )
  )
})

const running = process.env["NATS_URL"]

/** Streams with names of their own, gone with the test: the broker is somebody else's. */
const guest = (url: string) =>
  Layer.unwrap(
    Effect.sync(() => {
      const name = `noetl_worker_test_${randomUUID().replaceAll("-", "")}`
      const options = { ...queueOptions, stream: name, subject: `${name}.commands` }
      const deadLetters = { stream: `${name}_dead`, subject: `${name}.dead` }
      const cleaned = Layer.effectDiscard(
        Effect.gen(function* () {
          const nats = yield* NatsConnection
          const nc = yield* nats.connection
          yield* Effect.addFinalizer(() =>
            Effect.promise(async () => {
              const { streams } = await jetstreamManager(nc)
              await Promise.allSettled([streams.delete(name), streams.delete(deadLetters.stream)])
            })
          )
        })
      )
      return Layer.mergeAll(NatsQueue.layer({ ...options, deadLetters }), cleaned).pipe(
        Layer.provideMerge(publisher(options, deadLetters)),
        Layer.provide(NatsConnection.layer({ ...localNats, url }))
      )
    })
  )

if (running !== undefined) {
  describe("On the running broker of NATS_URL", () => {
    suite("NatsQueue", guest(running))
  })
}
