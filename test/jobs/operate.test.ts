import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Ref, Schedule } from "effect"
import { success } from "../../src/domain/ToolResult.ts"
import { Jobs, type Submission } from "../../src/jobs/Jobs.ts"
import * as Operate from "../../src/jobs/operate.ts"
import * as PostgresJobs from "../../src/jobs/PostgresJobs.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { jobWorker, type Options } from "../support/JobWorker.ts"
import { freshDatabase, rows } from "../support/PostgresJobs.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

const server = serverOfFile()
const world = () => PostgresJobs.layer.pipe(Layer.provideMerge(freshDatabase(() => server.current)))
const stub = (more: Partial<Submission> = {}): Submission => ({
  kind: "tool",
  payload: { tool: "stub" },
  ...more
})
const allEnded = Effect.gen(function* () {
  const [left] = yield* rows("SELECT count(*)::integer AS n FROM worker_jobs WHERE ended_at IS NULL")
  return left?.["n"] === 0
}).pipe(Effect.repeat({ until: (done) => done, schedule: Schedule.spaced("30 millis") }))

const test = (
  sentence: string,
  body: Effect.Effect<void, unknown, Layer.Success<ReturnType<typeof world>>>
) => it.live(sentence, () => body.pipe(Effect.scoped, Effect.provide(world()), Effect.timeout("60 seconds")))

/** Two workers, as two processes are: nothing but the database is shared. */
const twoWorkers = (options: Options) =>
  Layer.merge(
    Layer.fresh(jobWorker(options)),
    Layer.fresh(jobWorker({ ...options, queue: { ...options.queue, worker: "second" } }))
  )

/** How many run at once, at most, in total and by argument. */
const counting = Effect.gen(function* () {
  const running = new Map<string, number>()
  const most = new Map<string, number>()
  const add = (key: string, n: number) => {
    running.set(key, (running.get(key) ?? 0) + n)
    most.set(key, Math.max(most.get(key) ?? 0, running.get(key) ?? 0))
  }
  return {
    most,
    answer: ({ args }: { readonly args: Readonly<Record<string, unknown>> }) =>
      Effect.acquireUseRelease(
        Effect.sync(() => ["all", String(args["key"])].forEach((key) => add(key, 1))),
        () => Effect.as(Effect.sleep("120 millis"), success(null)),
        () => Effect.sync(() => ["all", String(args["key"])].forEach((key) => add(key, -1)))
      )
  }
})

