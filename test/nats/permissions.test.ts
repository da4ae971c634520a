import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { Kvm } from "@nats-io/kv"
import type { NatsConnection as Connection } from "@nats-io/transport-node"
import { Objm } from "@nats-io/obj"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Stream } from "effect"
import { readFileSync } from "node:fs"
import { localNats } from "../../src/nats/connectionOptions.ts"
import { NatsConnection } from "../../src/nats/NatsConnection.ts"
import { type Delivery, MessageQueue, Settlement } from "../../src/queue/MessageQueue.ts"
import { defaultStream } from "../../src/queue/nats/deadLetters.ts"
import { ensureConsumer } from "../../src/queue/nats/objects.ts"
import * as NatsQueue from "../../src/queue/nats/NatsQueue.ts"
import * as Capacity from "../../src/worker/Capacity.ts"
import * as NatsResultStore from "../../src/results/NatsResultStore.ts"
import { ResultStore } from "../../src/results/ResultStore.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { FakeNoetl } from "../support/FakeNoetl.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { eventsOf, start, submit, unsettled, until } from "../support/WorkerProcess.ts"

const block =
  /```\n(permissions \{\n[^`]*\n\})\n```/.exec(readFileSync("docs/nats-permissions.md", "utf8"))?.[1] ?? ""
const lines = [...block.matchAll(/^ {6}"([^"]+)"$/gm)].map(([, subject]) => subject ?? "")

const without = (line: string) =>
  block.replace(`      "${line}"\n`, `      "unused.${lines.indexOf(line)}"\n`)

/** One server, and a user for each thing that can be missing. */
const config = [
  "authorization {",
  "  users: [",
  '    { user: admin, password: "x" }',
  `    { user: worker, password: "x", ${block} }`,
  ...lines.map((line, i) => `    { user: without${i}, password: "x", ${without(line)} }`),
  "  ]",
  "}",
  "no_auth_user: admin"
].join("\n")

const options: NatsQueue.Options = {
  stream: "NOETL_COMMANDS",
  consumer: "worker-pool",
  subject: "noetl.commands",
  filter: undefined,
  ackWait: Duration.seconds(30),
  maxDeliver: 1000,
  maxAckPending: 64,
  update: false,
  pullExpires: Duration.seconds(2)
}

/** What an administrator makes before the worker comes. */
const made = (nc: Connection) =>
  Effect.gen(function* () {
    yield* ensureConsumer(nc, options)
    const jsm = yield* Effect.promise(() => jetstreamManager(nc))
    yield* Effect.promise(() =>
      jsm.streams.add({ name: defaultStream.stream, subjects: [defaultStream.subject] })
    )
    yield* Effect.promise(() => new Kvm(nc).create("noetl_result_store", { history: 1 }))
    yield* Effect.promise(() => new Objm(nc).create("noetl_result_objects", {}))
    for (let i = 0; i < 60; i++) yield* Effect.promise(() => jetstream(nc).publish("noetl.commands", "{}"))
  })

const key = { executionId: aCommand().executionId, step: "s" }
const roundTrip = (text: string) =>
  Effect.gen(function* () {
    const store = yield* ResultStore
    const { ref, store: kind } = yield* store.put(key, { value: text, text: JSON.stringify(text) })
    assert.strictEqual(yield* store.get(ref, kind), text)
  })

/** All that the worker does with NATS, as one user. */
const everything = (url: string, user: string) => {
  const connection = NatsConnection.layer({ ...localNats, url, user, password: "x" })
  return Effect.gen(function* () {
    const queue = yield* MessageQueue
    const deliveries = yield* queue
      .deliveries(yield* Capacity.make(1))
      .pipe(Stream.take(1), Stream.runCollect, Effect.timeout("6 seconds"))
    const delivery = deliveries[0] as Delivery
    yield* delivery.deadLetter({ reason: "r", attempts: 1, at: "t", worker: "w" })
    yield* delivery.settle(Settlement.Ack())
    const waiting = yield* queue.waiting
    assert.isDefined(waiting?.oldestAt)
    yield* roundTrip("small")
    yield* roundTrip(Array.from({ length: 200 }, () => Math.random()).join(""))
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        NatsQueue.layer(options),
        NatsResultStore.layer({ maxValueBytes: 300, gzipAbove: 1_000_000, timeout: "3 seconds" })
      ).pipe(Layer.provideMerge(connection))
    ),
    Effect.timeout("12 seconds"),
    Effect.scoped
  )
}

const world = Layer.mergeAll(NatsServer.layer(config), FakeNoetl.layer)

describe.skipIf(noProgram)("The permissions in docs/nats-permissions.md", () => {
  it.live("are enough, and without any one of them something breaks", () =>
    Effect.gen(function* () {
      const { connect, url } = yield* NatsServer
      yield* made(yield* connect)
      assert.isAbove(lines.length, 10)
      yield* everything(url, "worker")
      const broken = yield* Effect.forEach(
        lines,
        (line, i) => Effect.map(Effect.exit(everything(url, `without${i}`)), (exit) => [line, exit._tag]),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        broken.filter(([, tag]) => tag === "Success").map(([line]) => line),
        []
      )
    }).pipe(Effect.provide(world), Effect.scoped)
  )

  it.live("are enough for a worker as it is run", () =>
    Effect.gen(function* () {
      const { connect, port } = yield* NatsServer
      const nc = yield* connect
      yield* made(nc)
      yield* Effect.promise(async () => (await jetstreamManager(nc)).streams.purge("NOETL_COMMANDS"))
      const worker = yield* start({
        NATS_URL: `nats://worker:x@127.0.0.1:${port}`,
        NATS_CONSUMER: "worker-pool"
      })
      const command = aCommand(1, {
        kind: "shell",
        config: { command: "head -c 90000 /dev/zero | tr '\\\\0' x" }
      })
      yield* submit(nc, command)
      yield* Effect.repeat(Effect.andThen(Effect.sleep("50 millis"), eventsOf(command)), {
        until: (events) => events.includes("command.completed")
      }).pipe(Effect.timeout("20 seconds"))
      yield* Effect.repeat(Effect.andThen(Effect.sleep("50 millis"), unsettled(nc)), {
        until: (n) => n === 0
      })
      yield* until(worker, () => !worker.log().includes("ermissions"))
    }).pipe(Effect.provide(world), Effect.scoped)
  )
})
