import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Metric } from "effect"
import { HttpServer } from "effect/http"
import { success } from "../../src/domain/ToolResult.ts"
import * as Health from "../../src/http/Health.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import * as TestWorker from "../../src/testing/TestWorker.ts"
import { Worker } from "../../src/worker/Worker.ts"

const world = Health.around({ port: 0, host: "127.0.0.1", metrics: true }, Worker.layer).pipe(
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
  it.live("tells an autoscaler what waits, what runs and what is free", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* json("/scale"), {
        status: 200,
        body: { depth: 0, oldest_age_seconds: 0, in_flight: 0, running: 0, parked: 0, slots: 4, free: 4 }
      })
    }).pipe(Effect.provide(world))
  )

  it.live("shows every counter from the start, at zero, failures beside successes", () =>
    Effect.gen(function* () {
      const { text } = yield* get("/metrics")
      for (const series of [
        'noetl_worker_commands_total{outcome="succeeded"} 0',
        'noetl_worker_commands_total{outcome="crashed"} 0',
        'noetl_worker_claims_total{answer="rejected"} 0',
        'noetl_worker_settlements_total{settlement="discard"} 0',
        "noetl_worker_reports_total 0",
        "noetl_worker_report_failures_total 0",
        "noetl_worker_dead_letters_total 0",
        "noetl_worker_dead_letter_failures_total 0",
        "noetl_worker_leases_expired_total 0",
        "worker_jobs_processed_total 0",
        "worker_jobs_failed_total 0"
      ]) {
        assert.include(text, series)
      }
    }).pipe(Effect.provide(world))
  )

  it.live("shows how many slots are taken, to the autoscaler and to the alert alike", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const mayEnd = yield* Deferred.make<void>()
      const busy = Health.around({ port: 0, host: "127.0.0.1", metrics: true }, Worker.layer).pipe(
        Layer.provideMerge(
          TestWorker.world({
            answer: () =>
              Deferred.succeed(started, undefined).pipe(
                Effect.andThen(Deferred.await(mayEnd)),
                Effect.as(success(1))
              )
          })
        )
      )
      yield* Effect.gen(function* () {
        yield* TestWorker.submit(aCommand())
        yield* Deferred.await(started)
        assert.deepInclude((yield* json("/scale")).body, { running: 1, free: 3 })
        assert.include((yield* get("/metrics")).text, "noetl_worker_slots_busy 1")
        yield* Deferred.succeed(mayEnd, undefined)
        yield* TestWorker.idle
        assert.include((yield* get("/metrics")).text, "noetl_worker_slots_busy 0")
      }).pipe(Effect.provide(busy))
      // The other tests count from zero.
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.live("tells how old the oldest command is that waits for a slot", () =>
    Effect.gen(function* () {
      const mayEnd = yield* Deferred.make<void>()
      const full = Health.around({ port: 0, host: "127.0.0.1", metrics: true }, Worker.layer).pipe(
        Layer.provideMerge(
          TestWorker.world({
            config: { concurrency: 1, prefetch: 1 },
            answer: () => Effect.as(Deferred.await(mayEnd), success(1))
          })
        )
      )
      yield* Effect.gen(function* () {
        for (const n of [1, 2]) yield* TestWorker.submit(aCommand(n))
        // The second waits in the inbox: the queue has none left.
        yield* Effect.sleep("1200 millis")
        const { body } = yield* json("/scale")
        assert.deepInclude(body, { depth: 0, running: 1 })
        assert.isAtLeast(Number(body["oldest_age_seconds"]), 1)
        assert.match((yield* get("/metrics")).text, /noetl_worker_oldest_waiting_seconds [1-9]/)
        yield* Deferred.succeed(mayEnd, undefined)
        yield* TestWorker.idle
        assert.deepInclude((yield* json("/scale")).body, { depth: 0, oldest_age_seconds: 0 })
      }).pipe(Effect.provide(full))
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

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
      const never = Health.around({ port: 0, host: "127.0.0.1", metrics: false }, Worker.layer).pipe(
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
