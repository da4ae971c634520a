import { jetstream } from "@nats-io/jetstream"
import { Effect, Layer } from "effect"
import { localNats } from "../../src/nats/connectionOptions.ts"
import { NatsConnection } from "../../src/nats/NatsConnection.ts"
import * as NatsQueue from "../../src/queue/NatsQueue.ts"
import { defaultPlace, list } from "../../src/queue/natsDeadLetters.ts"
import { ensureConsumer } from "../../src/queue/natsObjects.ts"
import { Publisher, suite } from "../../src/testing/QueueSuite.ts"
import { NatsServer } from "../support/NatsServer.ts"
import { queueOptions } from "../support/queueOptions.ts"

const connection = Layer.unwrap(
  Effect.map(NatsServer, ({ url }) => NatsConnection.layer({ ...localNats, url }))
)

/** Publishes once the stream is there. */
const publisher = Layer.effect(
  Publisher,
  Effect.gen(function* () {
    const nats = yield* NatsConnection
    const nc = yield* nats.connection
    yield* ensureConsumer(nc, queueOptions)
    return Publisher.of({
      publish: (body) =>
        Effect.promise(() => jetstream(nc).publish("noetl.commands", body)).pipe(Effect.asVoid),
      deadLetters: Effect.orDie(list(nc, defaultPlace, 100))
    })
  })
)

suite(
  "NatsQueue",
  publisher.pipe(
    Layer.provideMerge(NatsQueue.layer(queueOptions)),
    Layer.provide(connection),
    Layer.provide(NatsServer.layer())
  )
)
