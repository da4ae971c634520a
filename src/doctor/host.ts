/** The machine and the settings among themselves. */
import { Duration, Effect } from "effect"
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { access, constants, mkdir, open } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { graceOf } from "../config/layers.ts"
import type { Values } from "../config/settings.ts"
import {
  databasesAtOnce,
  isOverdrawn,
  type MemoryBudget,
  ownBudget,
  shownBudget
} from "../domain/memoryBudget.ts"
import { type Check, type Finding, fullMessageOf, ok, problem, warning } from "../domain/Finding.ts"

type Findings = Effect.Effect<ReadonlyArray<Finding>>

/** `memoryLimit` in bytes; undefined without a limit. */
export const host =
  (values: Values, memoryLimit: number | undefined): Check =>
  () =>
    Effect.map(
      Effect.all([
        python(values),
        stateDir(values),
        healthPort(values),
        Effect.succeed(settings(values, memoryLimit))
      ]),
      (all) => all.flat()
    )

const python = (values: Values): Findings =>
  Effect.callback((resume) => {
    const path = values.pythonPath ?? "python3"
    const about = "python"
    const cure = "install Python 3.9 or newer, or set PYTHON_PATH; commands of the kind python need it"
    const child = execFile(
      path,
      ["-c", "import sys;print('%d.%d' % sys.version_info[:2])"],
      { timeout: 10_000 },
      (error, stdout) => {
        const version = /^3\.(\d+)\s*$/.exec(stdout)
        if (error !== null) {
          const found = `${path} cannot be run: ${fullMessageOf(error).split("\n")[0] ?? ""}`
          return resume(Effect.succeed([problem(about, found, cure)]))
        }
        if (version === null || Number(version[1]) < 9) {
          return resume(Effect.succeed([problem(about, `${path} is ${stdout.trim() || "no Python"}`, cure)]))
        }
        resume(Effect.succeed([ok(about, `${path} is ${stdout.trim()}`)]))
      }
    )
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

const stateDir = ({ stateDir: folder }: Values): Findings => {
  const about = "WORKER_STATE_DIR"
  if (folder === undefined) {
    const cause = "the journal is kept in memory: a killed worker may run a command twice"
    return Effect.succeed([warning(about, cause, "set it to a folder on a volume that outlives the process")])
  }
  const check = async (): Promise<ReadonlyArray<Finding>> => {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await access(folder, constants.W_OK)
      const probe = await open(join(folder, `.doctor-${process.pid}`), "wx")
      await probe.close()
      await (await import("node:fs/promises")).rm(join(folder, `.doctor-${process.pid}`))
    } catch (cause) {
      const cure = "mount a volume there that the worker's user may write, or name another folder"
      return [problem(about, `nothing can be written in ${folder}: ${fullMessageOf(cause)}`, cure)]
    }
    const file = join(folder, "journal.sqlite")
    if (!existsSync(file)) return [ok(about, `${folder} can be written`)]
    try {
      const db = new DatabaseSync(file, { readOnly: true })
      db.prepare("PRAGMA quick_check").all()
      db.close()
      return [ok(about, `${file} is whole`)]
    } catch (cause) {
      const cure = "move the file away; commands that ended and were not reported may run again"
      return [problem(about, `the journal ${file} cannot be used: ${fullMessageOf(cause)}`, cure)]
    }
  }
  return Effect.promise(check)
}

const healthPort = ({ healthHost, healthPort: port }: Values): Findings =>
  port === 0
    ? Effect.succeed([])
    : Effect.callback((resume) => {
        const server = createServer()
        server.once("error", (cause) => resume(whoListens(port, `${healthHost}:${port}`, cause.message)))
        server.listen(port, healthHost, () =>
          server.close(() => resume(Effect.succeed([ok("HEALTH_PORT", `${port} is free`)])))
        )
        return Effect.sync(() => void server.close())
      })

/** In a pod the worker itself has the port: then the question is how it does. */
const whoListens = (port: number, address: string, cause: string): Findings =>
  Effect.promise(async (signal) => {
    try {
      const ask = (path: string) =>
        fetch(`http://127.0.0.1:${port}${path}`, {
          signal: AbortSignal.any([signal, AbortSignal.timeout(5000)])
        })
      const [health, ready] = await Promise.all([ask("/health"), ask("/ready")])
      const text = await ready.text()
      if (!/"status":"(ready|paused|not ready|draining)"/.test(text)) throw new Error("no worker")
      const about = "running worker"
      return health.ok && ready.ok
        ? [ok(about, `the worker on port ${port} is healthy and takes commands`)]
        : [
            warning(
              about,
              `the worker on port ${port} answers ${health.status} to /health and ${ready.status} to /ready: ${text.slice(0, 200)}`,
              "see the other findings, and the worker's log"
            )
          ]
    } catch {
      return [
        problem(
          "HEALTH_PORT",
          `${address} cannot be listened on: ${cause}`,
          "stop the process that has it (it is no worker), or set HEALTH_PORT or HEALTH_HOST"
        )
      ]
    }
  })

/** An idle worker takes some 140 MB (bench/README.md); beside it each slot is given room for a small interpreter. */
const needs = { worker: 160 * 1024 * 1024, slot: 32 * 1024 * 1024 }

/** Of this process: run it in the worker's container, with the worker's flags of Node. */
const memoryShares = (budget: MemoryBudget, { duckdbMemory }: Values): Finding => {
  const databases = (duckdbMemory ?? 0) * 1024 * 1024 * databasesAtOnce
  if (databases > budget.databases || isOverdrawn(budget))
    return warning(
      "memory",
      `the shares are more than there is: ${shownBudget(budget)}${databases === 0 ? "" : `; NOETL_DUCKDB_MEMORY_MB asks for ${duckdbMemory} MB for each of ${databasesAtOnce} databases`}`,
      "raise the container's limit, or lower NOETL_DUCKDB_MEMORY_MB or Node's --max-old-space-size-percentage"
    )
  return ok("memory", shownBudget(budget))
}

const settings = (values: Values, memoryLimit: number | undefined): ReadonlyArray<Finding> => {
  const found: Array<Finding> = []
  const needed = needs.worker + values.concurrency * needs.slot
  if (memoryLimit !== undefined && memoryLimit < needed) {
    const mb = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`
    const cause = `the limit is ${mb(memoryLimit)}; ${values.concurrency} slots need about ${mb(needed)}`
    found.push(problem("memory", cause, "raise the limit or lower WORKER_MAX_CONCURRENT"))
  }
  found.push(memoryShares(ownBudget(), values))
  if (Duration.isLessThanOrEqualTo(graceOf(values), values.drain)) {
    const cause = "the process ends before the commands in flight had their time to end"
    found.push(problem("WORKER_GRACE_SECONDS", cause, "make it longer than WORKER_SHUTDOWN_TIMEOUT_SECONDS"))
  }
  if (Duration.isLessThan(values.natsAckWait, Duration.seconds(5))) {
    const cause = "a short pause of the network costs every lease and runs commands again"
    found.push(warning("NATS_ACK_WAIT_SECONDS", cause, "30 s is what the other workers use"))
  }
  if (values.concurrency + (values.prefetch ?? 0) > 64) {
    const cause = "a consumer hands out 64 messages at once by default: the other slots stay empty"
    found.push(
      warning("WORKER_MAX_CONCURRENT", cause, "raise the consumer's max_ack_pending, or run more workers")
    )
  }
  if (Duration.isGreaterThan(values.heartbeat, Duration.seconds(60))) {
    const cause = "the server takes a worker that is silent for so long as dead"
    found.push(warning("WORKER_HEARTBEAT_INTERVAL", cause, "15 s is the default"))
  }
  return found
}
