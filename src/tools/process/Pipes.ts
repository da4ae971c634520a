/**
 * Real pipes for children. Node's own `"pipe"` is a socket, and a program cannot open a socket by name:
 * `echo … > /dev/stderr` fails in it with "No such device or address". These are FIFOs in a private directory,
 * made and opened a few at a time, so that few commands cost an extra process.
 */
import { Effect, type Scope } from "effect"
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { constants, closeSync, existsSync, openSync, rmSync } from "node:fs"
import { Socket } from "node:net"
import { join } from "node:path"
import { makeTemporaryFolder, type TemporaryFolder } from "../../async/temporaryFolder.ts"
import { messageOf } from "../../domain/messageOf.ts"
import { ToolError, Unavailable } from "../../domain/ToolError.ts"

export type Direction = "fromChild" | "toChild"

/** Both ends open. The child's end blocks, as programs expect; the worker's end does not. */
export interface Pipe {
  readonly path: string
  readonly childEnd: number
  /** To be called when the child has its end: only then can the other side see that it is gone. */
  readonly closeChildEnd: () => void
  /** Our end as a stream; from then on the stream owns the descriptor. */
  readonly open: () => Socket
  /** Ends our stream, whether the other side did or not. */
  readonly shut: () => void
}

export interface Pipes {
  readonly acquire: (direction: Direction) => Effect.Effect<Pipe, ToolError, Scope.Scope>
}

/** For programs of other users, which may open their own pipes by a descriptor's name, the pipes are open to all. */
export const make = Effect.fnUntraced(function* (
  forOthers: boolean
): Effect.fn.Return<Pipes, never, Scope.Scope> {
  const free = new Map<Direction, Array<Ends>>([
    ["fromChild", []],
    ["toChild", []]
  ])
  let folder: TemporaryFolder | undefined
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const all of free.values()) all.forEach(closeEnds)
      folder?.remove()
    })
  )

  const more = Effect.fnUntraced(function* (direction: Direction) {
    // Not before the first command: a worker whose /tmp cannot be written still has other tools.
    folder ??= yield* Effect.try({
      try: () => makeTemporaryFolder("pipes"),
      catch: (cause) => unavailable(`no directory for pipes: ${messageOf(cause)}`)
    })
    const { path } = folder
    const names = Array.from({ length: batch }, () => join(path, randomBytes(12).toString("hex")))
    yield* makeFifos(names, forOthers ? "666" : "600")
    return yield* Effect.try({
      try: () => names.map((name) => openEnds(name, direction)),
      catch: (cause) => unavailable(`cannot open a pipe: ${messageOf(cause)}`)
    })
  })

  const take = Effect.fnUntraced(function* (direction: Direction) {
    const known = free.get(direction) ?? []
    const one = known.pop()
    if (one !== undefined) return one
    const [first, ...others] = yield* more(direction).pipe(
      // A cleaner of /tmp may have removed the directory of a long-lived worker.
      Effect.tapError(() => Effect.sync(() => (folder = undefined))),
      Effect.retry({ times: 1 })
    )
    known.push(...others)
    return first ?? (yield* Effect.fail(unavailable("no pipe was made")))
  })

  return {
    acquire: (direction) =>
      Effect.acquireRelease(
        Effect.map(take(direction), (ends) => pipeOf(ends, direction)),
        (pipe) => Effect.sync(pipe.close)
      )
  }
})

const batch = 16

// --- the driver's edge ---

const makeFifos = (paths: ReadonlyArray<string>, mode: string): Effect.Effect<void, ToolError> =>
  Effect.callback((resume) => {
    execFile("mkfifo", ["-m", mode, ...paths], { env: { PATH: "/usr/bin:/bin:/usr/local/bin" } }, (error) =>
      resume(error === null ? Effect.void : Effect.fail(unavailable(`cannot make pipes: ${error.message}`)))
    )
  })

/** Descriptors of both ends, and a name under which a process of this user can open the pipe once more. */
interface Ends {
  readonly mine: number
  readonly child: number
  readonly path: string
}

/** The name is gone at once: what a command hands over is no other command's to read or to write. */
const openEnds = (name: string, direction: Direction): Ends => {
  try {
    // The first open must not wait for the other end; the following ones find it there.
    const reader = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = openSync(name, constants.O_WRONLY | (direction === "toChild" ? constants.O_NONBLOCK : 0))
    const child = direction === "toChild" ? openSync(name, constants.O_RDONLY) : writer
    if (direction === "toChild") closeSync(reader)
    const mine = direction === "toChild" ? writer : reader
    return { mine, child, path: hasProc ? `/proc/${process.pid}/fd/${child}` : name }
  } finally {
    if (hasProc) rmSync(name, { force: true })
  }
}

/** Where there is no /proc, a pipe keeps its name. */
const hasProc = existsSync("/proc/self/fd")

const closeEnds = ({ child, mine }: Ends): void => {
  closeSync(child)
  closeSync(mine)
}

const pipeOf = (ends: Ends, direction: Direction): Pipe & { readonly close: () => void } => {
  let mine: number | undefined = ends.mine
  let child: number | undefined = ends.child
  let stream: Socket | undefined
  const closeChildEnd = (): void => {
    if (child !== undefined) closeSync(child)
    child = undefined
  }
  return {
    path: ends.path,
    childEnd: ends.child,
    closeChildEnd,
    open: () => {
      const fd = mine
      if (fd === undefined) throw new Error("this end of the pipe is taken")
      mine = undefined
      stream = new Socket({ fd, readable: direction === "fromChild", writable: direction === "toChild" })
      // Without a listener an EPIPE of a child that does not read would end the worker.
      stream.on("error", () => undefined)
      return stream
    },
    shut: () => {
      stream?.destroy()
    },
    close: () => {
      closeChildEnd()
      if (mine !== undefined) closeSync(mine)
      stream?.destroy()
    }
  }
}

const unavailable = (detail: string): ToolError =>
  new ToolError({ tool: "process", reason: new Unavailable({ detail }) })
