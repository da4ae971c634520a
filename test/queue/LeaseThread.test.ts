import { jetstream } from "@nats-io/jetstream"
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Schedule, Stream } from "effect"
import { createServer } from "node:http"
import * as NatsLeases from "../../src/queue/nats/natsLeases.ts"
import { type Heartbeat, Leases } from "../../src/queue/Leases.ts"
import { localNats } from "../../src/nats/connectionOptions.ts"
import { NatsConnection } from "../../src/nats/NatsConnection.ts"
import { type Delivery, MessageQueue, Settlement } from "../../src/queue/MessageQueue.ts"
import { ensureConsumer } from "../../src/queue/nats/objects.ts"
import * as NatsQueue from "../../src/queue/nats/NatsQueue.ts"
import * as Capacity from "../../src/worker/Capacity.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { queueOptions } from "../support/queueOptions.ts"

/** Collects the heartbeats that a control plane would get, with their times. */
const beats = Effect.acquireRelease(
  Effect.callback<{ url: string; at: Array<number>; close: () => void }>((resume) => {
    const at: Array<number> = []
    const server = createServer((request, response) => {
      at.push(performance.now())
      request.resume()
      response.end("{}")
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}/beat`, at, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const world = (hungAfter: Duration.Input) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { url } = yield* NatsServer
      const nats = { ...localNats, url }
      const thread = NatsLeases.layer({
        nats,
        name: "test",
        hungAfter: Duration.fromInputUnsafe(hungAfter)
      })
      const connection = NatsConnection.layer(nats)
      return Layer.mergeAll(thread, NatsQueue.layer(queueOptions).pipe(Layer.provideMerge(connection)))
    })
  ).pipe(Layer.provideMerge(NatsServer.layer()), Layer.provideMerge(Beats.layer))

class Beats extends Context.Service<Beats, { readonly url: string; readonly at: Array<number> }>()(
  "test/Beats"
) {
  static readonly layer = Layer.effect(Beats, beats)
}

/** The thread sends it: this thread would fail. */
const heartbeat = Effect.map(Beats, ({ url }): Heartbeat => ({
  address: "the control plane",
  every: Duration.millis(200),
  send: Effect.die("the main thread sent a heartbeat"),
  request: { url, headers: {}, body: "{}" }
}))

const takeOne = Effect.gen(function* () {
  const queue = yield* MessageQueue
  const [delivery] = yield* queue.deliveries(yield* Capacity.make(1)).pipe(Stream.take(1), Stream.runCollect)
  return delivery as Delivery
})

const publish = Effect.gen(function* () {
  const nc = yield* (yield* NatsConnection).connection
  yield* ensureConsumer(nc, queueOptions)
  yield* Effect.promise(() => jetstream(nc).publish("noetl.commands", "x"))
})

const expired = (id: string) =>
  Effect.map(Leases, (leases) => leases.expired(id)).pipe(
    Effect.repeat({ until: (yes) => yes, schedule: Schedule.spaced("20 millis") }),
    Effect.timeout("10 seconds")
  )

/** What a tool that never yields does to the main thread. */
const blockMainThread = (millis: number) =>
  Effect.sync(() => {
    const end = performance.now() + millis
    while (performance.now() < end) Math.sqrt(end)
  })

describe.skipIf(noProgram)("The lease thread", () => {
  it.live("keeps leases and heartbeats going while the main thread is blocked", () =>
    Effect.gen(function* () {
      const leases = yield* Leases
      yield* publish
      yield* Effect.forkScoped(leases.run(yield* heartbeat), { startImmediately: true })
      const delivery = yield* leases.hold(yield* takeOne)
      yield* Effect.sleep("300 millis")
      const before = (yield* Beats).at.length
      yield* blockMainThread(3500)
      // Two turns of the event loop bring what waited.
      yield* Effect.sleep("50 millis")
      assert.isTrue((yield* takeOne.pipe(Effect.timeoutOption("1500 millis")))._tag === "None")
      assert.isFalse(leases.expired(delivery.id))
      assert.isAbove((yield* Beats).at.length - before, 5)
      yield* delivery.settle(Settlement.Ack())
    }).pipe(Effect.provide(world("10 seconds")), Effect.scoped)
  )

  it.live("lets go when the main thread hangs for too long, and tells which leases expired", () =>
    Effect.gen(function* () {
      const leases = yield* Leases
      yield* publish
      yield* Effect.forkScoped(leases.run(yield* heartbeat), { startImmediately: true })
      const delivery = yield* leases.hold(yield* takeOne)
      yield* Effect.sleep("300 millis")
      yield* blockMainThread(3500)
      yield* expired(delivery.id)
      const again = yield* takeOne.pipe(Effect.timeout("5 seconds"))
      assert.isAbove(again.attempt, 1)
      yield* again.settle(Settlement.Ack())
    }).pipe(Effect.provide(world("1 second")), Effect.scoped)
  )

  it.live("notices that the queue took no extension, and goes on when the queue is back", () =>
    Effect.gen(function* () {
      const leases = yield* Leases
      const server = yield* NatsServer
      yield* publish
      yield* Effect.forkScoped(leases.run(yield* heartbeat), { startImmediately: true })
      const delivery = yield* leases.hold(yield* takeOne)
      yield* server.kill
      yield* expired(delivery.id)
      yield* server.start
      yield* leases.ownershipConfirmed(delivery.id)
      assert.isFalse(leases.expired(delivery.id))
      yield* delivery.settle(Settlement.Ack())
    }).pipe(Effect.provide(world("10 seconds")), Effect.scoped)
  )
})
