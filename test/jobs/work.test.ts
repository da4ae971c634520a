import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer, Schedule } from "effect"
import * as Failure from "../../src/domain/Failure.ts"
import { failure, success } from "../../src/domain/ToolResult.ts"
import type { Database } from "../../src/postgres/Database.ts"
import { StubCalls } from "../../src/testing/StubTool.ts"
import { jobWorker, type Options } from "../support/JobWorker.ts"
import { freshDatabase, rows } from "../support/PostgresJobs.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

const server = serverOfFile()
const database = () => freshDatabase(() => server.current)

const enqueue = (payload: unknown, more = "", kind = "tool") =>
  Effect.map(
    rows(`SELECT worker_enqueue('default', $1, $2::jsonb${more})::text AS id`, [
      kind,
      JSON.stringify(payload)
    ]),
    ([row]) => String(row?.["id"])
  )
const job = (id: string) =>
  Effect.map(rows("SELECT * FROM worker_jobs WHERE id = $1::bigint", [id]), ([row]) => row!)
const ended = (id: string) =>
  job(id).pipe(
    Effect.repeat({
      until: (row) => row["ended_at"] !== null,
      schedule: Schedule.spaced("20 millis")
    })
  )
const stub = { tool: "stub", args: { a: 1 } }
const timeout = Failure.make("timeout", "no answer in time")

const withWorker = <A, E>(
  options: Options,
  body: Effect.Effect<
    A,
    E,
    Layer.Success<ReturnType<typeof jobWorker>> | Layer.Success<ReturnType<typeof database>>
  >
) =>
  body.pipe(Effect.provide(Layer.provideMerge(jobWorker(options), database())), Effect.timeout("60 seconds"))

