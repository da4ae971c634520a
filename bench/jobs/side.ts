/**
 * One system works jobs that do nothing, 16 at once: `side.ts NAME URL JOBS FOLDER`. Prints the jobs a second and the
 * microseconds of CPU a job of this process, from the first of the measured jobs to the last, as JSON. FOLDER has the other systems.
 */
import { Effect, References, Schema } from "effect"
import { createRequire } from "node:module"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { Pool } from "pg"
import { databaseSettings } from "../../src/config/jobOptions.ts"
import { workerLayer } from "../../src/config/layers.ts"
import { settings, type Values } from "../../src/config/settings.ts"
import * as JobType from "../../src/jobs/JobType.ts"
import { Database } from "../../src/postgres/Database.ts"
import { migrate } from "../../src/queue/postgres/migrate.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"

const [name = "", url = "", count = "0", folder = ""] = process.argv.slice(2)
const jobs = Number(count)
const warm = Math.min(2000, jobs)
const concurrency = 16

const pool = new Pool({ connectionString: url, max: 2 })
const query = (text: string, values: Array<unknown> = []) => pool.query(text, values)

const progress = { done: 0, at: 0, cpu: process.cpuUsage() }
const last = Promise.withResolvers<void>()
const countOne = () => {
  progress.done += 1
  if (progress.done === warm) {
    progress.at = performance.now()
    progress.cpu = process.cpuUsage()
  }
  if (progress.done === warm + jobs) last.resolve()
}
/** `pending` counts what has not ended in the database. */
const measured = async (pending: string) => {
  await last.promise
  while (Number((await query(pending)).rows[0]?.n) > 0) await delay(5)
  const seconds = (performance.now() - progress.at) / 1000
  const { system, user } = process.cpuUsage(progress.cpu)
  console.log(JSON.stringify({ rate: jobs / seconds, cpu: (user + system) / jobs }))
  process.exit(0)
}
const peer = (module: string) =>
  import(createRequire(join(folder, "package.json")).resolve(module)) as Promise<Peers>

/** What is called of the other libraries. They are in no declaration here, because they are installed by the bench alone. */
interface Peers {
  readonly Logger: new (factory: () => () => void) => unknown
  readonly run: (options: object) => Promise<unknown>
  readonly runMigrations: (options: object) => Promise<void>
  readonly PgBoss: new (options: object) => {
    readonly start: () => Promise<unknown>
    readonly createQueue: (name: string) => Promise<unknown>
    readonly insert: (name: string, jobs: ReadonlyArray<object>) => Promise<unknown>
    readonly work: (
      name: string,
      options: object,
      handler: (jobs: ReadonlyArray<unknown>) => Promise<void>
    ) => Promise<unknown>
  }
}

const ours = async () => {
  const NoOp = JobType.make({
    name: "bench.noop",
    payload: Schema.Struct({ n: Schema.Int }),
    result: Schema.Null,
    run: () => Effect.as(Effect.sync(countOne), null)
  })
  const defaults = Object.fromEntries(
    Object.entries(settings).map(([name, { fallback }]) => [name, fallback])
  ) as unknown as Values
  const values: Values = { ...defaults, queue: "postgres", databaseUrl: url, concurrency, healthPort: 0 }
  await Effect.runPromise(migrate().pipe(Effect.provide(Database.layer(databaseSettings(values)))))
  await filled((n) =>
    query(
      "SELECT count(*) FROM worker_enqueue_many((SELECT jsonb_agg(jsonb_build_object('kind', 'bench.noop', 'payload', jsonb_build_object('n', g))) FROM generate_series(1, $1::integer) g))",
      [n]
    )
  )
  void Effect.runPromise(
    Effect.never.pipe(
      Effect.provide(workerLayer(values, Toolbox.layerLive(NoOp))),
      Effect.provide(Redactor.layer),
      Effect.provideService(References.MinimumLogLevel, "Error")
    )
  )
  await measured("SELECT count(*) AS n FROM worker_jobs WHERE status IN ('queued', 'running')")
}

const graphile = async (preset: object) => {
  const { Logger, run, runMigrations } = await peer("graphile-worker")
  const options = {
    connectionString: url,
    preset: { worker: { concurrentJobs: concurrency, ...preset } },
    noHandleSignals: true,
    logger: new Logger(() => () => undefined)
  }
  await runMigrations(options)
  await filled((n) =>
    query(
      "SELECT graphile_worker.add_job('noop', json_build_object('n', g)) FROM generate_series(1, $1::integer) g",
      [n]
    )
  )
  await run({ ...options, taskList: { noop: () => countOne() } })
  await measured("SELECT count(*) AS n FROM graphile_worker._private_jobs")
}

const pgBoss = async () => {
  const { PgBoss } = await peer("pg-boss")
  const boss = new PgBoss({ connectionString: url, max: 10 })
  await boss.start()
  await boss.createQueue("noop")
  await filled((n) =>
    boss.insert(
      "noop",
      Array.from({ length: n }, (_, i) => ({ data: { n: i } }))
    )
  )
  const work = async (list: ReadonlyArray<unknown>) => {
    for (const _ of list) countOne()
  }
  await boss.work(
    "noop",
    { pollingIntervalSeconds: 0.5, batchSize: concurrency, burstWhenBatchFull: true },
    work
  )
  await measured("SELECT count(*) AS n FROM pgboss.job WHERE name = 'noop' AND state < 'completed'")
}

/** All jobs are there before the first is worked; the first of them warm the process. */
const filled = async (fill: (n: number) => Promise<unknown>) => {
  for (let left = jobs + warm; left > 0; left -= 10_000) await fill(Math.min(10_000, left))
  await query("VACUUM ANALYZE")
}

const sides: Readonly<Record<string, () => Promise<void>>> = {
  ours,
  graphile: () => graphile({}),
  "graphile batch": () =>
    graphile({ localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }),
  "pg-boss": pgBoss
}
await sides[name]?.()
