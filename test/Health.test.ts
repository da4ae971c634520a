import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { success } from "../src/domain/ToolResult.ts"
import * as Health from "../src/Health.ts"
import { aCommand } from "../src/testing/aCommand.ts"
import * as TestWorker from "../src/testing/TestWorker.ts"
import { Worker } from "../src/Worker.ts"

const world = Health.layer({ port: 0, host: "127.0.0.1", metrics: true }).pipe(
  Layer.provideMerge(Worker.layer),
  Layer.provideMerge(
    TestWorker.world({ answer: () => Effect.succeed(success(1)), controlPlane: { workerName: "w1" } })
  )
)

const get = (path: string) =>
  Effect.gen(function* () {
    const base = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
    return yield* Effect.promise(async () => {
      const answer = await fetch(`${base}${path}`)
      return { status: answer.status, text: await answer.text() }
    })
  })

const json = (path: string) =>
  Effect.map(get(path), ({ status, text }) => ({ status, body: JSON.parse(text) as Record<string, unknown> }))

describe("Health", () => {
  it.live("answers in the shapes of the workers that this one replaces", () =>
    Effect.gen(function* () {
      yield* TestWorker.submit(aCommand())
      yield* TestWorker.idle
      const health = yield* json("/health")
      assert.deepInclude(health.body, { status: "healthy", worker_id: "w1" })
      assert.deepStrictEqual(yield* json("/ready"), {
        status: 200,
        body: { status: "ready", workers: 4, active_jobs: 0, queue_connected: true }
      })
      const { body: status } = yield* json("/status")
      assert.containsAllKeys(status, [
        "jobs_processed",
        "jobs_failed",
        "uptime_seconds",
        "started_at",
        "is_running",
        "tree"
      ])
      assert.strictEqual(status["is_running"], true)
      const { text: metrics } = yield* get("/metrics")
      for (const name of [
        "worker_jobs_processed_total 1",
        "worker_jobs_failed_total",
        "worker_job_duration_seconds",
        "worker_active_jobs",
        "worker_queue_depth",
        "noetl_worker_event_loop_lag_seconds",
        'noetl_worker_commands_total{outcome="succeeded"}'
      ]) {
        assert.include(metrics, name)
      }
    }).pipe(Effect.provide(world))
  )

  it.live("is not ready before it is registered, and does not know other paths", () =>
    Effect.gen(function* () {
      const never = Health.layer({ port: 0, host: "127.0.0.1", metrics: false }).pipe(
        Layer.provideMerge(Worker.layer),
        Layer.provideMerge(
          TestWorker.world({
            controlPlane: { before: (what) => (what === "register" ? Effect.never : Effect.void) }
          })
        )
      )
      yield* Effect.gen(function* () {
        const ready = yield* json("/ready")
        assert.deepStrictEqual([ready.status, ready.body["status"]], [503, "not ready"])
        assert.strictEqual((yield* get("/metrics")).status, 404)
      }).pipe(Effect.provide(never))
    })
  )
})
