/**
 * Runs a program to its end, and sees to it that nothing of it is left: not after success, not after its deadline,
 * not after an interruption.
 */
import { Clock, Context, Duration, Effect, Fiber, Layer, Scope } from "effect"
import type { Socket } from "node:net"
import { ToolError } from "../../domain/ToolError.ts"
import type { Limits } from "./Limits.ts"
import { type Captured, makeCapture, makeLines } from "./Output.ts"
import { OutputMask } from "../../domain/OutputMask.ts"
import * as OutOfMemory from "./OutOfMemory.ts"
import * as Pipes from "./Pipes.ts"
import { ProcessOptions, type ProcessSettings } from "./ProcessOptions.ts"
import * as ProcessTree from "./ProcessTree.ts"
import { findReaper } from "./reaper.ts"
import * as Spawn from "./spawn.ts"
import * as Users from "./Users.ts"

export interface Program {
  /** The kind of the tool, for errors. */
  readonly tool: string
  /** An absolute path and its arguments. Arguments can be read by every user of the machine: no secrets. */
  readonly argv: readonly [string, ...Array<string>]
  readonly cwd: string | undefined
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  /** Without it the program reads an empty stdin. */
  readonly stdin?: string | Uint8Array | undefined
  /** Whether file descriptor 3 is open for a result apart from stdout. */
  readonly resultChannel?: boolean
  readonly timeout?: Duration.Duration | undefined
  readonly limits?: Limits | undefined
  /** `false`: output goes to the log only. */
  readonly capture?: boolean
}

export type Ended =
  | { readonly _tag: "Exited"; readonly code: number }
  | { readonly _tag: "Killed"; readonly signal: string; readonly outOfMemory: boolean }
  /** Its deadline passed and it was ended. */
  | { readonly _tag: "TimedOut" }
  /** It is gone and its exit is unknown. */
  | { readonly _tag: "Lost" }

export interface Ran {
  readonly ended: Ended
  readonly stdout: Captured
  readonly stderr: Captured
  /** What came on file descriptor 3. */
  readonly result: Captured | undefined
  readonly durationMs: number
}

/** How a process comes to be, when it is not spawned: see python/WarmPython.ts. */
export type Launch = (order: Spawn.Order) => Effect.Effect<Spawn.Launched, ToolError, Scope.Scope>

export class ProcessRunner extends Context.Service<
  ProcessRunner,
  { readonly run: (program: Program, launch?: Launch) => Effect.Effect<Ran, ToolError> }
>()("noetl-worker/tools/process/ProcessRunner") {
  static readonly layer = Layer.effect(
    ProcessRunner,
    Effect.gen(function* () {
      const options = yield* ProcessOptions
      const users = yield* Users.make(options.users)
      const pipes = yield* Pipes.make(options.users !== undefined)
      const outOfMemory = OutOfMemory.make()
      const plugs = yield* Spawn.plugs
      const spawn = Spawn.launch(options.oomScoreAdj, plugs, findReaper())
      return ProcessRunner.of({
        run: (program, launch = spawn) =>
          Effect.scoped(run({ options, pipes, users, outOfMemory }, program, launch))
      })
    })
  )
}

interface Tools {
  readonly options: ProcessSettings
  readonly pipes: Pipes.Pipes
  readonly users: Users.Users
  readonly outOfMemory: OutOfMemory.OutOfMemory
}

const run = Effect.fnUntraced(function* (
  { options, outOfMemory, pipes, users }: Tools,
  program: Program,
  launch: Launch
) {
  const started = yield* Clock.currentTimeMillis
  const user = yield* users.acquire
  const stdio: Spawn.Stdio = {
    stdin: program.stdin === undefined ? undefined : yield* pipes.acquire("toChild"),
    stdout: yield* pipes.acquire("fromChild"),
    stderr: yield* pipes.acquire("fromChild"),
    result: program.resultChannel === true ? yield* pipes.acquire("fromChild") : undefined
  }
  const all = [stdio.stdin, stdio.stdout, stdio.stderr, stdio.result].filter((pipe) => pipe !== undefined)
  const marker = ProcessTree.makeMarker()
  const env = { ...program.env, [ProcessTree.variable]: marker.token }
  const killsBefore = outOfMemory.kills()
  let over = false
  const child = yield* Effect.acquireRelease(
    launch({ ...program, env, marker, stdio, user: user?.id }),
    (launched) => (over ? Effect.void : endAll(launched, options.grace, user))
  )
  for (const pipe of all) pipe.closeChildEnd()

  const keep = program.capture === false ? 0 : options.maxOutputBytes
  const pump = (stream: "stdout" | "stderr") => pumpText(stdio[stream].open(), stream, keep, options)
  const output = yield* Effect.forkChild(
    Effect.all(
      [
        pump("stdout"),
        pump("stderr"),
        stdio.result === undefined
          ? Effect.succeed(undefined)
          : pumpBytes(stdio.result.open(), options.maxResultBytes),
        stdio.stdin === undefined ? Effect.void : write(stdio.stdin.open(), program.stdin ?? "")
      ],
      { concurrency: "unbounded" }
    )
  )

  const status = yield* program.timeout === undefined
    ? child.exited
    : Effect.timeoutOrElse(child.exited, {
        duration: program.timeout,
        orElse: () => Effect.succeed("timeout" as const)
      })
  yield* endAll(child, status === "timeout" ? options.grace : graceOfLeftovers, user)
  over = true

  // Everything that could write is gone, so the pipes end; a process that cannot be killed must not hold us.
  yield* Effect.timeoutOption(Fiber.await(output), drainWithin)
  for (const pipe of all) pipe.shut()
  const [stdout, stderr, result] = yield* Fiber.join(output)
  return {
    ended: endedOf(status, () => outOfMemory.kills() > killsBefore),
    stdout,
    stderr,
    result,
    durationMs: (yield* Clock.currentTimeMillis) - started
  } satisfies Ran
})

