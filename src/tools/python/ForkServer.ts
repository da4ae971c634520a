/**
 * A warm Python process that forks one child for each command. The child is a process of its own, with an image that
 * no command has touched: what it changes, it takes with it. The server sees paths, limits and ids, never a program,
 * an argument or a secret, because those would still be in its memory when it forks the next one.
 */
import { Deferred, Duration, Effect, Ref, Schema, type Scope, Semaphore } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import type { Limits } from "../process/Limits.ts"
import * as ProcessTree from "../process/ProcessTree.ts"
import type { ExitStatus, Launched, Order } from "../process/spawn.ts"
import { ToolError, Unavailable } from "../../domain/ToolError.ts"
import { program } from "./source/index.ts"

export interface Spec {
  readonly interpreter: string
  readonly preload: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  readonly oomScoreAdj: number
  readonly patience: Duration.Duration
}

export interface ForkServer {
  /** For `ProcessRunner.run`: starts the server when there is none. */
  readonly launch: (order: Order) => Effect.Effect<Launched, ToolError, Scope.Scope>
}

export const make = Effect.fnUntraced(function* (spec: Spec) {
  const current = yield* Ref.make<Server | undefined>(undefined)
  const one = yield* Semaphore.make(1)
  yield* Effect.addFinalizer(() =>
    Effect.flatMap(Ref.get(current), (server) => (server === undefined ? Effect.void : stop(server)))
  )

  const running = one.withPermit(
    Effect.gen(function* () {
      const known = yield* Ref.get(current)
      if (known?.isAlive() === true) return known
      const server = yield* start(spec)
      yield* Ref.set(current, server)
      return server
    })
  )
  return {
    launch: (order) => {
      const attempt = Effect.flatMap(running, (server) => fork(server, spec, order))
      // The program has not been sent yet: whatever became of the first attempt, it did not run.
      return Effect.retry(attempt, { times: 1 })
    }
  } satisfies ForkServer
})

interface Command {
  readonly pid: Deferred.Deferred<number, ToolError>
  readonly exit: Deferred.Deferred<ExitStatus>
}

interface Server {
  readonly process: ChildProcess
  readonly leader: ProcessTree.Leader
  readonly ready: Deferred.Deferred<void, ToolError>
  readonly commands: Map<number, Command>
  readonly nextId: () => number
  readonly isAlive: () => boolean
  /** No further command goes to it. */
  readonly retire: () => void
}

const start = Effect.fnUntraced(function* (spec: Spec) {
  const server = yield* Effect.try({ try: () => launch(spec), catch: (cause) => broken(String(cause)) })
  yield* Deferred.await(server.ready).pipe(
    Effect.timeoutOrElse({
      duration: spec.patience,
      orElse: () => Effect.fail(broken("it does not become ready"))
    }),
    Effect.onError(() => stop(server))
  )
  return server
})

const fork = Effect.fnUntraced(function* (server: Server, spec: Spec, order: Order) {
  const id = server.nextId()
  const command: Command = {
    pid: Deferred.makeUnsafe<number, ToolError>(),
    exit: Deferred.makeUnsafe<ExitStatus>()
  }
  server.commands.set(id, command)
  let ended = false
  const { stdin, stdout, stderr, result } = order.stdio
  const message = {
    id,
    pipes: [stdin, stdout, stderr, result].map((pipe) => pipe?.path ?? "/dev/null"),
    cwd: order.cwd ?? null,
    env: { [ProcessTree.variable]: order.marker.token },
    limits: rlimitsOf(order.limits ?? {}),
    // Its value in bytes is beyond what a JavaScript number prints exactly.
    rss_kib: order.marker.limitKiB,
    oom: String(spec.oomScoreAdj)
  }
  server.process.stdin?.write(`${JSON.stringify(message)}\n`)
  const pid = yield* Deferred.await(command.pid).pipe(
    Effect.timeoutOrElse({
      duration: spec.patience,
      orElse: () => Effect.fail(broken("it does not answer"))
    }),
    Effect.onError(() => stop(server))
  )
  const exited = Effect.raceFirst(Deferred.await(command.exit), unanswered(server, spec, pid)).pipe(
    Effect.tap(() => Effect.sync(() => (ended = true)))
  )
  return {
    leader: { pid, marker: order.marker, reaps: true, isOurs: () => !ended && server.commands.has(id) },
    exited
  } satisfies Launched
})

