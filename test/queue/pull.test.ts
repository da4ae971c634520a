import { assert, describe, it } from "@effect/vitest"
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import type { Msg, NatsConnection } from "@nats-io/transport-node"
import { connect } from "@nats-io/transport-node"
import { Duration, Effect, Exit, Fiber, Scope } from "effect"
import { ensureConsumer } from "../../src/queue/nats/objects.ts"
import * as Pull from "../../src/queue/nats/pull.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { queueOptions } from "../support/queueOptions.ts"
import { until } from "../support/until.ts"

/** With a lease so long that a message comes again only when it was handed back. */
const options = { ...queueOptions, ackWait: Duration.seconds(30) }

const deliveriesOf = (message: Msg): number => Number(message.reply?.split(".")[4])

/** A connection that comes back by itself, with the consumer and what pulls from it. */
const pulling = (nc: NatsConnection, expires: Duration.Input) =>
  Effect.gen(function* () {
    const info = yield* ensureConsumer(nc, options)
    return yield* Pull.open(nc, {
      stream: info.stream_name,
      consumer: info.name,
      expires: Duration.fromInputUnsafe(expires)
    })
  })

const connection = Effect.flatMap(NatsServer, ({ url }) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100, waitOnFirstConnect: true })
    ),
    (nc) => Effect.promise(() => nc.close())
  )
)

/** A pull that waits, in the background, for a message that does not come. */
const idlePull = (pull: Pull.Puller["pull"]) =>
  Effect.forkChild(
    pull(1, () => undefined),
    { startImmediately: true }
  )

const publish = (nc: NatsConnection, text: string) =>
  Effect.promise(() => jetstream(nc).publish(options.subject, text))

