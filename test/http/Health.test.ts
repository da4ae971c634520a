import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Metric, Option, Redacted } from "effect"
import { HttpServer, type HttpServerRequest } from "effect/http"
import { ControlPlane } from "../../src/control-plane/ControlPlane.ts"
import { success } from "../../src/domain/ToolResult.ts"
import { mayReadNames } from "../../src/http/access.ts"
import * as Health from "../../src/http/Health.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import * as TestWorker from "../../src/testing/TestWorker.ts"
import { Worker } from "../../src/worker/Worker.ts"

const world = Health.around({ port: 0, host: "127.0.0.1", metrics: true }, Worker.layer).pipe(
  Layer.provideMerge(
    TestWorker.world({ answer: () => Effect.succeed(success(1)), controlPlane: { workerName: "w1" } })
  )
)

const get = (path: string, headers: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const base = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
    return yield* Effect.promise(async () => {
      const answer = await fetch(`${base}${path}`, { headers })
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
        'noetl_worker_commands_total{kind="python",outcome="succeeded"} 0',
        'noetl_worker_commands_total{kind="other",outcome="crashed"} 0',
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
        const { active } = (yield* json("/status")).body as { active: ReadonlyArray<object> }
        assert.deepInclude(active[0], { kind: "stub", attempt: 1, phase: "run" })
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
        'noetl_worker_commands_total{kind="other",outcome="succeeded"} 1',
        'worker_job_duration_seconds_count{kind="other"} 1',
        'worker_jobs_processed{worker_id="w1"} 1',
        'worker_jobs_failed{worker_id="w1"} 0',
        "noetl_worker_claim_duration_seconds_count 1",
        "noetl_worker_report_duration_seconds_count 1",
        "noetl_worker_broker_connected 1",
        "noetl_worker_registered 1",
        `noetl_worker_build_info{version="unknown",node="${process.versions.node}"} 1`
      ]) {
        assert.include(metrics, name)
      }
      for (const name of [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "nodejs_heap_size_used_bytes"
      ])
        assert.match(metrics, new RegExp(`^${name} [1-9.]`, "m"), `${name} is measured`)
      // A second scrape does not count the same commands again.
      assert.include((yield* get("/metrics")).text, 'worker_jobs_processed{worker_id="w1"} 1')
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

  describe("shows ids, steps and names", () => {
    /** The peer's address, the host that it asked for, and its header. */
    const asked = (peer: string, host: string, authorization?: string) =>
      ({
        remoteAddress: Option.some(peer),
        headers: { host, ...(authorization === undefined ? {} : { authorization }) }
      }) as unknown as HttpServerRequest.HttpServerRequest

    it.each([
      ["without a token, to a peer on this machine", undefined, asked("127.0.0.1", "localhost:9090"), true],
      ["the same over IPv6", undefined, asked("::1", "[::1]:9090"), true],
      ["the same in IPv6's clothes", undefined, asked("::ffff:127.0.0.1", "127.0.0.1:9090"), true],
      ["not to a peer elsewhere", undefined, asked("10.0.0.7", "10.0.0.3:9090"), false],
      ["not to a peer elsewhere that names this machine", undefined, asked("10.0.0.7", "localhost"), false],
      [
        "not to a page of a browser on this machine",
        undefined,
        asked("127.0.0.1", "evil.example:9090"),
        false
      ],
      ["with a token, to a peer that has it", "t0ken", asked("10.0.0.7", "w", "Bearer t0ken"), true],
      ["with a token, to no peer without it", "t0ken", asked("127.0.0.1", "localhost"), false],
      ["with a token, to no peer with another one", "t0ken", asked("10.0.0.7", "w", "Bearer t0kem"), false],
      ["with a token, to no peer with a part of it", "t0ken", asked("10.0.0.7", "w", "Bearer t0"), false],
      [
        "with a token, to no peer that has it in another form",
        "t0ken",
        asked("10.0.0.7", "w", "t0ken"),
        false
      ]
    ] as const)("%s", (_, token, request, sees) => {
      assert.strictEqual(mayReadNames(token === undefined ? undefined : Redacted.make(token))(request), sees)
    })

    it.live("in /status and nowhere else; the counters are open", () =>
      Effect.gen(function* () {
        const started = yield* Deferred.make<void>()
        const busy = Health.around(
          { port: 0, host: "127.0.0.1", metrics: true, token: Redacted.make("t0ken") },
          Worker.layer
        ).pipe(
          Layer.provideMerge(
            TestWorker.world({
              answer: () => Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
            })
          )
        )
        yield* Effect.gen(function* () {
          const command = aCommand(7, { step: "a-step-of-mine" })
          yield* TestWorker.submit(command)
          yield* Deferred.await(started)
          for (const path of ["/health", "/ready", "/status", "/scale", "/metrics"]) {
            const { text } = yield* get(path)
            for (const name of ["a-step-of-mine", command.commandId, command.executionId])
              assert.notInclude(text, name, path)
          }
          assert.deepInclude((yield* json("/status")).body, { in_flight: 1, running: 1, slots: 4 })
          const { text } = yield* get("/status", { authorization: "Bearer t0ken" })
          for (const name of ["a-step-of-mine", command.commandId, command.executionId])
            assert.include(text, name)
        }).pipe(Effect.provide(busy))
      })
    )

    it.live("and says how many servers of messages are away", () => {
      const away = Health.around({ port: 0, host: "127.0.0.1", metrics: true }, Worker.layer).pipe(
        Layer.provideMerge(
          Layer.merge(
            TestWorker.world({ controlPlane: { workerName: "w1" } }),
            Layer.effect(
              ControlPlane,
              Effect.map(ControlPlane, (plane) => ({
                ...plane,
                serversAway: Effect.succeed([{ address: "http://other:8082", since: 0 }])
              }))
            ).pipe(Layer.provide(TestWorker.world()))
          )
        )
      )
      return Effect.gen(function* () {
        const ready = yield* json("/ready")
        assert.deepInclude(ready.body, { status: "ready", servers_away: 1 })
        assert.include((yield* get("/status")).text, "http://other:8082")
      }).pipe(Effect.provide(away))
    })
  })
})
