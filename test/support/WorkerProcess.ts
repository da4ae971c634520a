/** The worker as a process, as a container runs it: the sources, a NATS of its own, the fake NoETL server. */
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import type { NatsConnection } from "@nats-io/transport-node"
import { Effect, Layer, Schedule, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import type { Command } from "../../src/domain/Command.ts"
import { FakeNoetl } from "./FakeNoetl.ts"
import { NatsServer } from "./NatsServer.ts"
import { patienceMillis, program } from "./program.ts"

export interface Running {
  readonly child: ChildProcess
  /** What it wrote on stderr so far. */
  readonly log: () => string
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits for the end: the exit code, or the signal that ended it. */
  readonly exit: Effect.Effect<number | NodeJS.Signals>
}

/** The world of a worker process. */
export const world = Layer.mergeAll(NatsServer.layer(), FakeNoetl.layer)

/** Starts a worker and waits until it is registered and pulls. It is killed with the scope. */
export const start = (
  env: Record<string, string> = {},
  entry: ReadonlyArray<string> = [program]
): Effect.Effect<Running, never, NatsServer | FakeNoetl | Scope.Scope> =>
  Effect.gen(function* () {
    const nats = yield* NatsServer
    const server = yield* FakeNoetl
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [...entry], {
          stdio: ["ignore", "ignore", "pipe"],
          env: {
            PATH: process.env["PATH"],
            HOME: process.env["HOME"],
            NATS_URL: nats.url,
            NOETL_SERVER_URL: server.url,
            HEALTH_PORT: "0",
            HEALTH_HOST: "127.0.0.1",
            LOG_FORMAT: "logfmt",
            LOG_LEVEL: "debug",
            WORKER_CANCELLATION_INTERVAL: "60",
            ...env
          }
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    let text = ""
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()))
    const running: Running = {
      child,
      log: () => text,
      signal: (signal) => Effect.sync(() => void child.kill(signal)),
      exit: Effect.callback((resume) => {
        const done = () => resume(Effect.succeed(child.signalCode ?? child.exitCode ?? -1))
        if (child.exitCode !== null || child.signalCode !== null) done()
        else child.once("exit", done)
      })
    }
    yield* until(running, () => text.includes("registered as") && text.includes("lease thread is connected"))
    return running
  })

/** Waits until something is so, and shows the worker's log when that does not come. */
export const until = (running: Running, condition: () => boolean): Effect.Effect<void> =>
  Effect.sleep("20 millis").pipe(
    Effect.repeat({ until: () => Effect.sync(condition), schedule: Schedule.forever }),
    Effect.timeoutOrElse({
      duration: patienceMillis,
      orElse: () =>
        Effect.die(new Error(`it did not come to that; the worker said:\n${running.log().slice(-6000)}`))
    }),
    Effect.asVoid
  )

/** Makes a command claimable and publishes its message. */
export const submit = (nc: NatsConnection, command: Command) =>
  Effect.gen(function* () {
    const body = yield* (yield* FakeNoetl).issue(command)
    yield* Effect.tryPromise(() => jetstream(nc).publish("noetl.commands", body)).pipe(
      Effect.retry(Schedule.spaced("200 millis").pipe(Schedule.upTo({ times: 100 }))),
      Effect.orDie
    )
  })

/** Messages of the worker's consumer that are neither acknowledged nor gone. */
export const unsettled = (nc: NatsConnection) =>
  Effect.promise(async () => {
    const jsm = await jetstreamManager(nc)
    const { num_ack_pending, num_pending } = await jsm.consumers.info("NOETL_COMMANDS", "worker-pool")
    return num_ack_pending + num_pending
  })

/** The names of a command's events, in order. */
export const eventsOf = (command: Command) =>
  Effect.flatMap(FakeNoetl, (server) =>
    Effect.map(server.events, (events) =>
      events.filter((event) => event.commandId === command.commandId).map((event) => event.name)
    )
  )
