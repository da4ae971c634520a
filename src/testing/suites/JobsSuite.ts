/** What every backend of jobs must do. Give it a layer with the jobs and a worker on them; it runs on the real clock. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer, Schedule, Stream } from "effect"
import * as Failure from "../../domain/Failure.ts"
import { failure, success } from "../../domain/ToolResult.ts"
import { Jobs, type Submission } from "../../jobs/Jobs.ts"
import type { ToolCall } from "../../tools/Tool.ts"
import { away, echo, JobsWorker, reasonOf, recorded, stub, working } from "./jobsSuiteParts.ts"

export { JobsWorker } from "./jobsSuiteParts.ts"

/** `layer` is built afresh for each test. */
export const suite = <E>(name: string, layer: Layer.Layer<Jobs | JobsWorker, E>): void => {
  const test = (sentence: string, body: Effect.Effect<void, unknown, Jobs | JobsWorker>) =>
    it.live(sentence, () => body.pipe(Effect.provide(layer), Effect.timeout("60 seconds")))

  describe.concurrent(`${name} as jobs`, () => {
    test(
      "takes a job, says at once which it is, and gives its result when it ended",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const { created, id } = yield* jobs.submit(stub({ n: 1 }))
        assert.isTrue(created)
        assert.strictEqual((yield* jobs.result(id)).status, "queued")
        const job = yield* working(echo, jobs.wait(id, "20 seconds"))
        assert.deepStrictEqual([job.status, job.result, job.attempt], ["succeeded", { n: 1 }, 1])
      })
    )

    test(
      "takes ten thousand jobs at once and answers in their order",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const many = Array.from({ length: 10_000 }, (_, n) => stub({ n }))
        const answers = yield* jobs.submitMany(many)
        assert.strictEqual(new Set(answers.map(({ id }) => id)).size, 10_000)
        const last = yield* jobs.result(answers[9_999]?.id ?? "")
        assert.deepStrictEqual(last.payload, stub({ n: 9_999 }).payload)
      })
    )

    test(
      "keeps one job for one idempotency key, within a submission and between two",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const job = stub({}, { idempotencyKey: "order-1" })
        const [first, second] = yield* jobs.submitMany([job, job])
        const third = yield* jobs.submit(job)
        const elsewhere = yield* jobs.submit({ ...job, queue: "other" })
        const inPeriod = { ...job, uniqueFor: "1 hour" } as const
        const fourth = yield* jobs.submit(inPeriod)
        const fifth = yield* jobs.submit(inPeriod)
        assert.deepStrictEqual(
          [first, second, third, elsewhere, fourth, fifth].map((answer) => answer?.created),
          [true, false, false, true, true, false]
        )
        assert.deepStrictEqual([second?.id, third.id, fifth.id], [first?.id, first?.id, fourth.id])
        assert.notStrictEqual(elsewhere.id, first?.id)
      })
    )

    test(
      "does not start a job before its time",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const { id } = yield* jobs.submit(stub({}, { delay: "700 millis" }))
        const job = yield* working(echo, jobs.wait(id, "20 seconds"))
        assert.isAtLeast(job.startedAt ?? 0, job.createdAt + 690)
      })
    )

    test(
      "I2: works a tenant's jobs by priority, the higher first, and by age within one",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const submitted = yield* jobs.submitMany(
          [5, 0, 10, 5, undefined].map((priority, n) =>
            stub({ n }, priority === undefined ? {} : { priority })
          )
        )
        const order: Array<unknown> = []
        yield* working(
          recorded(order),
          Effect.forEach(submitted, ({ id }) => jobs.wait(id, "20 seconds")),
          1
        )
        assert.deepStrictEqual(order, [2, 0, 3, 4, 1])
      })
    )

    test(
      "I10: lets tenants take turns, so that one's heavy work does not hold up another's",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const heavy = Array.from({ length: 50 }, () => stub({ n: "a" }, { tenant: "a", priority: 10 }))
        const last = (yield* jobs.submitMany(heavy)).at(-1)?.id ?? ""
        const { id } = yield* jobs.submit(stub({ n: "b" }, { tenant: "b", priority: 0 }))
        const order: Array<unknown> = []
        const both = Effect.andThen(jobs.wait(id, "20 seconds"), jobs.wait(last, "20 seconds"))
        yield* working(recorded(order), both, 1)
        assert.isAtMost(order.indexOf("b"), 12)
      })
    )

    test(
      "N6: tries a job with a retryable error again until its retries are used up",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const { id } = yield* jobs.submit(stub({}, { maxRetries: 2, backoff: { first: "10 millis" } }))
        const job = yield* working(() => Effect.succeed(failure(away)), jobs.wait(id, "20 seconds"))
        assert.deepStrictEqual([job.status, job.attempt, job.failures], ["failed", 3, 3])
        assert.strictEqual(job.error?.["message"], "Max retries exceeded")
        assert.deepInclude(job.error?.["last"], { message: "away" })
      })
    )

    test(
      "ends an attempt that takes longer than the job allows",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const { id } = yield* jobs.submit(stub({}, { timeout: "200 millis", maxRetries: 0 }))
        const job = yield* working(() => Effect.never, jobs.wait(id, "20 seconds"))
        assert.strictEqual(job.status, "failed")
        assert.deepInclude(job.error?.["last"], { kind: "timeout" })
      })
    )

    test(
      "cancels a queued job at once, and stops the tool of a running one",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const queued = yield* jobs.submit(stub({}, { delay: "1 hour" }))
        assert.strictEqual(yield* jobs.cancel(queued.id), "cancelled")
        const started = yield* Deferred.make<void>()
        const stopped = yield* Deferred.make<void>()
        const endless = () =>
          Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => Deferred.succeed(stopped, undefined))
          )
        const running = yield* jobs.submit(stub({}))
        const job = yield* working(
          endless,
          Effect.gen(function* () {
            yield* Deferred.await(started)
            assert.strictEqual(yield* jobs.cancel(running.id), "running")
            yield* Deferred.await(stopped)
            return yield* jobs.wait(running.id, "20 seconds")
          })
        )
        assert.strictEqual(job.status, "cancelled")
      })
    )

    test(
      "I3: keeps failed jobs with their reason, tries one again, and deletes them",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const { id } = yield* jobs.submit(stub({ n: 1 }))
        const gone = yield* jobs.submit(stub({ n: 2 }))
        const refused = () => Effect.succeed(failure(Failure.make("auth", "not allowed")))
        yield* working(refused, Effect.andThen(jobs.wait(id, "20 seconds"), jobs.wait(gone.id, "20 seconds")))
        assert.deepStrictEqual(
          (yield* jobs.deadLetters.list()).map((job) => [job.id, job.error?.["message"]]),
          [
            [gone.id, "not allowed"],
            [id, "not allowed"]
          ]
        )
        assert.strictEqual((yield* jobs.deadLetters.show(id)).failures, 1)
        yield* jobs.deadLetters.retry(id)
        const again = yield* working(echo, jobs.wait(id, "20 seconds"))
        assert.deepStrictEqual([again.status, again.attempt], ["succeeded", 2])
        assert.strictEqual(yield* jobs.deadLetters.purge({ id: gone.id }), 1)
        assert.strictEqual(yield* jobs.deadLetters.purge({}), 0)
        assert.strictEqual(yield* reasonOf(jobs.result(gone.id)), "NoSuchJob")
      })
    )

    test(
      "waits no longer than it was told, and the job goes on",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const { id } = yield* jobs.submit(stub({}))
        assert.strictEqual(yield* reasonOf(jobs.wait(id, "50 millis")), "StillRunning")
        assert.strictEqual((yield* jobs.result(id)).status, "queued")
        assert.strictEqual(yield* reasonOf(jobs.wait("999999999", "1 second")), "NoSuchJob")
        assert.strictEqual(yield* reasonOf(jobs.cancel("none")), "NoSuchJob")
      })
    )

    test(
      "cancels a job that was not started in time, with the reason",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const blocker = yield* jobs.submit(stub({}, { priority: 10 }))
        const { id } = yield* jobs.submit(stub({}, { ttl: "300 millis" }))
        const slow = () => Effect.as(Effect.sleep("1 second"), success(null))
        const job = yield* working(slow, jobs.wait(id, "20 seconds"), 1)
        assert.deepStrictEqual(
          [job.status, job.error?.["code"], job.startedAt],
          ["cancelled", "EXPIRED", undefined]
        )
        assert.notStrictEqual((yield* jobs.result(blocker.id)).status, "cancelled")
      })
    )

    test(
      "I11: counts what waits, runs, ended and died, and the workers",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* jobs.submitMany([stub({ n: 1 }), stub({ n: 2 }), stub({}, { delay: "1 hour" })])
        const before = yield* jobs.stats
        assert.deepInclude(before[0], { queue: "default", ready: 2, later: 1, running: 0, workers: 0 })
        const oddFails = ({ args }: ToolCall) =>
          Effect.succeed(args["n"] === 1 ? failure(Failure.make("auth", "no")) : success(null))
        const after = yield* working(
          oddFails,
          jobs.stats.pipe(
            Effect.repeat({
              until: ([stats]) => stats !== undefined && stats.succeeded + stats.failed === 2,
              schedule: Schedule.spaced("20 millis")
            })
          )
        )
        assert.deepInclude(after[0], { ready: 0, later: 1, succeeded: 1, failed: 1, workers: 1 })
      })
    )

    test(
      "tells each change of a job",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const events = yield* Effect.forkChild(
          jobs.events.pipe(
            Stream.filter(({ queue }) => queue === "default"),
            Stream.takeUntil(({ status }) => status === "succeeded"),
            Stream.runCollect
          ),
          { startImmediately: true }
        )
        // The first one shows that the reader is there.
        yield* jobs
          .submit(stub({}, { queue: "elsewhere" }))
          .pipe(Effect.repeat({ times: 3, schedule: Schedule.spaced("200 millis") }))
        const { id } = yield* jobs.submit(stub({}))
        const seen = yield* working(echo, Fiber.join(events))
        assert.deepStrictEqual(
          seen.map((event) => [event.id, event.status]),
          ["queued", "running", "succeeded"].map((status) => [id, status])
        )
      })
    )

    test(
      "refuses what is no job, with the place of each problem, and keeps nothing of the submission",
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const wrong: ReadonlyArray<readonly [Submission, RegExp]> = [
          [stub({}, { priority: 11 }), /^jobs\[1\]\.priority: /],
          [stub({}, { tenant: "" }), /^jobs\[1\]\.tenant: /],
          [stub({}, { runAt: new Date(Number.NaN) }), /^jobs\[1\]\.run_at: /],
          [{ ...stub({}), kind: "" }, /^jobs\[1\]\.kind: /],
          [stub({ deep: { text: "a\0b" } }), /^jobs\[1\]\.payload\.args\.deep\.text: .*NUL/],
          [stub({ large: "x".repeat(17_000_000) }), /^jobs\[1\]\.payload: \d+ bytes/]
        ]
        for (const [job, message] of wrong) {
          const error = yield* Effect.flip(jobs.submitMany([stub({}), job]))
          assert.match(error.message, message)
        }
        assert.deepStrictEqual(yield* jobs.list(), [])
      })
    )
  })
}