describe("An operator", () => {
  test(
    "limits how many jobs of a queue, and of each key, run at once over all workers",
    Effect.gen(function* () {
      yield* Operate.setLimit({
        queue: "default",
        scope: "queue",
        value: "*",
        maxRunning: 3,
        perMinute: undefined
      })
      yield* Operate.setLimit({
        queue: "default",
        scope: "key",
        value: "*",
        maxRunning: 1,
        perMinute: undefined
      })
      const { answer, most } = yield* counting
      const keyed = (key: string) => stub({ concurrencyKey: key, payload: { tool: "stub", args: { key } } })
      yield* (yield* Jobs).submitMany(["a", "a", "a", "b", "b", "c", "c", "d", "d"].map(keyed))
      yield* Effect.provide(allEnded, twoWorkers({ answer }))
      assert.strictEqual(most.get("all"), 3)
      assert.deepStrictEqual(
        ["a", "b", "c", "d"].map((key) => most.get(key)),
        [1, 1, 1, 1]
      )
    })
  )

  test(
    "limits how many jobs with the same value in their payload run at once",
    Effect.gen(function* () {
      yield* Operate.setLimit({
        queue: "default",
        scope: "payload",
        value: "args.key",
        maxRunning: 2,
        perMinute: undefined
      })
      const { answer, most } = yield* counting
      const of = (key: string) => stub({ payload: { tool: "stub", args: { key } } })
      yield* (yield* Jobs).submitMany(["a", "a", "a", "a", "b", "b", "b"].map(of).concat(stub()))
      yield* Effect.provide(allEnded, twoWorkers({ answer }))
      assert.deepStrictEqual([most.get("a"), most.get("b")], [2, 2])
    })
  )

  test(
    "works jobs whose payload has more at a limited place than an index takes",
    Effect.gen(function* () {
      yield* Operate.setLimit({
        queue: "default",
        scope: "payload",
        value: "args.key",
        maxRunning: 1,
        perMinute: 100
      })
      const { answer, most } = yield* counting
      // No compression makes it small.
      const long = Array.from({ length: 4000 }, (_, i) =>
        String.fromCharCode(0x4e00 + ((i * 7919) % 20_000))
      ).join("")
      const of = (key: string) => stub({ payload: { tool: "stub", args: { key } } })
      yield* (yield* Jobs).submitMany([long, long, "a"].map(of))
      yield* Effect.provide(allEnded, twoWorkers({ answer }))
      assert.deepStrictEqual([most.get(long), most.get("a")], [1, 1])
    })
  )

  test(
    "limits how many jobs of a tool start within a minute over all workers",
    Effect.gen(function* () {
      yield* Operate.setLimit({
        queue: "default",
        scope: "kind",
        value: "stub",
        maxRunning: undefined,
        perMinute: 3
      })
      const jobs = yield* Jobs
      yield* jobs.submitMany([
        ...Array.from({ length: 8 }, () => stub()),
        { kind: "tool", payload: { tool: "noop" } }
      ])
      const noop = jobs
        .list({ status: "succeeded" })
        .pipe(Effect.repeat({ until: (done) => done.length === 4, schedule: Schedule.spaced("30 millis") }))
      yield* Effect.provide(Effect.andThen(noop, Effect.sleep("500 millis")), twoWorkers({}))
      assert.strictEqual((yield* jobs.list({ status: "succeeded" })).length, 4)
      yield* rows("UPDATE worker_starts SET at = at - interval '61 seconds'")
      yield* Effect.provide(
        jobs
          .list({ status: "succeeded" })
          .pipe(
            Effect.repeat({ until: (done) => done.length === 7, schedule: Schedule.spaced("30 millis") })
          ),
        twoWorkers({})
      )
    })
  )

  test(
    "pauses a queue for all workers, which say so, and lets it go on",
    Effect.gen(function* () {
      yield* Operate.pause({ scope: "queue", name: "default" })
      const { id } = yield* (yield* Jobs).submit(stub())
      yield* Effect.gen(function* () {
        const worker = yield* Worker
        yield* worker.status.pipe(
          Effect.repeat({
            until: ({ queue }) => queue.paused !== undefined,
            schedule: Schedule.spaced("20 millis")
          })
        )
        assert.match((yield* worker.status).queue.paused ?? "", /paused by an operator: default/)
        assert.strictEqual((yield* (yield* Jobs).result(id)).status, "queued")
        assert.isTrue(yield* Operate.resume({ scope: "queue", name: "default" }))
        assert.strictEqual((yield* (yield* Jobs).wait(id, "20 seconds")).status, "succeeded")
        assert.isUndefined((yield* worker.status).queue.paused)
      }).pipe(Effect.provide(jobWorker()))
    })
  )

  test(
    "lets a clock submit jobs, once for each moment however many workers run",
    Effect.gen(function* () {
      const next = yield* Operate.putCron({
        name: "every second",
        schedule: "* * * * * *",
        timeZone: "Europe/Berlin",
        job: stub({ tenant: "clock" })
      })
      assert.isAbove(next.getTime(), 0)
      const started = yield* Ref.make(0)
      const answer = () =>
        Effect.as(
          Ref.update(started, (n) => n + 1),
          success(null)
        )
      yield* Effect.provide(
        Ref.get(started).pipe(
          Effect.repeat({ until: (n) => n >= 3, schedule: Schedule.spaced("50 millis") })
        ),
        twoWorkers({ answer })
      )
      const twice = yield* rows(
        "SELECT date_trunc('second', created_at) AS at FROM worker_jobs GROUP BY 1 HAVING count(*) > 1"
      )
      assert.deepStrictEqual(twice, [])
      assert.strictEqual((yield* (yield* Jobs).list({ tenant: "clock" }))[0]?.tenant, "clock")
      const wrong = yield* Effect.flip(Operate.putCron({ name: "x", schedule: "61 * * * *", job: stub() }))
      assert.match(wrong.message, /^schedule: /)
      const nowhere = yield* Effect.flip(
        Operate.putCron({ name: "x", schedule: "* * * * *", timeZone: "Nowhere/Else", job: stub() })
      )
      assert.match(nowhere.message, /no time zone Nowhere\/Else/)
    })
  )

  test(
    "keeps what ended for as long as it is told",
    Effect.gen(function* () {
      yield* rows(
        "INSERT INTO worker_jobs (kind, status, ended_at) SELECT 'a', s, now() - make_interval(hours => h) " +
          "FROM unnest(ARRAY['succeeded', 'cancelled', 'failed']) s, unnest(ARRAY[1, 3, 5]) h"
      )
      const kept = { maintenance: { keepEnded: Duration.hours(2), keepFailed: Duration.hours(4) } }
      const left = rows("SELECT status, count(*)::integer AS n FROM worker_jobs GROUP BY 1 ORDER BY 1")
      yield* Effect.provide(
        left.pipe(
          Effect.repeat({
            until: (found) => found.reduce((sum, { n }) => sum + Number(n), 0) === 4,
            schedule: Schedule.spaced("20 millis")
          })
        ),
        jobWorker({ queue: kept })
      )
      assert.deepStrictEqual(yield* left, [
        { status: "cancelled", n: 1 },
        { status: "failed", n: 2 },
        { status: "succeeded", n: 1 }
      ])
    })
  )

  test(
    "gives each of several queues its own concurrency",
    Effect.gen(function* () {
      const { answer, most } = yield* counting
      const of = (queue: string, n: number) =>
        Array.from({ length: n }, () => stub({ queue, payload: { tool: "stub", args: { key: queue } } }))
      yield* (yield* Jobs).submitMany([...of("slow", 6), ...of("quick", 6)])
      const queues = [
        { name: "slow", concurrency: 1, weight: 1 },
        { name: "quick", concurrency: undefined, weight: 3 }
      ]
      yield* Effect.provide(allEnded, jobWorker({ answer, queue: { queues }, config: { prefetch: 0 } }))
      assert.strictEqual(most.get("slow"), 1)
      assert.isAtLeast(most.get("quick") ?? 0, 2)
    })
  )

  test(
    "I10: a tenant with 10,000 long jobs does not hold up another's",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* jobs.submitMany(Array.from({ length: 10_000 }, () => stub({ tenant: "a", priority: 10 })))
      const answer = () => Effect.as(Effect.sleep("1 second"), success(null))
      const second = yield* Effect.provide(
        Effect.gen(function* () {
          yield* Effect.sleep("1500 millis")
          const { id } = yield* jobs.submit(stub({ tenant: "b", priority: 0 }))
          return yield* jobs.wait(id, "30 seconds")
        }),
        jobWorker({ answer, config: { concurrency: 4, prefetch: 0, drain: Duration.millis(10) } })
      )
      assert.isAtMost((second.startedAt ?? Infinity) - second.createdAt, 2000)
    })
  )
})
