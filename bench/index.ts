/**
 * What a command costs. The worker and both baselines are processes of their own, alive at once, against the same broker and the same
 * server; they take turns by blocks of commands, so the ratios hold when the machine is busy. See bench/README.md.
 */
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { cpus } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import * as World from "./worker/world.ts"
import { parsing } from "./json.ts"

const commands = Number(process.env["BENCH_COMMANDS"] ?? 24_000)
const warm = Number(process.env["BENCH_WARM"] ?? 4000)
const block = 500
const cache = { NODE_COMPILE_CACHE: join(World.folder, "compile-cache") }
const ours = process.env["BENCH_PROGRAM"] ?? (existsSync("dist/main.js") ? "dist/main.js" : "src/main.ts")
const entries = { bare: "bench/worker/plain.ts", contract: "bench/worker/contract.ts", ours }
type Side = keyof typeof entries
const sides = Object.keys(entries) as ReadonlyArray<Side>

const median = (list: ReadonlyArray<number>) =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN
const row = (name: string, value: string, target: number | undefined, measured: number, note = "") => {
  const verdict = target === undefined ? "" : `wanted ≤ ${target}: ${measured <= target ? "met" : "MISSED"}`
  console.log(`${name.padEnd(44)}${value.padStart(12)}  ${verdict.padEnd(24)}${note}`)
}

type Costs = Readonly<Record<Side, ReadonlyArray<number>>>
/** Milliseconds of CPU a command, block by block, the sides in turn. */
const blocks = async (
  workers: Readonly<Record<Side, Parameters<typeof World.cpuOf>[0]>>,
  rounds: number
): Promise<Costs> => {
  const costs: Record<Side, Array<number>> = { bare: [], contract: [], ours: [] }
  for (let round = 0; round < rounds; round++)
    for (const side of sides) {
      const { endings } = await World.counts()
      const before = World.cpuOf(workers[side])
      await World.publishAll(side, block)
      await World.until((counts) => counts.endings >= endings + block)
      costs[side].push((World.cpuOf(workers[side]) - before) / block)
    }
  return costs
}
const ratio = (costs: Costs, to: Side) => median(costs.ours.map((cost, i) => cost / (costs[to][i] ?? NaN)))

try {
  const [cpu] = cpus()
  console.log(`${cpus().length} × ${cpu?.model ?? "?"}, Node ${process.versions.node}; ours: ${ours}`)
  console.log(
    `${commands} no-op commands a side after ${warm} warm ones, ${World.concurrency} at once, medians of paired blocks of ${block}\n`
  )
  for (const side of sides) await World.makeStream(side)
  const workers = {
    bare: await World.start(entries.bare, "bare"),
    contract: await World.start(entries.contract, "contract"),
    ours: await World.start(entries.ours, "ours", cache)
  }
  await blocks(workers, Math.ceil(warm / block))
  const small = await blocks(workers, Math.ceil(commands / block))
  const bare = median(small.bare)
  const times = (millis: number) => `${(millis / bare).toFixed(2)} × the bare calls`
  row("CPU a command, bare calls", `${bare.toFixed(3)} ms`, undefined, bare)
  row(
    "CPU a command, contract in promises",
    `${median(small.contract).toFixed(3)} ms`,
    undefined,
    0,
    times(median(small.contract))
  )
  row(
    "CPU a command, noetl-worker",
    `${median(small.ours).toFixed(3)} ms`,
    undefined,
    0,
    times(median(small.ours))
  )
  row("  by the contract in promises", ratio(small, "contract").toFixed(2), 1.5, ratio(small, "contract"))
  row("  by the bare calls", ratio(small, "bare").toFixed(2), 2.3, ratio(small, "bare"))

  await World.setContext(34_000)
  await blocks(workers, 2)
  const large = await blocks(workers, Math.ceil(commands / block / 6))
  row(
    "CPU with a claim of 34 kB, noetl-worker",
    `${median(large.ours).toFixed(3)} ms`,
    undefined,
    0,
    times(median(large.ours))
  )
  row("  by the contract in promises", ratio(large, "contract").toFixed(2), 1.5, ratio(large, "contract"))
  await World.setContext(0)
  for (const side of sides) await World.stop(workers[side])
  const json = parsing()
  row(
    "a claim of 34 kB read, by JSON.parse",
    json.ratio.toFixed(2),
    1.6,
    json.ratio,
    `${json.micros.toFixed(0)} µs`
  )

  const embedded = [1, 2, 3].map(() =>
    Number(execFileSync(process.execPath, ["bench/worker/embedded.ts", String(warm), String(commands)]))
  )
  row(
    "CPU a command, embedded, memory backends",
    `${median(embedded).toFixed(0)} µs`,
    200,
    median(embedded),
    times(median(embedded) / 1000)
  )

  const starts: Array<number> = []
  for (let i = 0; i < 7; i++) {
    await World.publishAll("ours", 1)
    const { claims, endings } = await World.counts()
    const at = performance.now()
    const child = World.spawnWorker(ours, "ours", cache)
    await World.until((counts) => counts.claims > claims)
    starts.push((performance.now() - at) / 1000)
    await World.until((counts) => counts.endings > endings)
    await World.stop(child)
  }
  row("start to the first claim", `${median(starts).toFixed(2)} s`, 0.42, median(starts))

  const idle = await World.start(ours, "ours", cache)
  await delay(5000)
  const [cpuBefore, sleepsBefore] = [World.cpuOf(idle), World.sleepsOf(idle)]
  await delay(20_000)
  const cpuIdle = (World.cpuOf(idle) - cpuBefore) / 20
  const wakeUps = (World.sleepsOf(idle) - sleepsBefore) / 20
  row("memory, idle", `${World.rssOf(idle).toFixed(0)} MB`, 125, World.rssOf(idle))
  row("CPU, idle", `${cpuIdle.toFixed(1)} ms/s`, 3, cpuIdle, `${(cpuIdle / bare).toFixed(1)} bare commands`)
  row("wake-ups, idle, all threads", `${wakeUps.toFixed(1)} /s`, 15, wakeUps)

  const latencies: Array<number> = []
  for (let i = 0; i < 200; i++) {
    const { endings } = await World.counts()
    const at = performance.now()
    await World.publishAll("ours", 1)
    while ((await World.counts()).endings <= endings) await delay(1)
    latencies.push(performance.now() - at)
  }
  const sorted = latencies.toSorted((a, b) => a - b)
  row(
    "publish to the last event, one at a time",
    `${(sorted[100] ?? NaN).toFixed(1)} ms`,
    undefined,
    0,
    `p99 ${(sorted[198] ?? NaN).toFixed(1)} ms`
  )
  await World.stop(idle)
} finally {
  await World.close()
}
process.exit(0)
