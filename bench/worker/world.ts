/** What the bench of the worker needs around it: a broker, a server, workers as processes, and what the system says they used. */
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"

export const folder = mkdtempSync(join(tmpdir(), "bench-"))

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  return typeof address === "object" && address !== null ? address.port : 0
}

const natsPort = await freePort()
writeFileSync(
  join(folder, "nats.conf"),
  `host: 127.0.0.1\nport: ${natsPort}\njetstream { store_dir: "${folder}/js" }\n`
)
const nats = spawn(process.env["NATS_SERVER"] ?? "nats-server", ["-c", join(folder, "nats.conf")], {
  stdio: "ignore"
})
const server = spawn(process.execPath, ["bench/worker/server.ts"], { stdio: ["ignore", "pipe", "inherit"] })
const [line] = (await once(server.stdout, "data")) as [Buffer]
const serverUrl = `http://127.0.0.1:${line.toString().trim()}`

const open = async (): Promise<NatsConnection> => {
  for (;;) {
    try {
      return await connect({ servers: `127.0.0.1:${natsPort}` })
    } catch {
      await delay(50)
    }
  }
}
const nc = await open()
const jsm = await jetstreamManager(nc)
const js = jetstream(nc)

export const close = async () => {
  server.kill()
  await nc.close()
  nats.kill()
  rmSync(folder, { recursive: true, force: true })
}

// --- commands ---

export interface Counts {
  readonly claims: number
  readonly endings: number
  readonly registered: number
}
export const counts = async () => (await (await fetch(`${serverUrl}/counts`)).json()) as Counts
/** From now on the context of a granted claim has so many bytes more. */
export const setContext = async (bytes: number) =>
  void (await (await fetch(`${serverUrl}/context/${bytes}`)).text())

/** A stream of its own for each worker, so that all may live at once. */
export const makeStream = async (name: string) => {
  await jsm.streams.add({ name: `BENCH_${name}`, subjects: [`bench.${name}`] })
  await jsm.consumers.add(`BENCH_${name}`, {
    durable_name: "worker-pool",
    ack_policy: AckPolicy.Explicit,
    ack_wait: 30_000_000_000,
    max_ack_pending: 64,
    max_deliver: 1000
  })
}

let serial = 0n
const publish = (name: string) => {
  serial += 1n
  const id = 767_489_372_445_000_000n + serial
  return js.publish(
    `bench.${name}`,
    `{"execution_id":${id},"event_id":${id},"command_id":"${id}:start:1","step":"start","server_url":"${serverUrl}"}`
  )
}
export const publishAll = async (name: string, commands: number) => {
  for (let left = commands; left > 0; left -= 100)
    await Promise.all(Array.from({ length: Math.min(100, left) }, () => publish(name)))
}
export const until = async (reached: (counts: Counts) => boolean) => {
  while (!reached(await counts())) await delay(5)
}

// --- workers ---

export const concurrency = 16

export const spawnWorker = (entry: string, name: string, env: Record<string, string> = {}): ChildProcess =>
  spawn(process.execPath, [entry], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      PATH: process.env["PATH"],
      NATS_URL: `nats://127.0.0.1:${natsPort}`,
      NATS_STREAM: `BENCH_${name}`,
      NATS_SUBJECT: `bench.${name}`,
      NATS_CONSUMER: "worker-pool",
      NOETL_SERVER_URL: serverUrl,
      WORKER_MAX_CONCURRENT: String(concurrency),
      HEALTH_PORT: "0",
      LOG_FORMAT: "logfmt",
      LOG_LEVEL: "warn",
      ...env
    }
  })

export const start = async (...args: Parameters<typeof spawnWorker>): Promise<ChildProcess> => {
  const before = (await counts()).registered
  const child = spawnWorker(...args)
  for (let i = 0; (await counts()).registered === before; i++) {
    if (child.exitCode !== null || i > 1000) throw new Error(`${args[0]} does not start`)
    await delay(20)
  }
  return child
}
export const stop = async (child: ChildProcess) => {
  if (child.exitCode !== null) return
  child.kill("SIGTERM")
  await once(child, "exit")
}

// --- what they used ---

const tasksOf = (child: ChildProcess) =>
  readdirSync(`/proc/${child.pid}/task`).map((id) => `/proc/${child.pid}/task/${id}`)
const sum = (list: ReadonlyArray<number>) => list.reduce((a, b) => a + b, 0)

/** Milliseconds of CPU so far, threads included. */
export const cpuOf = (child: ChildProcess): number =>
  sum(tasksOf(child).map((task) => Number(readFileSync(`${task}/schedstat`, "utf8").split(" ")[0]) / 1e6))
/** How often its threads slept so far: each was woken afterwards. */
export const sleepsOf = (child: ChildProcess): number =>
  sum(
    tasksOf(child).map((task) =>
      Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`${task}/status`, "utf8"))?.[1])
    )
  )
/** MB. */
export const rssOf = (child: ChildProcess): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1024
