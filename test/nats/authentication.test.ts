import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connectionOptions, localNats, type NatsSettings } from "../../src/nats/connectionOptions.ts"
import { NatsConnection } from "../../src/nats/NatsConnection.ts"
import * as pem from "../support/certificates.ts"
import { nkey, operator } from "../support/natsIdentity.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "nats-auth-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

const write = (path: string, text: string) => Effect.promise(() => writeFile(path, text))

const waitUntil = (condition: Effect.Effect<boolean>) =>
  condition.pipe(
    Effect.repeat({ until: (yes) => yes, schedule: Schedule.spaced("50 millis") }),
    Effect.timeout("15 seconds")
  )

/** Runs a test with a connection as the worker opens it. */
const connected = <A, E>(
  config: string,
  settings: Partial<NatsSettings>,
  body: (nats: NatsConnection["Service"], server: NatsServer["Service"]) => Effect.Effect<A, E>
) =>
  Effect.gen(function* () {
    const server = yield* NatsServer
    const layer = NatsConnection.layer({ ...localNats, url: server.url, ...settings })
    const context = yield* Layer.build(layer)
    return yield* Effect.flatMap(NatsConnection, (nats) =>
      Effect.andThen(nats.connection.pipe(Effect.timeout("10 seconds")), body(nats, server))
    ).pipe(Effect.provide(context))
  }).pipe(Effect.provide(NatsServer.layer(config)), Effect.scoped)

/** The server as it would be after a change of its configuration: it comes back, and the client with it. */
const comesBack = (nats: NatsConnection["Service"], server: NatsServer["Service"]) =>
  Effect.gen(function* () {
    yield* server.kill
    yield* waitUntil(Effect.map(nats.isUp, (up) => !up))
    yield* server.start
    yield* waitUntil(nats.isUp)
  })

describe.skipIf(noProgram)("Authentication at NATS", () => {
  it.live("connects with an nkey, and with the next one when the file was rotated", () =>
    Effect.gen(function* () {
      const nkeyFile = join(yield* folder, "seed.nk")
      const [first, second] = [nkey(), nkey()]
      yield* write(nkeyFile, `# a seed\n${first.seed}\n`)
      const users = `authorization { users: [{ nkey: ${first.publicKey} }, { nkey: ${second.publicKey} }] }`
      yield* connected(users, { nkeyFile }, (nats, server) =>
        Effect.gen(function* () {
          assert.isTrue(yield* nats.isUp)
          yield* write(nkeyFile, second.seed)
          yield* comesBack(nats, server)
        })
      )
    }).pipe(Effect.scoped)
  )

  it.live("goes on with the last good key while the file is empty or gone", () =>
    Effect.gen(function* () {
      const nkeyFile = join(yield* folder, "seed.nk")
      const key = nkey()
      yield* write(nkeyFile, key.seed)
      yield* connected(
        `authorization { users: [{ nkey: ${key.publicKey} }] }`,
        { nkeyFile },
        (nats, server) =>
          Effect.gen(function* () {
            yield* write(nkeyFile, "")
            yield* comesBack(nats, server)
            yield* Effect.promise(() => rm(nkeyFile))
            yield* comesBack(nats, server)
          })
      )
    }).pipe(Effect.scoped)
  )

  it.live("connects with a JWT from a credentials file, and with the next one when it was rotated", () =>
    Effect.gen(function* () {
      const credsFile = join(yield* folder, "worker.creds")
      const { config, creds } = operator()
      yield* write(credsFile, creds("one"))
      yield* connected(config, { credsFile }, (nats, server) =>
        Effect.gen(function* () {
          assert.isTrue(yield* nats.isUp)
          yield* write(credsFile, creds("two"))
          yield* comesBack(nats, server)
        })
      )
    }).pipe(Effect.scoped)
  )

  it.live("connects with a client certificate, and reads it again at each reconnect", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const file = (name: string) => join(path, name)
      for (const [name, text] of Object.entries({ ...pem })) yield* write(file(name), text)
      const tls =
        `tls { cert_file: "${file("serverCert")}", key_file: "${file("serverKey")}", ` +
        `ca_file: "${file("ca")}", verify: true }`
      yield* connected(
        tls,
        { caFile: file("ca"), certFile: file("clientCert"), keyFile: file("clientKey") },
        (nats, server) =>
          Effect.gen(function* () {
            assert.isTrue(yield* nats.isUp)
            yield* write(file("clientCert"), "half a certif")
            yield* server.kill
            yield* server.start
            assert.isFalse(yield* nats.isUp)
            yield* write(file("clientCert"), pem.clientCert)
            yield* waitUntil(nats.isUp)
          })
      )
    }).pipe(Effect.scoped)
  )

  it("names the file that holds no key", () => {
    assert.throws(
      () => connectionOptions({ ...localNats, nkeyFile: "/nowhere/seed.nk" }, "test"),
      "/nowhere/seed.nk: ENOENT"
    )
    assert.throws(
      () => connectionOptions({ ...localNats, nkeyFile: "/dev/null" }, "test"),
      "/dev/null: there is no nkey seed in it"
    )
    assert.throws(
      () => connectionOptions({ ...localNats, credsFile: "/dev/null" }, "test"),
      "/dev/null: unable to parse credentials"
    )
  })
})
