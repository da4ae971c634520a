import { AckPolicy, jetstreamManager } from "@nats-io/jetstream"
import type { NatsConnection } from "@nats-io/transport-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Result, Scope } from "effect"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { load } from "../../src/config/load.ts"
import type { Values } from "../../src/config/settings.ts"
import { examine } from "../../src/doctor/index.ts"
import { matches } from "../../src/queue/nats/check.ts"
import * as pem from "../support/certificates.ts"
import { noetlWorker } from "../support/CommandLine.ts"
import * as HttpStub from "../support/HttpStub.ts"
import { FakeNoetl, type Spoiled } from "../support/FakeNoetl.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"

interface World {
  readonly folder: string
  readonly nats: string
  readonly js: Awaited<ReturnType<typeof jetstreamManager>> | undefined
  readonly server: FakeNoetl["Service"]
}

/** One fault: how it is seeded, and what the doctor says of it. */
interface Fault {
  readonly name: string
  readonly nats?: (folder: string) => string
  readonly seed: (
    world: World
  ) => Partial<Values> | Promise<Partial<Values>> | Effect.Effect<Partial<Values>, never, Scope.Scope>
  readonly memory?: number
  readonly level?: "warning"
  readonly about: string
  readonly cause: RegExp
}

const answering =
  (answer: Spoiled) =>
  ({ server }: World) =>
    Effect.as(
      server.spoil(() => answer),
      {}
    )
const stored = { stored: false }
const file = (path: string, text: string) => {
  writeFileSync(path, text)
  return path
}
const consumer =
  (more: Record<string, unknown>) =>
  async ({ js }: World) => {
    await js?.streams.add({ name: "NOETL_COMMANDS", subjects: ["noetl.commands", "noetl.commands.>"] })
    await js?.consumers.add("NOETL_COMMANDS", {
      durable_name: "worker-pool",
      ack_policy: AckPolicy.Explicit,
      ...more
    })
    return {}
  }
const stream =
  (name: string, subjects: ReadonlyArray<string>) =>
  async ({ js }: World) => {
    await js?.streams.add({ name, subjects: [...subjects] })
    return {}
  }
const tls = (folder: string) =>
  `tls { cert_file: "${file(join(folder, "cert"), pem.serverCert)}", key_file: "${file(join(folder, "key"), pem.serverKey)}" }`
const takenPort = Effect.map(
  Effect.acquireRelease(
    Effect.callback<{ port: number; close: () => void }>((resume) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ port, close: () => server.close() }))
      })
    }),
    ({ close }) => Effect.sync(close)
  ),
  ({ port }): Partial<Values> => ({ healthPort: port })
)
/** Its endpoints, on a port of their own. */
const aWorkerThatIs = (status: "ready" | "paused" | "not ready") =>
  Effect.map(
    HttpStub.make(({ path }, response) => {
      const isReady = path === "/health" || status !== "not ready"
      response.writeHead(isReady ? 200 : 503, { "content-type": "application/json" })
      response.end(JSON.stringify({ status: path === "/health" ? "healthy" : status }))
    }),
    ({ port }): Partial<Values> => ({ healthPort: port })
  )
const script = (folder: string, text: string) => {
  const path = file(join(folder, "python"), text)
  chmodSync(path, 0o755)
  return path
}