/** What a program left in the background gets no long goodbye: its command is over. */
const graceOfLeftovers = Duration.millis(200)
const drainWithin = Duration.seconds(2)

const endAll = (child: Spawn.Launched, grace: Duration.Duration, user: Users.User | undefined) =>
  Effect.flatMap(ProcessTree.end(child.leader, grace), (left) => {
    if (left.length === 0) return Effect.void
    user?.retire()
    return Effect.logError(`processes ${left.join(", ")} cannot be killed`)
  })

const endedOf = (status: Spawn.ExitStatus | "timeout", killedForMemory: () => boolean): Ended => {
  if (status === "timeout") return { _tag: "TimedOut" }
  if (status.signal !== undefined) {
    return {
      _tag: "Killed",
      signal: status.signal,
      outOfMemory: status.signal === "SIGKILL" && killedForMemory()
    }
  }
  if (status.code === undefined) return { _tag: "Lost" }
  // A shell says 137 when the kernel took the program that it had started.
  return status.code === 137 && killedForMemory()
    ? { _tag: "Killed", signal: "SIGKILL", outOfMemory: true }
    : { _tag: "Exited", code: status.code }
}

// --- streams ---

/** Reads to the end, keeps both ends of it and logs line by line. A slow log slows the program, not the memory. */
const pumpText = Effect.fnUntraced(function* (
  source: Socket,
  stream: "stdout" | "stderr",
  keep: number,
  options: ProcessSettings
) {
  const capture = makeCapture(keep)
  const lines = makeLines(options.maxLoggedBytes)
  const mask = (yield* OutputMask)()
  const decoder = new TextDecoder("utf-8")
  const log = (complete: ReadonlyArray<string>) =>
    Effect.forEach(complete, (line) => Effect.logWithLevel(options.logLevel)(line), { discard: true }).pipe(
      Effect.annotateLogs({ stream })
    )
  while (true) {
    const chunk = yield* read(source)
    if (chunk === undefined) break
    const masked = Buffer.from(mask.push(decoder.decode(chunk, { stream: true })))
    capture.push(masked)
    yield* log(lines.push(masked))
  }
  const rest = Buffer.from(mask.push(decoder.decode()) + mask.end())
  capture.push(rest)
  yield* log([...lines.push(rest), ...lines.end()])
  return capture.end()
})

const pumpBytes = Effect.fnUntraced(function* (source: Socket, maxBytes: number) {
  const capture = makeCapture(maxBytes)
  while (true) {
    const chunk = yield* read(source)
    if (chunk === undefined) return capture.end()
    capture.push(chunk)
  }
})

/** The next bytes, or undefined at the end. */
const read = (source: Socket): Effect.Effect<Buffer | undefined> =>
  Effect.callback((resume) => {
    const look = (): boolean => {
      const chunk: unknown = source.read()
      if (Buffer.isBuffer(chunk)) resume(Effect.succeed(chunk))
      else if (source.readableEnded || source.destroyed) resume(Effect.succeed(undefined))
      else return false
      return true
    }
    if (look()) return
    const events = ["readable", "end", "close"] as const
    const stop = (): void => events.forEach((event) => source.off(event, again))
    const again = (): void => {
      if (look()) stop()
    }
    events.forEach((event) => source.on(event, again))
    return Effect.sync(stop)
  })

/** Writes all and closes. A program that does not read its input is no error. */
const write = (sink: Socket, bytes: string | Uint8Array): Effect.Effect<void> =>
  Effect.callback((resume) => {
    sink.once("close", () => resume(Effect.void))
    sink.end(bytes, () => sink.destroy())
  })
