import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted, Schedule } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { success } from "../../src/domain/ToolResult.ts"
import { Database } from "../../src/postgres/Database.ts"
import * as PostgresLeases from "../../src/queue/postgres/postgresLeases.ts"
import { StubCalls } from "../../src/testing/StubTool.ts"
import { type Cut, cuttingProxy } from "../support/CuttingProxy.ts"
import { jobWorker, type Options } from "../support/JobWorker.ts"
import { FreshDatabase, freshDatabase, rows, settingsAt } from "../support/PostgresJobs.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

const server = serverOfFile()

/** Every change of a job to an end is a line. */
const ledger = rows(`
  CREATE TABLE ledger (id bigint, status text);
  CREATE FUNCTION ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL THEN INSERT INTO ledger VALUES (NEW.id, NEW.status); END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER ended AFTER UPDATE ON worker_jobs FOR EACH ROW EXECUTE FUNCTION ended()`)

const submit = (n: number, kind = "stub") =>
  rows(
    "SELECT count(*) FROM worker_enqueue_many((SELECT jsonb_agg(jsonb_build_object('kind', 'tool', 'payload', " +
      "jsonb_build_object('tool', $2::text, 'args', jsonb_build_object('n', g)))) FROM generate_series(1, $1::integer) g))",
    [n, kind]
  )
const ended = Effect.map(rows("SELECT count(*)::integer AS n FROM ledger"), ([row]) => Number(row?.["n"]))
const allEnded = (n: number) =>
  // The database may be away at this moment.
  Effect.catchCause(ended, () => Effect.succeed(0)).pipe(
    Effect.repeat({ until: (found) => found >= n, schedule: Schedule.spaced("50 millis") })
  )
/** Each job has one accepted outcome. */
const outcomes = Effect.gen(function* () {
  const [counts] = yield* rows(
    "SELECT count(*)::integer AS lines, count(DISTINCT id)::integer AS jobs, " +
      "count(*) FILTER (WHERE status = 'succeeded')::integer AS succeeded FROM ledger"
  )
  return counts
})

const slow: Options["answer"] = ({ args }) => Effect.as(Effect.sleep("20 millis"), success(args))

/** A worker that reaches the database through a proxy. */
const throughProxy = (cut: Cut, options: Options) =>
  Effect.gen(function* () {
    const { url } = yield* FreshDatabase
    const proxy = yield* cuttingProxy(server.current.port, cut)
    const proxied = url.replace(/:\d+\/(?=[^/]*$)/, `:${proxy.port}/`)
    const leases =
      cut.at === "worker_extend"
        ? PostgresLeases.layer({
            url: Redacted.make(proxied),
            name: "chaos",
            hungAfter: Duration.minutes(1)
          })
        : undefined
    const database = Database.layer(settingsAt(proxied))
    const worker = jobWorker({ ...options, ...(leases === undefined ? {} : { leases }) })
    return { proxy, layer: worker.pipe(Layer.provide(Layer.fresh(database))) }
  })

const cuts: ReadonlyArray<Cut> = ["worker_claim", "worker_settle", "worker_extend"].flatMap((at) =>
  ([1, 2] as const).flatMap((nth) => (["before", "after"] as const).map((when) => ({ at, nth, when })))
)

describe("Jobs in PostgreSQL when something breaks", () => {
  it.live.each(cuts)("have one outcome each when the connection is cut $when $at number $nth", (cut) =>
    Effect.gen(function* () {
      yield* ledger
      const long = cut.at === "worker_extend"
      yield* submit(long ? 2 : 24)
      const { layer, proxy } = yield* throughProxy(cut, {
        answer: long ? ({ args }) => Effect.as(Effect.sleep("5 seconds"), success(args)) : slow,
        queue: { visibilityTimeout: Duration.seconds(long ? 3 : 30) }
      })
      const calls = yield* Effect.provide(
        Effect.andThen(
          allEnded(long ? 2 : 24),
          Effect.flatMap(StubCalls, ({ calls }) => calls)
        ),
        layer
      )
      assert.strictEqual(proxy.cuts(), 1)
      const n = long ? 2 : 24
      assert.deepStrictEqual(yield* outcomes, { lines: n, jobs: n, succeeded: n })
      assert.strictEqual(calls.length, n)
      // No lease had to run out.
      assert.deepStrictEqual(yield* rows("SELECT sum(crashes)::integer AS n FROM worker_jobs"), [{ n: 0 }])
    }).pipe(Effect.scoped, Effect.provide(freshDatabase(() => server.current)), Effect.timeout("60 seconds"))
  )

  it.live("have one outcome each when workers are killed under load", () =>
    Effect.gen(function* () {
      yield* ledger
      yield* submit(400, "noop")
      const { url } = yield* FreshDatabase
      const start = () =>
        spawn(process.execPath, ["src/nebula-worker.ts", "-c", "8", "-h", "0"], {
          stdio: "ignore",
          env: {
            PATH: process.env["PATH"],
            HOME: process.env["HOME"],
            DATABASE_URL: `${url}?sslmode=disable`,
            QUEUE_VISIBILITY_TIMEOUT_SECONDS: "2"
          }
        })
      const running = rows("SELECT 1 FROM worker_jobs WHERE status = 'running' LIMIT 1").pipe(
        Effect.repeat({ until: (found) => found.length > 0, schedule: Schedule.spaced("2 millis") })
      )
      const killed = start()
      yield* running
      killed.kill("SIGKILL")
      yield* Effect.promise(() => once(killed, "exit"))
      const survivor = start()
      yield* Effect.addFinalizer(() => Effect.sync(() => survivor.kill("SIGKILL")))
      yield* allEnded(400)
      assert.deepStrictEqual(yield* outcomes, { lines: 400, jobs: 400, succeeded: 400 })
      const [again] = yield* rows("SELECT count(*)::integer AS n FROM worker_jobs WHERE crashes = 1")
      assert.isAtLeast(Number(again?.["n"]), 1)
    }).pipe(Effect.scoped, Effect.provide(freshDatabase(() => server.current)), Effect.timeout("90 seconds"))
  )

  it.live("have one outcome each when the database is killed under load", () =>
    Effect.gen(function* () {
      yield* ledger
      yield* submit(300)
      yield* Effect.gen(function* () {
        yield* ended.pipe(Effect.repeat({ until: (n) => n > 40, schedule: Schedule.spaced("5 millis") }))
        yield* server.current.restart
        yield* allEnded(300)
      }).pipe(Effect.provide(jobWorker({ answer: slow, queue: { visibilityTimeout: Duration.seconds(30) } })))
      assert.deepStrictEqual(yield* outcomes, { lines: 300, jobs: 300, succeeded: 300 })
    }).pipe(Effect.scoped, Effect.provide(freshDatabase(() => server.current)), Effect.timeout("90 seconds"))
  )
})