describe.skipIf(noProgram)("Pulls of a NATS consumer", () => {
  it.live("end when the messages came, or when the wait is over", () =>
    Effect.gen(function* () {
      const nc = yield* connection
      const { pull } = yield* pulling(nc, "1 second")
      const got: Array<string> = []
      const take = (message: Msg) => {
        got.push(message.string())
        nc.publish(message.reply ?? "", "+ACK")
      }
      for (const text of ["a", "b", "c"]) yield* publish(nc, text)
      yield* pull(2, take)
      assert.deepStrictEqual(got, ["a", "b"])
      const [took] = yield* Effect.timed(pull(5, take))
      assert.deepStrictEqual(got, ["a", "b", "c"])
      assert.isAbove(Duration.toMillis(took), 500)
    }).pipe(Effect.scoped, Effect.provide(NatsServer.layer()))
  )

  it.live("what arrives for a pull that nobody waits for is handed back at once", () =>
    Effect.gen(function* () {
      const nc = yield* connection
      const { pull } = yield* pulling(nc, "30 seconds")
      const given = yield* Effect.forkChild(
        pull(1, () => assert.fail("taken by a pull that was interrupted")),
        { startImmediately: true }
      )
      yield* Effect.promise(() => nc.flush())
      yield* Fiber.interrupt(given)
      const answered = yield* Effect.forkChild(
        Effect.callback<string>((resume) => {
          nc.subscribe("$JS.ACK.>", {
            max: 1,
            callback: (_, message) => resume(Effect.succeed(message.string()))
          })
        }),
        { startImmediately: true }
      )
      yield* Effect.promise(() => nc.flush())
      yield* publish(nc, "late")
      assert.strictEqual(yield* Fiber.join(answered), "-NAK")
      const attempts: Array<number> = []
      yield* pull(1, (message) => attempts.push(deliveriesOf(message))).pipe(Effect.timeout("5 seconds"))
      assert.deepStrictEqual(attempts, [2])
    }).pipe(Effect.scoped, Effect.provide(NatsServer.layer()))
  )

  it.live("what is on its way when the pulling ends is handed back, not kept until its lease is over", () =>
    Effect.gen(function* () {
      const nc = yield* connection
      const scope = yield* Scope.make()
      const first = yield* Effect.provideService(pulling(nc, "30 seconds"), Scope.Scope, scope)
      const given = yield* Effect.forkChild(
        first.pull(50, () => undefined),
        { startImmediately: true }
      )
      yield* Effect.promise(() => nc.flush())
      for (let i = 0; i < 20; i++) nc.publish(options.subject, `${i}`)
      yield* Fiber.interrupt(given)
      yield* Scope.close(scope, Exit.void)
      const attempts: Array<number> = []
      const { pull } = yield* pulling(nc, "2 seconds")
      yield* pull(20, (message) => attempts.push(deliveriesOf(message))).pipe(Effect.timeout("5 seconds"))
      assert.strictEqual(attempts.length, 20)
    }).pipe(Effect.scoped, Effect.provide(NatsServer.layer()))
  )

  it.live("a pull that the server forgot, because it was away, breaks soon after it is back", () =>
    Effect.gen(function* () {
      const server = yield* NatsServer
      const nc = yield* connection
      const { broken, pull } = yield* pulling(nc, "30 seconds")
      const waiting = yield* idlePull(pull)
      yield* server.kill
      yield* server.start
      const error = yield* Effect.flip(broken).pipe(Effect.timeout("5 seconds"))
      assert.include(error.message, "the connection was lost")
      yield* Fiber.interrupt(waiting)
    }).pipe(Effect.scoped, Effect.provide(NatsServer.layer()))
  )

  it.live("a server that says nothing at all is noticed by the heartbeats that are missing", () =>
    Effect.gen(function* () {
      const nc = yield* connection
      // Somebody hears the request and does not answer.
      nc.subscribe("$JS.API.CONSUMER.MSG.NEXT.S.deaf", { callback: () => undefined })
      const expires = Duration.seconds(2)
      const { broken, pull } = yield* Pull.open(nc, { stream: "S", consumer: "deaf", expires })
      yield* idlePull(pull)
      const error = yield* Effect.flip(broken).pipe(Effect.timeout("8 seconds"))
      assert.include(error.message, "heartbeats missed")
    }).pipe(Effect.scoped, Effect.provide(NatsServer.layer()))
  )

  it.live("a consumer that is deleted under a pull is said at once", () =>
    Effect.gen(function* () {
      const nc = yield* connection
      const { pull } = yield* pulling(nc, "30 seconds")
      const info = yield* ensureConsumer(nc, options)
      const waiting = yield* Effect.forkChild(Effect.flip(pull(1, () => undefined)), {
        startImmediately: true
      })
      yield* Effect.promise(() => nc.flush())
      yield* Effect.promise(async () =>
        (await jetstreamManager(nc)).consumers.delete(info.stream_name, info.name)
      )
      const deleted = yield* Fiber.join(waiting).pipe(Effect.timeout("5 seconds"))
      assert.include(deleted.message, "409")
    }).pipe(Effect.scoped, Effect.provide(NatsServer.layer()))
  )

  it.live("what somebody else sends to the inbox is no delivery", () =>
    Effect.gen(function* () {
      const nc = yield* connection
      const { pull } = yield* pulling(nc, "2 seconds")
      const inboxes: Array<string> = []
      nc.subscribe("$JS.API.CONSUMER.MSG.NEXT.>", {
        callback: (_, message) => void inboxes.push(message.reply ?? "")
      })
      const got: Array<string> = []
      const waiting = yield* Effect.forkChild(
        pull(1, (message) => got.push(message.string())),
        { startImmediately: true }
      )
      yield* until(
        Effect.sync(() => inboxes.length),
        (length) => length === 1
      )
      nc.publish(inboxes[0] ?? "", "forged")
      yield* publish(nc, "real")
      yield* Fiber.join(waiting)
      assert.deepStrictEqual(got, ["real"])
    }).pipe(Effect.scoped, Effect.provide(NatsServer.layer()))
  )
})
