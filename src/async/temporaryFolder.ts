/**
 * Folders of this process in the system's temporary directory. A socket in each says that its owner lives, to workers in
 * other containers that share the directory too; what a killed worker left is swept by the next one.
 */
import { Effect } from "effect"
import { lstatSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs"
import { createConnection, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface TemporaryFolder {
  readonly path: string
  readonly remove: () => void
}

export type Purpose = "pipes" | "duckdb" | "results"

const prefix = "noetl-"
const alive = "alive"
/** A socket's path has 107 bytes. A folder without a socket is never swept. */
const longestSocket = 107

/** Makes a folder that its owner alone can read. */
export const makeTemporaryFolder = (purpose: Purpose): TemporaryFolder => {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `${prefix}${purpose}-`)))
  const socket = join(path, alive)
  const server = createServer((connection) => connection.destroy())
  // Without the socket the folder is used all the same.
  server.on("error", () => undefined)
  if (Buffer.byteLength(socket) <= longestSocket) server.listen(socket).unref()
  return {
    path,
    remove: () => {
      server.close()
      rmSync(path, { recursive: true, force: true })
    }
  }
}

/** Removes the folders whose owner is gone, and answers how many those were. */
export const sweepTemporaryFolders: Effect.Effect<number> = Effect.gen(function* () {
  let removed = 0
  for (const path of candidates()) {
    if (!(yield* isAbandoned(join(path, alive)))) continue
    yield* Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    removed += 1
  }
  if (removed > 0) yield* Effect.logInfo(`removed ${removed} temporary folders of workers that were killed`)
  return removed
}).pipe(
  Effect.catchDefect((cause) =>
    Effect.as(Effect.logWarning("temporary folders of killed workers cannot be removed", cause), 0)
  )
)

/** Folders of this user with a socket in them. */
const candidates = (): ReadonlyArray<string> =>
  readdirSync(tmpdir())
    .filter((name) => /^noetl-(pipes|duckdb|results)-\w{6}$/.test(name))
    .map((name) => join(tmpdir(), name))
    .filter((path) => {
      const folder = lstatSync(path, { throwIfNoEntry: false })
      const socket = lstatSync(join(path, alive), { throwIfNoEntry: false })
      return (
        folder?.isDirectory() === true && folder.uid === process.getuid?.() && socket?.isSocket() === true
      )
    })

/** Nothing listens any more. Every other answer leaves the folder alone. */
const isAbandoned = (socket: string): Effect.Effect<boolean> =>
  Effect.callback<boolean>((resume) => {
    const connection = createConnection(socket)
    const answer = (isGone: boolean): void => {
      connection.destroy()
      resume(Effect.succeed(isGone))
    }
    connection.on("connect", () => answer(false))
    connection.on("error", (error: NodeJS.ErrnoException) => answer(error.code === "ECONNREFUSED"))
    return Effect.sync(() => connection.destroy())
  }).pipe(Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.succeed(false) }))
