/**
 * Real pipes for children. Node's own `"pipe"` is a socket, and a program cannot open a socket by name:
 * `echo … > /dev/stderr` fails in it with "No such device or address". These are FIFOs in a private directory,
 * made a few at a time and used again, so that a command costs no extra process.
 */
import { Effect, type Scope } from "effect"
import { execFile } from "node:child_process"
import { constants, closeSync, mkdtempSync, openSync, rmSync } from "node:fs"
import { Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
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
  /** A process may still hold it: its name is not used again. */
  readonly retire: () => void
}

export interface Pipes {
  readonly acquire: (direction: Direction) => Effect.Effect<Pipe, ToolError, Scope.Scope>
}

export const make: Effect.Effect<Pipes, never, Scope.Scope> = Effect.gen(function* () {
  const free: Array<string> = []
  let directory: string | undefined
  let made = 0
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
    })
  )

  const forget = (): void => {
    free.length = 0
    directory = undefined
  }

  const take: Effect.Effect<string, ToolError> = Effect.gen(function* () {
    const path = free.pop()
    if (path !== undefined) return path
    // Not before the first command: a worker whose /tmp cannot be written still has other tools.
    directory ??= yield* Effect.try({
      try: () => mkdtempSync(join(tmpdir(), "noetl-worker-")),
      catch: (cause) => unavailable(`no directory for pipes: ${messageOf(cause)}`)
    })
    const base = directory
    const [first = "", ...others] = Array.from({ length: batch }, () => join(base, String(made++)))
    yield* makeFifos([first, ...others])
    free.push(...others)
    return first
  })

  return {
    acquire: (direction) =>
      Effect.acquireRelease(
        Effect.flatMap(take, (path) =>
          Effect.try({
            try: () => openBoth(path, direction),
            catch: (cause) => unavailable(`cannot open a pipe: ${messageOf(cause)}`)
          })
        ).pipe(
          // A cleaner of /tmp may have removed the directory of a long-lived worker.
          Effect.tapError(() => Effect.sync(forget)),
          Effect.retry({ times: 1 })
        ),
        (pipe) =>
          Effect.sync(() => {
            if (pipe.close()) free.push(pipe.path)
            else rmSync(pipe.path, { force: true })
          })
      )
  }
})

const batch = 8

// --- the driver's edge ---

const makeFifos = (paths: ReadonlyArray<string>): Effect.Effect<void, ToolError> =>
  Effect.callback((resume) => {
    execFile("mkfifo", ["-m", "600", ...paths], { env: { PATH: "/usr/bin:/bin:/usr/local/bin" } }, (error) =>
      resume(error === null ? Effect.void : Effect.fail(unavailable(`cannot make pipes: ${error.message}`)))
    )
  })

const openBoth = (path: string, direction: Direction): Pipe & { readonly close: () => boolean } => {
  // The first open must not wait for the other end; the following ones find it there.
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY | (direction === "toChild" ? constants.O_NONBLOCK : 0))
  const childEnd = direction === "toChild" ? openSync(path, constants.O_RDONLY) : writer
  if (direction === "toChild") closeSync(reader)
  let mine: number | undefined = direction === "toChild" ? writer : reader
  let child: number | undefined = childEnd
  let stream: Socket | undefined
  let again = true
  const closeChildEnd = (): void => {
    if (child !== undefined) closeSync(child)
    child = undefined
  }
  return {
    path,
    childEnd,
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
    retire: () => {
      again = false
    },
    close: () => {
      closeChildEnd()
      if (mine !== undefined) closeSync(mine)
      stream?.destroy()
      return again
    }
  }
}

const unavailable = (detail: string): ToolError =>
  new ToolError({ tool: "process", reason: new Unavailable({ detail }) })
