/**
 * Takes secrets out of the environment that the process was started with. Every process of the same user can read that in
 * `/proc/<pid>/environ`, whatever becomes of the variables later.
 *
 * The process puts them into a pipe and replaces itself by one with the same number and without them, which reads the
 * pipe and has the variables again, in its memory alone.
 */
import { execFileSync } from "node:child_process"
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isSecret } from "./tools/process/Environment.ts"

/** Tells the second process that the pipe is its standard input. */
const handed = "NOETL_HANDED_OVER"

/** These commands read what is written on their standard input, or end at once. */
const others = new Set(["rhai", "demo", "doctor", "config", "dead-letters", "jobs", "queue", "help"])

/** What a pipe takes at once, with a margin. */
const mostBytes = 60_000

/** Comes back with all variables there. In the first process of two it does not come back. */
export const handOver = (): void => {
  if (process.env[handed] !== undefined) return takeOver()
  const secrets = Object.entries(process.env).filter(
    ([name, value]) => !name.startsWith("NODE_") && isSecret(name, value ?? "")
  )
  if (secrets.length === 0 || process.platform !== "linux" || typeof process.execve !== "function") return
  if (process.argv.slice(2).some((word) => others.has(word))) return
  const text = JSON.stringify(Object.fromEntries(secrets))
  if (Buffer.byteLength(text) > mostBytes) {
    return warn(`${secrets.length} secret variables are larger than ${mostBytes} bytes together`)
  }
  try {
    giveAs(0, text)
  } catch (cause) {
    return warn(cause instanceof Error ? cause.message : String(cause))
  }
  const names = new Set(secrets.map(([name]) => name))
  const left = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      names.has(name) || value === undefined ? [] : [[name, value]]
    )
  )
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    ...left,
    [handed]: "1"
  })
}

/** A pipe with the text in it, as this descriptor. Only the standard ones outlive the change of the program. */
const giveAs = (descriptor: number, text: string): void => {
  const folder = mkdtempSync(join(tmpdir(), "noetl-handover-"))
  try {
    const name = join(folder, "pipe")
    execFileSync("mkfifo", ["-m", "600", name], { env: { PATH: "/usr/bin:/bin:/usr/local/bin" } })
    closeSync(descriptor)
    // The lowest number that is free is taken.
    const opened = openSync(name, "r+")
    if (opened !== descriptor) throw new Error(`the pipe became ${opened} and not ${descriptor}`)
    writeSync(opened, `${text}\n`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const takeOver = (): void => {
  delete process.env[handed]
  const chunks: Array<Buffer> = []
  const chunk = Buffer.alloc(65_536)
  while (chunks.at(-1)?.at(-1) !== 10) {
    const bytes = readSync(0, chunk, 0, chunk.length, null)
    if (bytes === 0) break
    chunks.push(Buffer.from(chunk.subarray(0, bytes)))
  }
  closeSync(0)
  openSync("/dev/null", "r")
  Object.assign(process.env, JSON.parse(Buffer.concat(chunks).toString("utf8")))
}

const warn = (why: string): void => {
  process.stderr.write(
    `noetl-worker: secrets stay in the environment that other processes of this user can read: ${why}\n`
  )
}