/** Ends when the process is gone and the server does not report it. */
const unanswered = Effect.fnUntraced(function* (server: Server, spec: Spec, pid: number) {
  let looks = 0
  while (looks < 2) {
    yield* Effect.sleep(spec.patience)
    looks = ProcessTree.runs(pid) ? 0 : looks + 1
  }
  yield* stop(server)
  return { code: undefined, signal: undefined }
})

/** Ends the server and all that is left of its commands, which then are lost. */
const stop = (server: Server) =>
  Effect.andThen(
    Effect.sync(() => {
      server.retire()
      server.process.stdin?.destroy()
    }),
    ProcessTree.end(server.leader, Duration.millis(500))
  )

const broken = (detail: string): ToolError =>
  new ToolError({ tool: "python", reason: new Unavailable({ detail: `the warm Python process: ${detail}` }) })

// --- the driver's edge ---

const Message = Schema.fromJsonString(
  Schema.Struct({
    ready: Schema.optionalKey(Schema.Boolean),
    id: Schema.optionalKey(Schema.Int),
    pid: Schema.optionalKey(Schema.Int),
    error: Schema.optionalKey(Schema.String),
    code: Schema.optionalKey(Schema.Int),
    signal: Schema.optionalKey(Schema.String)
  })
)
const decodeMessage = Schema.decodeUnknownOption(Message)

const launch = (spec: Spec): Server => {
  const marker = ProcessTree.makeMarker()
  const child = spawn(spec.interpreter, ["-c", program, "serve", ...spec.preload], {
    // Its children start with its environment in their memory: what names them must be there as well.
    env: { ...spec.env, [ProcessTree.variable]: marker.token },
    detached: true,
    stdio: ["pipe", "pipe", "ignore"]
  })
  let lastId = 0
  let retired = false
  const server: Server = {
    process: child,
    leader: {
      pid: child.pid ?? 0,
      marker,
      reaps: false,
      isOurs: () => child.exitCode === null && child.signalCode === null
    },
    ready: Deferred.makeUnsafe<void, ToolError>(),
    commands: new Map(),
    nextId: () => ++lastId,
    isAlive: () =>
      !retired && child.pid !== undefined && child.exitCode === null && child.signalCode === null,
    retire: () => {
      retired = true
    }
  }
  child.stdin.on("error", () => undefined)
  createInterface({ input: child.stdout }).on("line", (line) => hear(server, line))
  child.on("error", (error) => lose(server, error.message))
  child.on("exit", () => lose(server, "it ended"))
  return server
}

const hear = (server: Server, line: string): void => {
  const message = decodeMessage(line)
  if (message._tag === "None") return
  const { ready, id = 0, pid, error, code, signal } = message.value
  if (ready === true) Deferred.doneUnsafe(server.ready, Effect.void)
  const command = server.commands.get(id)
  if (command === undefined) return
  if (pid !== undefined) Deferred.doneUnsafe(command.pid, Effect.succeed(pid))
  if (error !== undefined) {
    server.commands.delete(id)
    Deferred.doneUnsafe(command.pid, Effect.fail(broken(error)))
  }
  if (code === undefined && signal === undefined) return
  server.commands.delete(id)
  Deferred.doneUnsafe(command.exit, Effect.succeed({ code, signal }))
}

const lose = (server: Server, why: string): void => {
  Deferred.doneUnsafe(server.ready, Effect.fail(broken(why)))
  for (const command of server.commands.values()) {
    Deferred.doneUnsafe(command.pid, Effect.fail(broken(why)))
    Deferred.doneUnsafe(command.exit, Effect.succeed({ code: undefined, signal: undefined }))
  }
  server.commands.clear()
}

/** The same limits as `Limits.wrapped` sets, by the names of Python's `resource`. */
const rlimitsOf = (limits: Limits): ReadonlyArray<readonly [name: string, soft: number, hard: number]> => {
  const all: ReadonlyArray<readonly [string, number | undefined, number]> = [
    ["RLIMIT_AS", limits.memoryBytes, 0],
    ["RLIMIT_CPU", limits.cpuSeconds, 2],
    ["RLIMIT_FSIZE", limits.fileBytes, 0]
  ]
  return all.flatMap(([name, value, more]) =>
    value === undefined ? [] : [[name, value, value + more] as const]
  )
}
