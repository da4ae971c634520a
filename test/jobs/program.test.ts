import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { freePort } from "../support/NatsServer.ts"
import { FreshDatabase, freshDatabase, rows } from "../support/PostgresJobs.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

const server = serverOfFile()

const get = (port: number, path: string) =>
  Effect.tryPromise(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status: answer.status, text: await answer.text() }
  })

/** `nebula-worker` as a process, stopped with the scope. */
const program = Effect.fnUntraced(function* (args: ReadonlyArray<string>, env: Record<string, string> = {}) {
  const { url } = yield* FreshDatabase
  const port = yield* freePort
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["src/nebula-worker.ts", "-h", String(port), ...args], {
        stdio: ["ignore", "ignore", "pipe"],
        env: {
          PATH: process.env["PATH"],
          HOME: process.env["HOME"],
          DATABASE_URL: `${url}?sslmode=disable`,
          ...env
        }
      })
    ),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  yield* get(port, "/ready").pipe(
    Effect.flatMap(({ status }) => (status === 200 ? Effect.void : Effect.fail("not ready"))),
    Effect.retry(Schedule.spaced("50 millis"))
  )
  return { child, port }
})

type World = Scope.Scope | Layer.Success<ReturnType<typeof freshDatabase>>

const test = (sentence: string, version: number | undefined, body: Effect.Effect<void, unknown, World>) =>
  it.live(sentence, () =>
    body.pipe(
      Effect.scoped,
      Effect.provide(Layer.fresh(freshDatabase(() => server.current, version))),
      Effect.timeout("90 seconds")
    )
  )

describe("nebula-worker", () => {
  test(
    "N1, N7, N8: makes its schema, works jobs that come by notification, and shows its figures",
    0,
    Effect.gen(function* () {
      // Polling alone would take ten minutes.
      const { child, port } = yield* program(["-c", "3", "-w", "worker-prod-01", "-p", "600000"])
      const [row] = yield* rows(`SELECT worker_enqueue('default', 'tool', '{"tool": "noop"}') AS id`)
      yield* rows("SELECT status FROM worker_jobs WHERE id = $1::bigint", [String(row?.["id"])]).pipe(
        Effect.repeat({
          until: ([job]) => job?.["status"] === "succeeded",
          schedule: Schedule.spaced("20 millis")
        })
      )
      const ready = JSON.parse((yield* get(port, "/ready")).text) as unknown
      assert.deepStrictEqual(ready, { status: "ready", workers: 3, active_jobs: 0, queue_connected: true })
      yield* rows("INSERT INTO worker_pauses (scope, name) VALUES ('pool', 'default')")
      yield* rows("SELECT worker_enqueue('default', 'tool') FROM generate_series(1, 5)")
      const { text } = yield* get(port, "/metrics")
      for (const line of [
        "worker_jobs_processed_total 1",
        "worker_jobs_failed_total 0",
        "worker_active_jobs 0",
        "worker_queue_depth 5",
        'queue_depth{queue="default"} 5'
      ])
        assert.include(text, line)
      assert.match(text, /worker_job_duration_seconds_count\{kind="\w+"\} 1/)
      assert.deepInclude(JSON.parse((yield* get(port, "/scale")).text), { depth: 5 })
      const [worker] = yield* rows("SELECT worker_id, queues FROM worker_presence")
      assert.deepStrictEqual(worker, { worker_id: "worker-prod-01", queues: ["default"] })
      child.kill("SIGTERM")
      const [code] = (yield* Effect.promise(() => once(child, "exit"))) as [number]
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(yield* rows("SELECT * FROM worker_presence"), [])
    })
  )

  test(
    "N9: releases at SIGTERM what is unfinished, and closes its connections",
    undefined,
    Effect.gen(function* () {
      const { child } = yield* program([], { WORKER_SHUTDOWN_TIMEOUT_SECONDS: "1" })
      yield* rows(
        `SELECT worker_enqueue('default', 'tool', '{"tool": "shell", "config": {"command": "sleep 60"}}')`
      )
      yield* rows("SELECT status FROM worker_jobs").pipe(
        Effect.repeat({
          until: ([job]) => job?.["status"] === "running",
          schedule: Schedule.spaced("20 millis")
        })
      )
      child.kill("SIGTERM")
      const [code] = (yield* Effect.promise(() => once(child, "exit"))) as [number]
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(yield* rows("SELECT status, attempt, failures, crashes FROM worker_jobs"), [
        { status: "queued", attempt: 1, failures: 0, crashes: 0 }
      ])
      assert.deepStrictEqual(
        yield* rows(
          "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name NOT LIKE '%-test'"
        ),
        []
      )
    })
  )

  test(
    "N10: shares the jobs among its instances",
    undefined,
    Effect.gen(function* () {
      yield* rows(
        `SELECT count(worker_enqueue('default', 'tool', '{"tool": "shell", "config": {"command": "sleep 0.1"}}')) FROM generate_series(1, 24)`
      )
      yield* rows("INSERT INTO worker_pauses (scope, name) VALUES ('queue', 'default')")
      yield* program(["-w", "one", "-c", "2"])
      yield* program(["-w", "two", "-c", "2"])
      yield* rows("DELETE FROM worker_pauses")
      yield* rows("SELECT 1 FROM worker_jobs WHERE ended_at IS NULL").pipe(
        Effect.repeat({ until: (left) => left.length === 0, schedule: Schedule.spaced("50 millis") })
      )
      const shares = yield* rows(
        "SELECT worker_id, count(*)::integer AS n, sum(deliveries)::integer AS deliveries FROM worker_jobs GROUP BY 1 ORDER BY 1"
      )
      assert.deepStrictEqual(
        shares.map((share) => share["worker_id"]),
        ["one", "two"]
      )
      assert.isTrue(shares.every(({ deliveries, n }) => Number(n) >= 4 && deliveries === n))
    })
  )
})
