/**
 * The data tools by ratio in one run: `node bench/data.ts [rows] [memory]`, 1,000,000 unless said otherwise; with `memory`
 * only how far a fresh process grows, which is another answer in each.
 *
 * Needs psql and PostgreSQL's server programs. The sides take turns, and the best of three rounds counts.
 */
import { Clock, Effect, Layer } from "effect"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Client } from "pg"
import type { JsonObject } from "../src/domain/Json.ts"
import { aCall, runTool } from "../src/testing/suites/ToolSuite.ts"
import { defaults, DuckdbOptions } from "../src/tools/duckdb/DuckdbOptions.ts"
import { PostgresTool } from "../src/tools/PostgresTool.ts"
import { Toolbox } from "../src/tools/Toolbox.ts"
import { TransferProgress } from "../src/tools/transfer/Progress.ts"
import { TransferTool } from "../src/tools/transfer/TransferTool.ts"
import { EgressOptions } from "../src/tools/http/Egress.ts"
import { PostgresServer } from "../test/support/PostgresServer.ts"

const rows = Number(process.argv[2] ?? 1_000_000)
const folder = mkdtempSync(join(tmpdir(), "bench-data-"))
const database = join(folder, "bench.duckdb")

const columns =
  "a bigint, b int, c numeric(12,2), d float8, e text, f text, g timestamptz, h date, i boolean, j jsonb"
const make = `CREATE TABLE source (${columns}); CREATE TABLE target (${columns});
  INSERT INTO source SELECT g, g % 1000, (g % 100000) / 100.0, g * 1.5, 'name of ' || g, md5(g::text),
    now() + g * interval '1 second', current_date + (g % 3650), g % 2 = 0, jsonb_build_object('n', g)
  FROM generate_series(1, ${rows}) g`

const options = Layer.mergeAll(
  EgressOptions.layerDevelopment,
  Layer.succeed(TransferProgress, { everyMs: 1e9, report: () => Effect.void }),
  Layer.succeed(DuckdbOptions, { ...defaults(), allowedDirectories: [folder] })
)
const toolbox = Toolbox.layer(PostgresTool, TransferTool).pipe(
  Layer.provide([PostgresTool.layer, TransferTool.layer]),
  Layer.provide(options)
)

const seconds = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const started = yield* Clock.currentTimeNanos
    yield* effect
    return Number((yield* Clock.currentTimeNanos) - started) / 1e9
  })

/** How far the process grew above where it stood, at most. */
const growth = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    globalThis.gc?.()
    const before = process.memoryUsage().rss
    let most = before
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss)
    }, 20)
    yield* Effect.ensuring(
      effect,
      Effect.sync(() => clearInterval(timer))
    )
    return Math.round((most - before) / 1024 / 1024)
  })

