/**
 * A nats-server of the test's own, with JetStream in a folder of its own, as a service.
 *
 * It takes a free port, and is up only when the process that was started says that it listens there. `kill` and
 * `start` end it hard and bring it back on the same port and folder.
 */
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { Context, Effect, Layer, Schedule } from "effect"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

export class NatsServer extends Context.Service<
  NatsServer,
  {
    readonly url: string
    readonly port: number
    /** SIGKILL. */
    readonly kill: Effect.Effect<void>
    readonly start: Effect.Effect<void>
    /** A connection for the test itself, closed with the scope. */
    readonly connect: Effect.Effect<NatsConnection, never, import("effect").Scope.Scope>
  }
>()("test/support/NatsServer") {
  static readonly layer = (config = ""): Layer.Layer<NatsServer> => Layer.effect(NatsServer, make(config))
}

/** The executable, by NATS_SERVER or on PATH. */
const executable = process.env["NATS_SERVER"] ?? "nats-server"

/**
 * There is no program of a server, and somebody named a running one: what has to stop, restart or configure a broker
 * cannot run. Where there is neither, those tests run and say what is missing.
 */
export const noProgram =
  process.env["NATS_URL"] !== undefined && spawnSync(executable, ["--version"]).error !== undefined

const make = Effect.fnUntraced(function* (extra: string) {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "nats-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )
  const port = yield* freePort
  const configFile = join(folder, "nats.conf")
  yield* Effect.promise(() =>
    writeFile(
      configFile,
      `host: 127.0.0.1\nport: ${port}\njetstream { store_dir: ${JSON.stringify(join(folder, "js"))} }\n${extra}\n`
    )
  )
  const state: { child: ChildProcess | undefined } = { child: undefined }
  const url = `nats://127.0.0.1:${port}`
  const kill = Effect.suspend(() => stop(state.child, "SIGKILL"))
  const start = Effect.suspend(() => {
    const child = spawn(executable, ["-c", configFile], { stdio: ["ignore", "ignore", "pipe"] })
    state.child = child
    return listening(child, port)
  })
  yield* Effect.addFinalizer(() => kill)
  yield* start
  return NatsServer.of({
    url,
    port,
    kill,
    start,
    connect: Effect.acquireRelease(
      Effect.promise(() => connect({ servers: url })),
      (nc) => Effect.promise(() => nc.close())
    )
  })
})

export const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() =>
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
    )
  })
})

const listening = (child: ChildProcess, port: number) =>
  Effect.callback<void>((resume) => {
    let text = ""
    child.once("error", (error) => resume(Effect.die(error)))
    child.once("exit", (code) =>
      resume(Effect.die(new Error(`nats-server ended with ${code} on ${port}:\n${text}`)))
    )
    child.stderr?.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-8000)
      if (text.includes("Server is ready")) resume(Effect.void)
    })
  }).pipe(Effect.timeout("20 seconds"), Effect.retry(Schedule.recurs(0)), Effect.orDie)

const stop = (child: ChildProcess | undefined, signal: NodeJS.Signals) =>
  Effect.callback<void>((resume) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return resume(Effect.void)
    child.removeAllListeners("exit")
    child.once("exit", () => resume(Effect.void))
    child.kill(signal)
  })
