import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted, Schedule, Stream } from "effect"
import { success } from "../../src/domain/ToolResult.ts"
import { Jobs } from "../../src/jobs/Jobs.ts"
import * as PostgresJobs from "../../src/jobs/PostgresJobs.ts"
import { Leases } from "../../src/queue/Leases.ts"
import { MessageQueue } from "../../src/queue/MessageQueue.ts"
import { check } from "../../src/queue/postgres/check.ts"
import * as PostgresLeases from "../../src/queue/postgres/postgresLeases.ts"
import * as PostgresQueue from "../../src/queue/postgres/PostgresQueue.ts"
import * as Capacity from "../../src/worker/Capacity.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { jobWorker, type Options } from "../support/JobWorker.ts"
import { FreshDatabase, freshDatabase, queueOptions, rows, settingsAt } from "../support/PostgresJobs.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

const server = serverOfFile()
const world = () => PostgresJobs.layer.pipe(Layer.provideMerge(freshDatabase(() => server.current)))
type World = Layer.Success<ReturnType<typeof world>>

const test = (sentence: string, body: Effect.Effect<void, unknown, World>) =>
  it.live(sentence, () => body.pipe(Effect.scoped, Effect.provide(world()), Effect.timeout("90 seconds")))

const working = <A, E>(body: Effect.Effect<A, E, World | Worker>, options: Options = {}) =>
  Effect.provide(body, jobWorker(options))
const stub = { kind: "tool", payload: { tool: "stub", args: { n: 1 } } }
/** What the queue says of its state. */
const connected = (wanted: boolean) =>
  Effect.flatMap(Worker, (worker) => worker.status).pipe(
    Effect.repeat({
      until: ({ queue }) => queue.connected === wanted,
      schedule: Schedule.spaced("50 millis")
    })
  )

describe("A worker on jobs in a bad world", () => {
  test(
    "waits while the database only reads, as a replica does, and goes on when it writes again",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const name = (yield* rows("SELECT current_database() AS name"))[0]?.["name"]
      const readOnly = (value: string) =>
        Effect.andThen(
          server.current.query(`ALTER DATABASE ${String(name)} SET default_transaction_read_only = ${value}`),
          server.current.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${String(name)}'`
          )
        )
      const { id } = yield* jobs.submit({ ...stub, delay: "3 seconds" })
      yield* working(
        Effect.gen(function* () {
          yield* connected(true)
          yield* readOnly("on")
          yield* connected(false)
          const error = yield* Effect.flip(jobs.submit(stub))
          assert.match(error.message, /read-only transaction/)
          yield* readOnly("off")
          assert.strictEqual((yield* jobs.wait(id, "30 seconds")).status, "succeeded")
        })
      )
    })
  )

  test(
    "keeps an outcome that the database has no space for, and hands it in when there is",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { id } = yield* jobs.submit(stub)
      yield* rows(`
        CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
        END $$;
        CREATE TRIGGER full_disk BEFORE UPDATE ON worker_jobs FOR EACH ROW WHEN (NEW.status = 'succeeded') EXECUTE FUNCTION full_disk()`)
      const calls: Array<unknown> = []
      yield* working(
        Effect.gen(function* () {
          yield* Effect.sleep("1 second").pipe(
            Effect.repeat({ until: () => Effect.sync(() => calls.length > 0) })
          )
          assert.strictEqual((yield* jobs.result(id)).status, "running")
          yield* rows("DROP TRIGGER full_disk ON worker_jobs")
          assert.strictEqual((yield* jobs.wait(id, "60 seconds")).status, "succeeded")
        }),
        {
          answer: ({ args }) =>
            Effect.sync(() => {
              calls.push(args)
              return success(args)
            }),
          queue: { visibilityTimeout: Duration.seconds(30) }
        }
      )
      assert.strictEqual(calls.length, 1)
    })
  )

  test(
    "has no use for its own clock: one that is an hour off loses no lease and no time, and doctor says so",
    Effect.gen(function* () {
      const { url } = yield* FreshDatabase
      const [row] = yield* rows("SELECT (extract(epoch FROM now()) * 1000)::double precision AS now")
      const findings = yield* check(settingsAt(url))(Number(row?.["now"]) + 3_600_000)
      const clock = findings.find(({ about }) => about === "clock")
      assert.strictEqual(clock?.level, "warning")
      assert.match(clock?.cause ?? "", /differ by 3\d{3} s/)
    })
  )

  test(
    "refuses a payload of 100 MB where it is submitted, and a row of SQL that is too large",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const large = yield* Effect.flip(jobs.submit({ kind: "a", payload: { text: "x".repeat(100_000_000) } }))
      assert.match(large.message, /payload: \d+ bytes, and 16777216 are the most/)
      const row = yield* Effect.flip(
        Effect.sandbox(
          rows("SELECT worker_enqueue('default', 'a', jsonb_build_object('t', repeat('x', 20000000)))")
        )
      )
      assert.match(String(row), /check constraint/)
      const { id } = yield* jobs.submit(stub)
      assert.strictEqual((yield* working(jobs.wait(id, "20 seconds"))).status, "succeeded")
    })
  )

  test(
    "fails a job whose result the database cannot keep, with the reason, and works the next one",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* rows(`
        CREATE FUNCTION unkept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF NEW.result ->> 'n' = '1' THEN RAISE EXCEPTION 'total size of jsonb object elements exceeds the maximum' USING ERRCODE = '54000'; END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER unkept BEFORE UPDATE ON worker_jobs FOR EACH ROW EXECUTE FUNCTION unkept()`)
      const [first, second] = yield* jobs.submitMany([
        stub,
        { ...stub, payload: { tool: "stub", args: { n: 2 } } }
      ])
      yield* working(
        Effect.gen(function* () {
          const failed = yield* jobs.wait(first?.id ?? "", "20 seconds")
          assert.deepStrictEqual([failed.status, failed.error?.["code"]], ["failed", "RESULT_NOT_STORED"])
          assert.strictEqual((yield* jobs.wait(second?.id ?? "", "20 seconds")).status, "succeeded")
        })
      )
    })
  )

  it.live("N5: keeps its leases while its main thread stands still", () =>
    Effect.gen(function* () {
      yield* rows("SELECT worker_enqueue('default', 'a')")
      const leases = yield* Leases
      yield* Effect.forkScoped(
        leases.run({ address: "here", every: Duration.minutes(1), send: Effect.void, request: undefined })
      )
      const queue = yield* MessageQueue
      yield* queue.deliveries(yield* Capacity.make(1)).pipe(Stream.take(1), Stream.runForEach(leases.hold))
      // The thread has to be up before this one stands still.
      yield* rows("SELECT 1 FROM pg_stat_activity WHERE application_name = 'still-leases'").pipe(
        Effect.repeat({ until: (found) => found.length > 0, schedule: Schedule.spaced("20 millis") })
      )
      yield* Effect.sync(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 12_000))
      assert.deepStrictEqual(
        yield* rows("SELECT status, crashes, lease_until > now() AS held FROM worker_jobs"),
        [{ status: "running", crashes: 0, held: true }]
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.unwrap(
          Effect.map(FreshDatabase, ({ url }) =>
            PostgresLeases.layer({ url: Redacted.make(url), name: "still", hungAfter: Duration.minutes(1) })
          )
        ).pipe(
          Layer.merge(PostgresQueue.layer({ ...queueOptions, visibilityTimeout: Duration.seconds(5) })),
          Layer.provideMerge(freshDatabase(() => server.current))
        )
      ),
      Effect.timeout("60 seconds")
    )
  )
})