const faults: ReadonlyArray<Fault> = [
  {
    name: "NATS is not there",
    seed: () => ({ natsUrl: "nats://127.0.0.1:1" }),
    about: "nats",
    cause: /cannot be reached/
  },
  {
    name: "NATS's host is unknown",
    seed: () => ({ natsUrl: "nats://nowhere.invalid:4222" }),
    about: "nats",
    cause: /is not known/
  },
  {
    name: "the password is wrong",
    nats: () => 'authorization { user: a, password: "b" }',
    seed: () => ({ natsUser: "a", natsPassword: "c" }),
    about: "nats",
    cause: /refuses/
  },
  {
    name: "NATS's certificate is of an unknown authority",
    nats: tls,
    seed: () => ({}),
    about: "nats",
    cause: /no TLS with/
  },
  {
    name: "the nkey's file is missing",
    seed: ({ folder }) => ({ natsNkey: join(folder, "none.nk") }),
    about: "NATS_NKEY_FILE",
    cause: /cannot be read/
  },
  {
    name: "the credentials file is empty",
    seed: ({ folder }) => ({ natsCreds: file(join(folder, "c"), "") }),
    about: "NATS_CREDS_FILE",
    cause: /is empty/
  },
  {
    name: "the nkey's file holds no key",
    seed: ({ folder }) => ({ natsNkey: file(join(folder, "k"), "nothing") }),
    about: "nats",
    cause: /cannot be used|refuses/
  },
  {
    name: "a permission is missing",
    nats: () =>
      'authorization { users: [{ user: a, password: b, permissions { publish: ["$JS.API.INFO"], subscribe: ["_INBOX.>"] } }] }',
    seed: () => ({ natsUser: "a", natsPassword: "b" }),
    about: "nats permissions",
    cause: /STREAM\.NAMES/
  },
  {
    name: "JetStream is off for the account",
    nats: () => "accounts { A { users: [{ user: a, password: b }] } }",
    seed: () => ({ natsUser: "a", natsPassword: "b" }),
    about: "jetstream",
    cause: /no JetStream/
  },
  {
    name: "the stream has other subjects",
    seed: stream("NOETL_COMMANDS", ["other"]),
    about: "stream",
    cause: /has other, not noetl\.commands/
  },
  {
    name: "no stream has the subject",
    seed: () => ({}),
    level: "warning",
    about: "stream",
    cause: /no stream has/
  },
  {
    name: "another stream has the subject",
    seed: stream("jobs", ["noetl.commands"]),
    level: "warning",
    about: "stream",
    cause: /belongs to the stream jobs/
  },
  {
    name: "dead letters would come back as commands",
    seed: stream("NOETL_COMMANDS", ["noetl.>"]),
    about: "NATS_DEAD_LETTER_SUBJECT",
    cause: /come back/
  },
  {
    name: "the durable has other settings",
    seed: consumer({ max_ack_pending: 7, ack_wait: 1e9 }),
    level: "warning",
    about: "consumer worker-pool",
    cause: /max_ack_pending is 7/
  },
  {
    name: "the durable pushes",
    seed: consumer({ deliver_subject: "push" }),
    about: "consumer worker-pool",
    cause: /push consumer/
  },
  {
    name: "the durable takes no acknowledgements",
    seed: consumer({ ack_policy: AckPolicy.None }),
    about: "consumer worker-pool",
    cause: /messages would be lost/
  },
  {
    name: "the server is not there",
    seed: () => ({ serverUrl: "http://127.0.0.1:1" }),
    about: "server",
    cause: /cannot be reached/
  },
  {
    name: "the server's host is unknown",
    seed: () => ({ serverUrl: "http://nowhere.invalid" }),
    about: "server",
    cause: /is not known/
  },
  {
    name: "the server speaks no TLS",
    seed: ({ server }) => ({ serverUrl: server.url.replace("http", "https") }),
    about: "server",
    cause: /no TLS with/
  },
  {
    name: "the token is refused",
    seed: answering({ status: 401, ...stored }),
    about: "server",
    cause: /refuses/
  },
  { name: "the server fails", seed: answering({ status: 500, ...stored }), about: "server", cause: /fails/ },
  {
    name: "the server has too much to do",
    seed: answering({ status: 503, ...stored }),
    level: "warning",
    about: "server",
    cause: /too much/
  },
  {
    name: "something else answers at the server's address",
    seed: answering({ status: 404, ...stored }),
    about: "server",
    cause: /is no NoETL server/
  },
  {
    name: "the server is of another generation",
    seed: ({ server }) =>
      Effect.as(
        server.spoil(({ path }) => ({ status: path === "/api/health" ? 200 : 404, ...stored })),
        {}
      ),
    about: "server",
    cause: /another generation/
  },
  {
    name: "the clocks differ",
    seed: answering({
      status: 200,
      ...stored,
      headers: { date: "Thu, 01 Jan 2026 00:00:00 GMT" },
      body: { items: [] }
    }),
    about: "clock",
    cause: /s apart/
  },
  {
    name: "Python is missing",
    seed: () => ({ pythonPath: "/nowhere/python3" }),
    about: "python",
    cause: /cannot be run/
  },
  {
    name: "Python is too old",
    seed: ({ folder }) => ({ pythonPath: script(folder, "#!/bin/sh\necho 3.6\n") }),
    about: "python",
    cause: /is 3\.6/
  },
  {
    name: "the state folder cannot be written",
    seed: ({ folder }) => ({ stateDir: join(file(join(folder, "f"), ""), "x") }),
    about: "WORKER_STATE_DIR",
    cause: /nothing can be written/
  },
  {
    name: "the journal is no database",
    seed: ({ folder }) => {
      file(join(folder, "journal.sqlite"), "this is no database ".repeat(100))
      return { stateDir: folder }
    },
    about: "WORKER_STATE_DIR",
    cause: /cannot be used/
  },
  {
    name: "the journal dies with the process",
    seed: () => ({ stateDir: undefined }),
    level: "warning",
    about: "WORKER_STATE_DIR",
    cause: /in memory/
  },
  {
    name: "the health port is taken",
    seed: () => takenPort,
    about: "HEALTH_PORT",
    cause: /cannot be listened on/
  },
  {
    name: "a worker has the health port and takes no commands",
    seed: () => aWorkerThatIs("not ready"),
    level: "warning",
    about: "running worker",
    cause: /answers 200 to \/health and 503 to \/ready/
  },
  {
    name: "the memory is too small",
    seed: () => ({ concurrency: 32 }),
    memory: 512 * 1024 * 1024,
    about: "memory",
    cause: /512 MB; 32 slots/
  },
  {
    name: "the grace is shorter than the drain",
    seed: () => ({ grace: Duration.seconds(10) }),
    about: "WORKER_GRACE_SECONDS",
    cause: /before the commands/
  },
  {
    name: "the lease is very short",
    seed: () => ({ natsAckWait: Duration.seconds(1) }),
    level: "warning",
    about: "NATS_ACK_WAIT_SECONDS",
    cause: /short pause/
  },
  {
    name: "there are more slots than the consumer hands out",
    seed: () => ({ concurrency: 200 }),
    level: "warning",
    about: "WORKER_MAX_CONCURRENT",
    cause: /64 messages/
  },
  {
    name: "the heartbeat is slow",
    seed: () => ({ heartbeat: Duration.minutes(5) }),
    level: "warning",
    about: "WORKER_HEARTBEAT_INTERVAL",
    cause: /as dead/
  },
  {
    name: "a certificate has no key",
    seed: ({ folder }) => ({ serverCert: file(join(folder, "c"), pem.clientCert) }),
    about: "NOETL_TLS_CLIENT_KEY",
    cause: /needs its key/
  },
  {
    name: "the key is another certificate's",
    seed: ({ folder }) => ({
      serverCert: file(join(folder, "c"), pem.clientCert),
      serverKey: file(join(folder, "k"), pem.serverKey)
    }),
    about: "NOETL_TLS_CLIENT_KEY",
    cause: /not the certificate's/
  },
  {
    name: "a certificate is no PEM",
    seed: ({ folder }) => ({ natsCert: file(join(folder, "c"), "x"), natsKey: file(join(folder, "k"), "y") }),
    about: "NATS_CERT_FILE",
    cause: /is no PEM/
  },
  {
    name: "the credentials are no YAML",
    seed: ({ folder }) => ({ credentialsFile: file(join(folder, "y"), "a: [1") }),
    about: "NOETL_CREDENTIALS_FILE",
    cause: /neither YAML/
  }
]

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "doctor-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const open = (nc: Effect.Effect<NatsConnection, never, Scope.Scope>) =>
  Effect.flatMap(nc, (connection) => Effect.promise(() => jetstreamManager(connection)))

