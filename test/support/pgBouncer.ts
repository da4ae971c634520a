/** A pgbouncer in transaction mode before a server, on a free port, gone with the scope. */
import { Effect } from "effect"
import { execFileSync, spawn, spawnSync } from "node:child_process"
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "./NatsServer.ts"

const program = spawnSync("sh", ["-c", "PATH=$PATH:/usr/sbin command -v pgbouncer"], {
  encoding: "utf8"
}).stdout.trim()

/** Where it is not installed, tests with it are left out. */
export const noPgBouncer = program === ""

/** The URL of the same database through the pooler. */
export const pgBouncer = Effect.fnUntraced(function* (url: string) {
  const port = yield* freePort
  const { hostname, password, pathname, port: target, username } = new URL(url)
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "pgbouncer-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  writeFileSync(join(folder, "users"), `"${username}" "${decodeURIComponent(password)}"\n`)
  writeFileSync(
    join(folder, "config.ini"),
    `[databases]\n* = host=${hostname} port=${target}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=${port}\n` +
      `auth_type=scram-sha-256\nauth_file=${join(folder, "users")}\npool_mode=transaction\nunix_socket_dir=\ndefault_pool_size=5\n`
  )
  // It refuses to run as root.
  const root = process.getuid?.() === 0
  const owner = (flag: string) => Number(execFileSync("id", [flag, "postgres"]).toString())
  const as = root ? { uid: owner("-u"), gid: owner("-g") } : {}
  if (root)
    for (const path of [folder, join(folder, "users"), join(folder, "config.ini")]) {
      chownSync(path, owner("-u"), owner("-g"))
      chmodSync(path, path === folder ? 0o700 : 0o600)
    }
  yield* Effect.acquireRelease(
    Effect.sync(() => spawn(program, [join(folder, "config.ini")], { ...as, cwd: folder, stdio: "ignore" })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  yield* Effect.callback<void, Error>((resume) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.on("error", (error) => resume(Effect.fail(error)))
  }).pipe(Effect.delay("50 millis"), Effect.retry({ times: 100 }))
  return `postgresql://${username}:${password}@127.0.0.1:${port}${pathname}?sslmode=disable`
})
