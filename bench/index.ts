/**
 * What a command costs. Both workers run as processes of their own against the same broker and the same server, one after the
 * other in the same run, so the ratios hold when the machine is busy. See bench/README.md.
 */
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"

const commands = Number(process.env["BENCH_COMMANDS"] ?? 3000)
const concurrency = 16
const folder = mkdtempSync(join(tmpdir(), "bench-"))

const freePort = async (): Promise<number> => {
  const { createServer } = await import("node:net")
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
await jsm.streams.add({ name: "NOETL_COMMANDS", subjects: ["noetl.commands"] })
const js = jetstream(nc)

let serial = 0n
const publish = () => {
  serial += 1n
  const id = 767_489_372_445_000_000n + serial
  return js.publish(
    "noetl.commands",
    `{"execution_id":${id},"event_id":${id},"command_id":"${id}:start:1","step":"start","server_url":"${serverUrl}"}`
  )
}
const counts = async () =>
  (await (await fetch(`${serverUrl}/counts`)).json()) as {
    readonly endings: number
    readonly registered: number
  }
const endings = async () => (await counts()).endings

/** CPU seconds of a process so far, its threads included. */
const cpuOf = (child: ChildProcess): number => {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ")
  return (Number(fields[11]) + Number(fields[12])) / 100
}
const rssOf = (child: ChildProcess): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1024

const start = async (entry: string, env: Record<string, string> = {}): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [entry], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: process.env["PATH"],
      NATS_URL: `nats://127.0.0.1:${natsPort}`,
      NOETL_SERVER_URL: serverUrl,
      WORKER_MAX_CONCURRENT: String(concurrency),
      HEALTH_PORT: "0",
      LOG_FORMAT: "logfmt",
      LOG_LEVEL: "warn",
      ...env
    }
  })
  let text = ""
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()))
  const before = (await counts()).registered
  for (let i = 0; (await counts()).registered === before; i++) {
    if (child.exitCode !== null || i > 400) throw new Error(`${entry} does not start:\n${text}`)
    await delay(10)
  }
  return child
}
const stop = async (child: ChildProcess) => {
  child.kill("SIGTERM")
  await once(child, "exit")
}
const freshConsumer = async () => {
  await jsm.consumers.delete("NOETL_COMMANDS", "worker-pool").catch(() => {})
  await jsm.streams.purge("NOETL_COMMANDS")
  await jsm.consumers.add("NOETL_COMMANDS", {
    durable_name: "worker-pool",
    ack_policy: AckPolicy.Explicit,
    ack_wait: 30_000_000_000,
    max_ack_pending: 64,
    max_deliver: 1000
  })
}

const until = async (target: number) => {
  while ((await endings()) < target) await delay(20)
}

interface Burst {
  readonly perSecond: number
  readonly cpuMillis: number
}
/** A backlog worked off; the first quarter warms up and is not counted. */
const burst = async (entry: string): Promise<Burst> => {
  await freshConsumer()
  for (let i = 0; i < commands; i++) await publish()
  const before = await endings()
  const child = await start(entry)
  const warm = Math.floor(commands / 4)
  await until(before + warm)
  const [cpu, at, done] = [cpuOf(child), performance.now(), await endings()]
  await until(before + commands)
  const counted = before + commands - done
  const result = {
    perSecond: counted / ((performance.now() - at) / 1000),
    cpuMillis: ((cpuOf(child) - cpu) * 1000) / counted
  }
  await stop(child)
  return result
}

const median = (list: ReadonlyArray<number>) =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0

try {
  const built = existsSync("dist/main.js")
  const ours = built ? "dist/main.js" : "src/main.ts"
  console.log(`ours: ${ours}, ${commands} commands (noop), ${concurrency} at once; median of 3 runs in turn`)
  const runs: Array<{ readonly bare: Burst; readonly plain: Burst; readonly mine: Burst }> = []
  for (let i = 0; i < 3; i++)
    runs.push({
      bare: await burst("bench/worker/plain.ts"),
      plain: await burst("bench/worker/contract.ts"),
      mine: await burst(ours)
    })
  const row = (name: string, of: (run: (typeof runs)[number]) => Burst) =>
    console.log(
      `${name.padEnd(16)}${median(runs.map((r) => of(r).perSecond))
        .toFixed(0)
        .padStart(6)} commands/s` +
        `${median(runs.map((r) => of(r).cpuMillis))
          .toFixed(2)
          .padStart(8)} ms CPU a command`
    )
  row("the calls alone", (run) => run.bare)
  row("same contract", (run) => run.plain)
  row("noetl-worker", (run) => run.mine)
  const ratio = (name: string, of: (run: (typeof runs)[number]) => Burst) =>
    console.log(
      `CPU ratio to ${name}  ${median(runs.map((r) => r.mine.cpuMillis / of(r).cpuMillis)).toFixed(2)}`
    )
  ratio("the same contract", (run) => run.plain)
  ratio("the calls alone", (run) => run.bare)

  await freshConsumer()
  const child = await start(ours)
  await delay(2000)
  console.log(`\nmemory idle     ${rssOf(child).toFixed(0)} MB`)
  const latencies: Array<number> = []
  for (let i = 0; i < 200; i++) {
    const before = await endings()
    const at = performance.now()
    await publish()
    while ((await endings()) <= before) await delay(1)
    latencies.push(performance.now() - at)
    await delay(10)
  }
  const sorted = latencies.toSorted((a, b) => a - b)
  console.log(
    `paced, one at a time: publish to the last event p50 ${sorted[100]?.toFixed(1)} ms, p99 ${sorted[198]?.toFixed(1)} ms`
  )
  await stop(child)

  await freshConsumer()
  const before = await endings()
  await publish()
  const at = performance.now()
  const first = await start(ours)
  await until(before + 1)
  console.log(`start to the first command's end ${(performance.now() - at).toFixed(0)} ms`)
  await stop(first)
} finally {
  server.kill()
  await nc.close()
  nats.kill()
  rmSync(folder, { recursive: true, force: true })
}
