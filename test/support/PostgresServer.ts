/**
 * A PostgreSQL server of the test's own: a fresh cluster in a folder of its own, on a free port, gone with the scope.
 *
 * PostgreSQL refuses to run as root, so root starts it as the user `postgres`. Passwords and TLS are on, so that what
 * the tests do is what happens outside.
 */
import { Context, Effect, Layer, ManagedRuntime, Redacted } from "effect"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { Client } from "pg"
import { afterAll, beforeAll } from "vitest"
import type { JsonObject } from "../../src/domain/Json.ts"
import type { Target } from "../../src/tools/postgres/settings.ts"
import { serverCert, serverKey } from "./certificates.ts"
import { freePort } from "./NatsServer.ts"
import { postgresFolders } from "./postgresFolders.ts"

export class PostgresServer extends Context.Service<
  PostgresServer,
  {
    readonly port: number
    /** The settings of a tool that connects to it. */
    readonly settings: JsonObject
    readonly target: Target
    readonly url: string
    /** The folder of a tablespace-like place for files, writable for the server. */
    readonly folder: string
    /** Runs SQL beside whatever is tested. */
    readonly query: (sql: string) => Effect.Effect<ReadonlyArray<Record<string, unknown>>>
    /** Sessions of the tool under test, by what they do. Empty when all are idle or gone. */
    readonly busy: Effect.Effect<ReadonlyArray<Record<string, unknown>>>
    /** All connections but our own. */
    readonly connections: Effect.Effect<number>
    /** SIGQUIT and a new start on the same port. */
    readonly restart: Effect.Effect<void>
  }
>()("test/support/PostgresServer") {
  static readonly layer = Layer.effect(
    PostgresServer,
    Effect.suspend(() => make())
  )
}

/** One server for the tests of a file. */
export const serverOfFile = (): { readonly current: PostgresServer["Service"] } => {
  const runtime = ManagedRuntime.make(PostgresServer.layer)
  const holder: { server: PostgresServer["Service"] | undefined } = { server: undefined }
  beforeAll(async () => {
    holder.server = await runtime.runPromise(PostgresServer)
  })
  afterAll(() => runtime.dispose())
  return {
    get current() {
      if (holder.server === undefined) throw new Error("the server is there only while a test runs")
      return holder.server
    }
  }
}

const user = "worker"
const password = "p@ss/word#1"
const database = "data"

/** Where the programs are: PATH, else the places of the distributions. */
const binaries = (): string => {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...postgresFolders()]
  const found = folders.find(
    (folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres"))
  )
  if (found === undefined) throw new Error("PostgreSQL's server programs (initdb, postgres) are not there")
  return found
}

const make = Effect.fnUntraced(function* () {
  const bin = binaries()
  const owner = yield* ownerOf
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "postgres-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )
  const own = (path: string) =>
    Effect.promise(async () => {
      await chmod(path, path === folder ? 0o755 : 0o600)
      if (owner !== undefined) await chown(path, owner.uid, owner.gid)
    })
  yield* own(folder)
  const files = { "server.crt": serverCert, "server.key": serverKey, password }
  for (const [name, text] of Object.entries(files)) {
    yield* Effect.promise(() => writeFile(join(folder, name), text))
    yield* own(join(folder, name))
  }
  const data = join(folder, "data")
  const as = owner === undefined ? {} : { uid: owner.uid, gid: owner.gid }
  const how = "-U worker -A scram-sha-256 -E UTF8 --locale=C --no-sync".split(" ")
  const passwordFile = join(folder, "password")
  yield* command(join(bin, "initdb"), ["-D", data, "--pwfile", passwordFile, ...how], as)
  const port = yield* freePort
  const state: { child: ChildProcess | undefined } = { child: undefined }
  const start = Effect.suspend(() => {
    const child = spawn(
      join(bin, "postgres"),
      ["-D", data, "-p", String(port), "-k", folder, ...settingsOf(folder)],
      {
        ...as,
        cwd: folder,
        stdio: ["ignore", "ignore", "pipe"]
      }
    )
    state.child = child
    return ready(child)
  })
  yield* Effect.addFinalizer(() => stop(state.child))
  yield* start
  yield* queryAt(port, "postgres", `CREATE DATABASE ${database}`)
  const query = (sql: string) => queryAt(port, database, sql)
  return PostgresServer.of({
    port,
    folder,
    settings: { host: "127.0.0.1", port, user, password, database },
    target: {
      host: "127.0.0.1",
      port,
      user,
      database,
      password: Redacted.make(password),
      sslmode: "disable",
      rootCertificate: undefined,
      certificate: undefined,
      key: undefined,
      pool: "",
      poolSize: undefined
    },
    url: `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`,
    query,
    busy: query(
      "SELECT state, query FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'"
    ),
    connections: Effect.map(
      query(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
      ),
      (rows) => Number(rows[0]?.["n"])
    ),
    restart: Effect.andThen(stop(state.child), start)
  })
})

const settingsOf = (folder: string): ReadonlyArray<string> =>
  [
    "listen_addresses=127.0.0.1",
    "ssl=on",
    `ssl_cert_file=${join(folder, "server.crt")}`,
    `ssl_key_file=${join(folder, "server.key")}`,
    "fsync=off",
    "shared_buffers=64MB",
    "max_connections=60",
    "timezone=Europe/Berlin"
  ].flatMap((setting) => ["-c", setting])

const ownerOf = Effect.promise(async () => {
  if (process.getuid?.() !== 0) return undefined
  const { stdout: uid } = await run("id", ["-u", "postgres"])
  const { stdout: gid } = await run("id", ["-g", "postgres"])
  return { uid: Number(uid), gid: Number(gid) }
})

const run = (file: string, args: ReadonlyArray<string>, options: { uid?: number; gid?: number } = {}) => {
  const { promise, reject, resolve } = Promise.withResolvers<{ stdout: string }>()
  execFile(file, args, { ...options, cwd: "/" }, (error, stdout, stderr) =>
    error === null ? resolve({ stdout }) : reject(new Error(`${error.message}\n${stderr}`))
  )
  return promise
}

const command = (file: string, args: ReadonlyArray<string>, options: { uid?: number; gid?: number }) =>
  Effect.promise(() => run(file, args, options))

const ready = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    let text = ""
    child.once("error", (error) => resume(Effect.die(error)))
    child.once("exit", (code) => resume(Effect.die(new Error(`postgres ended with ${code}:\n${text}`))))
    child.stderr?.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-8000)
      if (text.includes("ready to accept connections")) resume(Effect.void)
    })
  }).pipe(Effect.timeout("20 seconds"), Effect.orDie)

const stop = (child: ChildProcess | undefined) =>
  Effect.callback<void>((resume) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return resume(Effect.void)
    child.removeAllListeners("exit")
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGQUIT")
  })

const queryAt = (port: number, name: string, sql: string) =>
  Effect.promise(async () => {
    const client = new Client({ host: "127.0.0.1", port, user, password, database: name, ssl: false })
    client.on("error", () => undefined)
    await client.connect()
    try {
      const result = await client.query<Record<string, unknown>>(sql)
      return result.rows ?? []
    } finally {
      await client.end()
    }
  })
