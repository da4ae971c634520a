/**
 * Jobs from PostgreSQL beside two other libraries: `node bench/jobs.ts`. Each system is a process of its own on a database of its own in
 * one server with its defaults; they take turns, so the ratios hold when the machine is busy. The other libraries are installed
 * into a folder of the bench's own.
 */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { Client } from "pg"
import { postgresFolders } from "../test/support/postgresFolders.ts"
import { claimCost, latency } from "./jobs/claims.ts"

const jobs = Number(process.env["BENCH_JOBS"] ?? 20_000)
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3)

const peers = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "noetl-worker-bench", "jobs")
if (!existsSync(join(peers, "node_modules", "pg-boss"))) {
  mkdirSync(peers, { recursive: true })
  writeFileSync(join(peers, "package.json"), '{"private":true}')
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "graphile-worker@0.18.0", "pg-boss@12.38.0"], {
    cwd: peers,
    stdio: "inherit"
  })
}

// --- a server with its defaults ---

const folder = mkdtempSync(join(tmpdir(), "bench-jobs-"))
const owner =
  process.getuid?.() === 0
    ? {
        uid: Number(execFileSync("id", ["-u", "postgres"]).toString()),
        gid: Number(execFileSync("id", ["-g", "postgres"]).toString())
      }
    : undefined
chmodSync(folder, 0o755)
if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
const bin = postgresFolders()[0] ?? ""
const data = join(folder, "data")
execFileSync(join(bin, "initdb"), ["-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C"], {
  ...owner,
  cwd: "/",
  stdio: "ignore"
})
const probe = createServer().listen(0, "127.0.0.1")
await once(probe, "listening")
const address = probe.address()
const port = typeof address === "object" && address !== null ? address.port : 0
probe.close()
const server = spawn(join(bin, "postgres"), ["-D", data, "-p", String(port), "-k", folder], {
  ...owner,
  cwd: folder,
  stdio: "ignore"
})
process.on("exit", () => {
  server.kill("SIGQUIT")
  rmSync(folder, { recursive: true, force: true })
})
const urlOf = (name: string) => `postgresql://bench@127.0.0.1:${port}/${name}`
const admin = async (sql: string) => {
  const client = new Client(urlOf("postgres"))
  await client.connect()
  await client.query(sql).finally(() => void client.end())
}
for (let up = false; !up;)
  up = await admin("SELECT 1").then(
    () => true,
    () => delay(100).then(() => false)
  )

// --- throughput ---

interface Measure {
  readonly rate: number
  readonly cpu: number
}
const sides = ["ours", "graphile", "graphile batch", "pg-boss"] as const
type Side = (typeof sides)[number]

const measure = async (side: Side): Promise<Measure> => {
  await admin("DROP DATABASE IF EXISTS side WITH (FORCE)")
  await admin("CREATE DATABASE side")
  await admin("CHECKPOINT")
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "jobs", "side.ts"), side, urlOf("side"), String(jobs), peers],
    { stdio: ["ignore", "pipe", "inherit"] }
  )
  let text = ""
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()))
  const late = setTimeout(() => child.kill("SIGKILL"), 120_000)
  await once(child, "exit")
  clearTimeout(late)
  if (text === "") throw new Error(`${side} did not work ${jobs} jobs within two minutes`)
  return JSON.parse(text) as Measure
}

const found: Record<Side, Array<Measure>> = { ours: [], graphile: [], "graphile batch": [], "pg-boss": [] }
for (let round = 0; round < rounds; round++) for (const side of sides) found[side].push(await measure(side))

const median = (list: ReadonlyArray<number>) =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN
const rate = (side: Side) => median(found[side].map((one) => one.rate))
const cpu = (side: Side) => median(found[side].map((one) => one.cpu))

const row = (name: string, value: string, wanted = "", met?: boolean) =>
  console.log(
    `${name.padEnd(50)}${value.padStart(12)}  ${wanted}${met === undefined ? "" : met ? ": met" : ": MISSED"}`
  )

console.log(`${jobs} jobs that do nothing, 16 at once, the median of ${rounds} rounds`)
for (const side of sides) row(side, `${Math.round(rate(side))}/s`, `${Math.round(cpu(side))} µs CPU a job`)
const ratio = (name: string, value: number, wanted: number, most = false) =>
  row(
    name,
    value.toFixed(2),
    `wanted ${most ? "≤" : "≥"} ${wanted}`,
    most ? value <= wanted : value >= wanted
  )
ratio("jobs a second against graphile-worker", rate("ours") / rate("graphile"), 2)
ratio("jobs a second against pg-boss", rate("ours") / rate("pg-boss"), 1.5)
ratio("CPU a job against graphile-worker", cpu("ours") / cpu("graphile"), 1, true)
ratio("jobs a second against graphile-worker's batches", rate("ours") / rate("graphile batch"), 0.3)

// --- one job, and a table that is full ---

await admin("DROP DATABASE IF EXISTS claims WITH (FORCE)")
await admin("CREATE DATABASE claims")
const started = await latency(urlOf("claims"))
row("from enqueue to start, p50", `${started.toFixed(1)} ms`, "wanted ≤ 5", started <= 5)
if (process.env["BENCH_FULL"] !== "false") {
  const { empty, full } = await claimCost(urlOf("claims"))
  row("a claim of 10 from an almost empty table", `${empty.toFixed(2)} ms`)
  row("with 1 M waiting and 5 M finished rows", `${full.toFixed(2)} ms`)
  ratio("the claim from the full table", full / empty, 1.5, true)
}
process.exit(0)