const defaults = Result.getOrThrow(
  load({ flags: new Map(), env: {}, dotenv: undefined, file: undefined })
).values

/** The settings of a worker with nothing wrong around it. */
const healthy = (world: World): Values => ({
  ...defaults,
  natsUrl: world.nats,
  serverUrl: world.server.url,
  stateDir: join(world.folder, "state"),
  healthPort: 0,
  healthHost: "127.0.0.1"
})

const world = (natsConfig: ((folder: string) => string) | undefined) =>
  Effect.gen(function* () {
    const folder = yield* temporary
    const context = yield* Layer.build(
      Layer.mergeAll(NatsServer.layer(natsConfig?.(folder)), FakeNoetl.layer)
    )
    return yield* Effect.gen(function* () {
      const nats = yield* NatsServer
      const js = natsConfig === undefined ? yield* open(nats.connect) : undefined
      const made: World = { folder, nats: nats.url, js, server: yield* FakeNoetl }
      return made
    }).pipe(Effect.provide(context))
  })

describe.skipIf(noProgram)("The doctor", () => {
  describe.concurrent("names the cause and a cure when", () => {
    it.live.each(faults)("$name", (fault) =>
      Effect.gen(function* () {
        const made = yield* world(fault.nats)
        const seeded = fault.seed(made)
        const changed = Effect.isEffect(seeded) ? yield* seeded : yield* Effect.promise(async () => seeded)
        const findings = yield* examine(
          { ...healthy(made), ...changed },
          { memory: Effect.succeed(fault.memory) }
        )
        const found = findings.find(({ about, cause }) => about === fault.about && fault.cause.test(cause))
        assert.isDefined(
          found,
          JSON.stringify(
            findings.filter(({ level }) => level !== "ok"),
            null,
            1
          )
        )
        assert.strictEqual(found?.level, fault.level ?? "problem")
        assert.isAbove(found?.cure?.length ?? 0, 10)
      }).pipe(Effect.scoped)
    )
  })

  it.live("finds nothing wrong where nothing is, and leaves everything as it was", () =>
    Effect.gen(function* () {
      const made = yield* world(undefined)
      yield* Effect.promise(() => consumer({ ack_wait: 30e9, max_ack_pending: 64, max_deliver: 1000 })(made))
      const findings = yield* examine(healthy(made), { memory: Effect.succeed(undefined) })
      assert.deepStrictEqual(
        findings.filter(({ level }) => level !== "ok"),
        []
      )
      const names = yield* Effect.promise(async () => made.js?.streams.list().next())
      assert.deepStrictEqual(
        names?.map(({ config }) => config.name),
        ["NOETL_COMMANDS"]
      )
    }).pipe(Effect.scoped)
  )

  it.live.each(["ready", "paused"] as const)(
    "asks the worker that runs on the port, as in a pod: %s",
    (status) =>
      Effect.gen(function* () {
        const made = yield* world(undefined)
        const findings = yield* examine({ ...healthy(made), ...(yield* aWorkerThatIs(status)) })
        const found = findings.find(({ about }) => about === "running worker")
        assert.deepInclude(found, { level: "ok" })
        assert.isUndefined(findings.find(({ about }) => about === "HEALTH_PORT"))
      }).pipe(Effect.scoped)
  )

  it.live("ends with 1 on a problem, and with 0 without one", () =>
    Effect.gen(function* () {
      const made = yield* world(undefined)
      const env = { NATS_URL: made.nats, NOETL_SERVER_URL: made.server.url, HEALTH_PORT: "0" }
      const good = yield* noetlWorker(["doctor"], env)
      assert.strictEqual(good.code, 0, good.stdout)
      assert.match(good.stdout, /0 problems, \d+ warnings/)
      const bad = yield* noetlWorker(["doctor"], { ...env, NATS_URL: "nats://127.0.0.1:1" })
      assert.strictEqual(bad.code, 1)
      assert.match(bad.stdout, /PROBLEM nats: .*cannot be reached.*\n\s+→ start NATS/)
    }).pipe(Effect.scoped)
  )

  it("knows which subjects a stream's pattern takes", () => {
    assert.deepStrictEqual(
      [">", "a.>", "a.*", "a.b", "a", "*.b.c"].map((pattern) => matches(pattern, "a.b")),
      [true, true, true, true, false, false]
    )
  })
})