const shell = (url: string, command: string) =>
  Effect.promise(() => {
    const { promise, reject, resolve } = Promise.withResolvers<void>()
    const child = spawn("sh", ["-c", command], {
      env: { ...process.env, URL: url },
      stdio: ["ignore", "ignore", "inherit"]
    })
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${command}: ${code}`))))
    return promise
  })

const run = (kind: string, config: JsonObject) =>
  Effect.flatMap(runTool(aCall(kind, config)), (result) =>
    result.status === "success" ? Effect.succeed(result) : Effect.die(result.error)
  )

/** The better of three, each side in turn, so that both meet the same machine. */
const compare = <E, R>(
  sides: ReadonlyArray<readonly [string, Effect.Effect<unknown, E, R>]>,
  between: Effect.Effect<unknown>
) =>
  Effect.gen(function* () {
    const best = new Map<string, number>()
    for (let round = 0; round < 3; round++) {
      for (const [name, side] of sides) {
        yield* between
        best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, yield* seconds(side)))
      }
    }
    return best
  })

const show = (name: string, value: number, note: string) =>
  Effect.sync(() => console.log(`${name.padEnd(56)} ${value.toFixed(2).padStart(8)}  ${note}`))

const main = Effect.gen(function* () {
  const server = yield* PostgresServer
  for (const sql of [make, "VACUUM ANALYZE source", "CHECKPOINT"]) yield* server.query(sql)
  const empty = server.query("TRUNCATE target")
  const end = { type: "postgres", ...server.settings, sslmode: "disable" }
  const url = `${server.url}?sslmode=disable`
  const duckdb = { type: "duckdb", database, table: "bench" }
  const copy = run("transfer", { source: { ...end, table: "source" }, target: { ...end, table: "target" } })
  yield* Effect.sync(() => console.log(`${rows} rows of 10 columns\n`))

  // Before all else, while the process is small: after a few rows, which load what has to be loaded.
  yield* run("transfer", {
    source: { ...end, query: "SELECT * FROM source LIMIT 1000" },
    target: { ...end, table: "target" }
  })
  const tenth = run("transfer", {
    source: { ...end, query: `SELECT * FROM source LIMIT ${Math.ceil(rows / 10)}` },
    target: { ...end, table: "target" }
  })
  yield* show("RSS growth of a transfer of a tenth", yield* growth(tenth), "MB (wanted: 64)")
  yield* show("RSS growth of a transfer of all", yield* growth(copy), "MB (wanted: 64)")
  if (process.argv[3] === "memory") return

  const psql = `psql -q "$URL" -c "COPY source TO STDOUT" | psql -q "$URL" -c "COPY target FROM STDIN"`
  const times = yield* compare(
    [
      ["psql", shell(url, psql)],
      ["transfer", copy]
    ],
    empty
  )
  const base = times.get("psql") ?? 0
  yield* show("psql COPY | COPY", base, "s")
  yield* show(
    "transfer, PostgreSQL to PostgreSQL",
    times.get("transfer") ?? 0,
    `s, ${(base / (times.get("transfer") ?? 1)).toFixed(2)}x psql (wanted: 0.7)`
  )

  const few = Math.min(rows, 5000)
  yield* empty
  const loop = (yield* seconds(insertLoop(url, few))) * (rows / few)
  yield* show(
    "a loop of inserts (extrapolated)",
    loop,
    `s, transfer is ${(loop / (times.get("transfer") ?? 1)).toFixed(0)}x (wanted: 50)`
  )

  const toDuckdb = run("transfer", { source: { ...end, table: "source" }, target: duckdb, mode: "replace" })
  const fromDuckdb = run("transfer", { source: duckdb, target: { ...end, table: "target" }, mode: "replace" })
  yield* toDuckdb
  const both = yield* compare(
    [
      ["to", toDuckdb],
      ["from", fromDuckdb]
    ],
    Effect.void
  )
  yield* show(
    "PostgreSQL to DuckDB",
    both.get("to") ?? 0,
    `s, ${((both.get("to") ?? 0) / base).toFixed(2)}x psql's time (wanted: 2)`
  )
  yield* show(
    "DuckDB to PostgreSQL",
    both.get("from") ?? 0,
    `s, ${((both.get("from") ?? 0) / base).toFixed(2)}x psql's time (wanted: 2)`
  )

  const query = "SELECT * FROM source LIMIT 50000"
  const tool = run("postgres", {
    ...server.settings,
    sslmode: "disable",
    query,
    max_rows: 50_000,
    max_bytes: "256MB"
  })
  const read = yield* compare(
    [
      ["pg", bare(url, query)],
      ["tool", tool]
    ],
    Effect.void
  )
  yield* show("50,000 rows with bare pg", read.get("pg") ?? 0, "s")
  yield* show(
    "50,000 rows with the postgres tool",
    read.get("tool") ?? 0,
    `s, ${((read.get("tool") ?? 0) / (read.get("pg") ?? 1)).toFixed(2)}x (wanted: 1.3)`
  )

  const cell = run("postgres", {
    ...server.settings,
    sslmode: "disable",
    query: "SELECT repeat('x', 200000000) AS x"
  })
  yield* show("RSS growth of a cell of 200 MB, with the tool", yield* growth(cell), "MB")
  yield* show(
    "RSS growth of a cell of 200 MB, with bare pg",
    yield* growth(bare(url, "SELECT repeat('x', 200000000) AS x")),
    "MB"
  )
})

const insertLoop = (url: string, count: number) =>
  Effect.promise(async () => {
    const client = new Client({ connectionString: url })
    await client.connect()
    const { rows: found } = await client.query<Record<string, unknown>>({
      text: `SELECT * FROM source LIMIT ${count}`
    })
    for (const row of found) {
      await client.query("INSERT INTO target VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)", Object.values(row))
    }
    await client.end()
  })

const bare = (url: string, query: string) =>
  Effect.promise(async () => {
    const client = new Client({ connectionString: url })
    await client.connect()
    await client.query(query)
    await client.end()
  })

await Effect.runPromise(
  main.pipe(Effect.provide(Layer.mergeAll(toolbox, PostgresServer.layer)), Effect.scoped)
).finally(() => rmSync(folder, { recursive: true, force: true }))
process.exit(0)
