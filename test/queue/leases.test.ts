import { describe } from "@effect/vitest"
import { jetstream } from "@nats-io/jetstream"
import { Duration, Effect, Layer } from "effect"
import { createServer } from "node:http"
import { localNats } from "../../src/nats/connectionOptions.ts"
import { NatsConnection } from "../../src/nats/NatsConnection.ts"
import { Leases } from "../../src/queue/Leases.ts"
import { MemoryQueue } from "../../src/queue/MemoryQueue.ts"
import * as NatsLeases from "../../src/queue/nats/natsLeases.ts"
import * as NatsQueue from "../../src/queue/nats/NatsQueue.ts"
import { ensureConsumer } from "../../src/queue/nats/objects.ts"
import { suite } from "../../src/testing/suites/LeasesSuite.ts"
import { Publisher } from "../../src/testing/suites/QueueSuite.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { queueOptions } from "../support/queueOptions.ts"

const memoryPublisher = Layer.effect(
  Publisher,
  Effect.map(MemoryQueue, ({ deadLetters, publish }) => Publisher.of({ deadLetters, publish }))
)

suite("Leases.layerInProcess over memory", {
  layer: Layer.mergeAll(Leases.layerInProcess, memoryPublisher).pipe(
    Layer.provideMerge(MemoryQueue.layer({ lease: "1 second" }))
  )
})

/** Long enough for a thread to start on a busy machine. */
const options = { ...queueOptions, ackWait: Duration.seconds(4) }

const natsPublisher = Layer.effect(
  Publisher,
  Effect.gen(function* () {
    const nc = yield* (yield* NatsConnection).connection
    yield* ensureConsumer(nc, options)
    return Publisher.of({
      publish: (body) => Effect.asVoid(Effect.promise(() => jetstream(nc).publish(options.subject, body))),
      deadLetters: Effect.succeed([])
    })
  })
)

const onNats = (leases: (url: string) => Layer.Layer<Leases>) =>
  Layer.unwrap(
    Effect.map(NatsServer, ({ url }) =>
      Layer.mergeAll(leases(url), natsPublisher.pipe(Layer.provideMerge(NatsQueue.layer(options)))).pipe(
        Layer.provide(NatsConnection.layer({ ...localNats, url }))
      )
    )
  ).pipe(Layer.provide(NatsServer.layer()))

/** A control plane that counts heartbeats. It ends with the process of the test. */
const server = Effect.callback<{ readonly url: string; readonly count: () => number }>((resume) => {
  let count = 0
  const listening = createServer((request, response) => {
    count += 1
    request.resume()
    response.end("{}")
  })
  listening.unref()
  listening.listen(0, "127.0.0.1", () => {
    const address = listening.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    resume(Effect.succeed({ url: `http://127.0.0.1:${port}/`, count: () => count }))
  })
})

describe.skipIf(noProgram)("On NATS", () => {
  suite("Leases.layerInProcess over NATS", { layer: onNats(() => Leases.layerInProcess) })

  suite("The lease thread of NATS", {
    layer: onNats((url) =>
      NatsLeases.layer({ nats: { ...localNats, url }, name: "test", hungAfter: Duration.minutes(1) })
    ),
    received: Effect.map(server, ({ count, url }) => ({
      request: { url, headers: {}, body: "{}" },
      count: Effect.sync(count)
    }))
  })
})