describe("A worker on jobs in PostgreSQL", () => {
  it.live("N1: works a job of the database and keeps its result in its row", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const row = yield* ended(yield* enqueue(stub))
        assert.strictEqual(row["status"], "succeeded")
        assert.deepStrictEqual(row["result"], { a: 1 })
      })
    )
  )

  it.live("N6: releases a job with a retryable error until its retries are used up, then fails it", () =>
    withWorker(
      { answer: () => Effect.succeed(failure(timeout)), retry: { maxRetries: 2 } },
      Effect.gen(function* () {
        const row = yield* ended(yield* enqueue(stub))
        assert.deepStrictEqual([row["status"], row["attempt"], row["failures"]], ["failed", 3, 3])
        const error = row["error"] as {
          readonly message: string
          readonly last: { readonly message: string }
        }
        assert.deepStrictEqual(
          [error.message, error.last.message],
          ["Max retries exceeded", "no answer in time"]
        )
        assert.strictEqual((yield* (yield* StubCalls).calls).length, 3)
      })
    )
  )

  it.live("N6: fails a job with any other error at once", () =>
    withWorker(
      { answer: () => Effect.succeed(failure(Failure.make("auth", "who are you"))) },
      Effect.gen(function* () {
        const row = yield* ended(yield* enqueue(stub))
        assert.deepStrictEqual([row["status"], row["attempt"]], ["failed", 1])
        assert.strictEqual((row["error"] as { readonly message: string }).message, "who are you")
      })
    )
  )

  it.live("N5: extends the lease of a job that runs longer than it", () =>
    withWorker(
      { answer: () => Effect.as(Effect.sleep("2500 millis"), success("late")) },
      Effect.gen(function* () {
        const row = yield* ended(yield* enqueue(stub))
        assert.deepStrictEqual([row["status"], row["deliveries"]], ["succeeded", 1])
      })
    )
  )

  it.live("N9: releases at the shutdown what is unfinished, and charges no attempt for it", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const id = yield* enqueue(stub)
      yield* Deferred.await(started).pipe(
        Effect.provide(
          jobWorker({
            answer: () => Effect.andThen(Deferred.succeed(started, undefined), Effect.never),
            config: { drain: Duration.millis(50) }
          })
        )
      )
      const row = yield* job(id)
      assert.deepStrictEqual(
        [row["status"], row["attempt"], row["failures"], row["crashes"]],
        ["queued", 1, 0, 0]
      )
      assert.deepStrictEqual(yield* rows("SELECT * FROM worker_presence"), [])
    }).pipe(Effect.provide(database()), Effect.timeout("60 seconds"))
  )

  /** Runs a tool without an end, does something to its job, and goes on when the tool was stopped. */
  const afterTheStop = (
    what: (id: string) => Effect.Effect<unknown, unknown, Database>,
    then: (id: string) => Effect.Effect<void, unknown, Database>
  ) =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      const answer = () =>
        Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
          Effect.onInterrupt(() => Deferred.succeed(stopped, undefined))
        )
      yield* withWorker(
        { answer },
        Effect.gen(function* () {
          const id = yield* enqueue(stub)
          yield* Deferred.await(started)
          yield* what(id)
          yield* Deferred.await(stopped)
          yield* then(id)
        })
      )
    })

  it.live("stops the tool of a job that is cancelled", () =>
    afterTheStop(
      Effect.fnUntraced(function* (id) {
        assert.deepStrictEqual(yield* rows("SELECT worker_cancel($1::bigint) AS status", [id]), [
          { status: "running" }
        ])
      }),
      Effect.fnUntraced(function* (id) {
        assert.strictEqual((yield* ended(id))["status"], "cancelled")
      })
    )
  )

  it.live("stops the tool of a job whose lease is lost, and drops its outcome", () =>
    afterTheStop(
      (id) =>
        rows(
          "UPDATE worker_jobs SET lease_token = gen_random_uuid(), worker_id = 'other', lease_until = now() + interval '1 hour' WHERE id = $1::bigint",
          [id]
        ),
      Effect.fnUntraced(function* (id) {
        const row = yield* job(id)
        assert.deepStrictEqual([row["status"], row["worker_id"]], ["running", "other"])
      })
    )
  )

  it.live("I3: keeps a job that ended its worker twice as a dead letter, and runs it no more", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        yield* rows(
          "INSERT INTO worker_jobs (kind, payload, status, crashes, lease_until, worker_id) VALUES ('tool', '{\"tool\":\"stub\"}', 'running', 1, now() - interval '1 second', 'gone')"
        )
        const row = yield* ended("1")
        assert.deepStrictEqual([row["status"], row["crashes"]], ["failed", 2])
        assert.match((row["error"] as { readonly message: string }).message, /ran out twice/)
        assert.deepStrictEqual(yield* (yield* StubCalls).calls, [])
      })
    )
  )

  it.live("refuses kinds that need more than a worker, with a sentence", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        for (const [kind, sentence] of [
          ["provider", /needs a worker with providers/],
          ["playbook", /needs a worker that runs playbooks/]
        ] as const) {
          const row = yield* ended(yield* enqueue({}, "", kind))
          assert.strictEqual(row["status"], "failed")
          assert.match((row["error"] as { readonly message: string }).message, sentence)
        }
      })
    )
  )

  it.live("runs the tasks of a pipeline with their rules", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        const tasks = [
          { name: "first", kind: "noop", result: { n: 20 } },
          { name: "second", kind: "stub", args: { got: "{{ first.n }}" } }
        ]
        const row = yield* ended(yield* enqueue({ tasks }, "", "pipeline"))
        assert.strictEqual(row["status"], "succeeded", JSON.stringify(row["error"]))
        assert.deepStrictEqual((yield* (yield* StubCalls).calls)[0]?.args, { got: 20 })
      })
    )
  )

  it.live("keeps the worker alive over a job that is no job", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        for (const [payload, at] of [
          [[], /payload: expected/],
          [{ tool: 7 }, /payload.tool/],
          [{ tool: "stub", config: [] }, /payload.config/],
          [{ tool: "nothing" }, /nothing/]
        ] as const) {
          const row = yield* ended(yield* enqueue(payload))
          assert.strictEqual(row["status"], "failed")
          assert.match((row["error"] as { readonly message: string }).message, at)
        }
        assert.strictEqual((yield* ended(yield* enqueue(stub)))["status"], "succeeded")
      })
    )
  )
})
