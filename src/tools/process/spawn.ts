/** A child process by `node:child_process`: the cold way to start a program. */
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs"
import { constants } from "node:os"
import { messageOf } from "../../domain/messageOf.ts"
import { invalid, ToolError, Unavailable } from "../../domain/ToolError.ts"
import { type Limits, wrapped } from "./Limits.ts"
import type { Pipe } from "./Pipes.ts"
import type { Reaper } from "./reaper.ts"
import type { Leader, Marker } from "./ProcessTree.ts"

export interface Stdio {
  readonly stdin: Pipe | undefined
  readonly stdout: Pipe
  readonly stderr: Pipe
  readonly result: Pipe | undefined
}

export interface Order {
  readonly tool: string
  readonly argv: readonly [string, ...Array<string>]
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, string>>
  readonly limits?: Limits | undefined
  readonly marker: Marker
  readonly stdio: Stdio
  /** The number of the user and of its group. */
  readonly user?: number | undefined
}

/** Both undefined: it is gone and its exit is unknown. */
export interface ExitStatus {
  readonly code: number | undefined
  readonly signal: string | undefined
}

export interface Launched {
  readonly leader: Leader
  readonly exited: Effect.Effect<ExitStatus>
}

export const launch =
  (oomScoreAdj: number, plugs: Plugs, reaper: Reaper) =>
  (order: Order): Effect.Effect<Launched, ToolError> =>
    Effect.callback((resume) => {
      const fail = (cause: unknown): void => resume(Effect.fail(notStarted(order, cause)))
      try {
        const child = start(order, oomScoreAdj, plugs, reaper)
        const exited = exitOf(child)
        child.once("error", fail)
        child.once("spawn", () =>
          resume(Effect.succeed({ leader: leaderOf(child, order, reaper !== undefined), exited }))
        )
      } catch (cause) {
        fail(cause)
      }
    })

const notStarted = (order: Order, cause: unknown): ToolError => {
  if (cause instanceof Error && "code" in cause && cause.code === "E2BIG") {
    const [at, bytes] = largestOf(order)
    const problem = `${bytes} bytes are more than a program can be started with (Linux: 128 KiB each, environment and arguments together about 2 MiB)`
    return invalid({ kind: order.tool }, at, problem)
  }
  return new ToolError({ tool: order.tool, reason: new Unavailable({ detail: messageOf(cause) }) })
}

type Sized = readonly [at: string, bytes: number]

/** The variable or the argument that has the most bytes, by its place in a tool's settings. */
const largestOf = ({ argv, env }: Order): Sized => {
  const variables = Object.entries(env).map(([name, value]): Sized => [
    `env.${name}`,
    Buffer.byteLength(name) + Buffer.byteLength(value) + 2
  ])
  const args = argv.map((text, i): Sized => [`argument ${i}`, Buffer.byteLength(text) + 1])
  return [...variables, ...args].reduce((most, one) => (one[1] > most[1] ? one : most))
}

/**
 * File descriptors that the worker itself was started with and that a child would get, because they were not marked
 * close-on-exec. Node cannot mark them either, so a child gets /dev/null in their place.
 */
export interface Plugs {
  readonly fds: ReadonlyArray<number>
  readonly null: number
}

export const plugs: Effect.Effect<Plugs, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => ({ fds: inheritable(), null: openSync("/dev/null", "r+") })),
  (plugs) => Effect.sync(() => closeSync(plugs.null))
)

// --- the driver's edge ---

const start = (order: Order, oomScoreAdj: number, plugs: Plugs, reaper: Reaper): ChildProcess => {
  const { stdin, stdout, stderr, result } = order.stdio
  const program = wrapped(order.argv, order.limits ?? {}, order.marker, oomScoreAdj)
  const [command, ...args] = reaper === undefined ? program : ([...reaper, ...program] as const)
  const stdio: Array<number | "ignore"> = [stdin?.childEnd ?? "ignore", stdout.childEnd, stderr.childEnd]
  for (let fd = 3; fd <= Math.max(3, ...plugs.fds); fd++)
    stdio.push(plugs.fds.includes(fd) ? plugs.null : "ignore")
  if (result !== undefined) stdio[3] = result.childEnd
  return spawn(command, args, {
    env: { ...order.env },
    detached: true,
    stdio,
    ...(order.user === undefined ? {} : { uid: order.user, gid: order.user }),
    ...(order.cwd === undefined ? {} : { cwd: order.cwd })
  })
}

const leaderOf = (child: ChildProcess, { marker, user }: Order, reaps: boolean): Leader => ({
  pid: child.pid ?? 0,
  marker,
  user,
  reaps,
  isOurs: () => child.exitCode === null && child.signalCode === null
})

const exitOf = (child: ChildProcess): Effect.Effect<ExitStatus> => {
  const exit = new Promise<ExitStatus>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined }))
  })
  return Effect.promise(() => exit)
}

const inheritable = (): ReadonlyArray<number> => {
  try {
    return readdirSync("/proc/self/fd")
      .map(Number)
      .filter((fd) => fd > 2 && fd < 1024 && !closesOnExec(fd))
  } catch {
    return []
  }
}

const closesOnExec = (fd: number): boolean => {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0"
    return (Number.parseInt(flags, 8) & 0o2000000) !== 0
  } catch {
    return true
  }
}

/** The number of a signal by its name, as shells add it to 128. */
export const signalNumber = (name: string): number =>
  Object.entries(constants.signals).find(([known]) => known === name)?.[1] ?? 0
