import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted, Schedule } from "effect"
import { createHmac } from "node:crypto"
import { createServer, type IncomingHttpHeaders } from "node:http"
import * as Failure from "../../src/domain/Failure.ts"
import { failure, success } from "../../src/domain/ToolResult.ts"
import { Jobs } from "../../src/jobs/Jobs.ts"
import * as PostgresJobs from "../../src/jobs/PostgresJobs.ts"
import * as Webhook from "../../src/jobs/webhook.ts"
import { jobWorker } from "../support/JobWorker.ts"
import { freshDatabase, rows } from "../support/PostgresJobs.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

const server = serverOfFile()
const secret = "whsec_of_the_test"

interface Call {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** An address that refuses the first calls. */
const receiver = (refusals: number) =>
  Effect.acquireRelease(
    Effect.callback<{
      readonly url: string
      readonly calls: ReadonlyArray<Call>
      readonly close: () => void
    }>((resume) => {
      const calls: Array<Call> = []
      const listening = createServer((request, response) => {
        let body = ""
        request.on("data", (chunk: Buffer) => (body += chunk.toString()))
        request.on("end", () => {
          calls.push({ headers: request.headers, body })
          response.statusCode = calls.length <= refusals ? 503 : 204
          response.end()
        })
      })
      listening.listen(0, "127.0.0.1", () => {
        const address = listening.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(
          Effect.succeed({ url: `http://127.0.0.1:${port}/ended`, calls, close: () => listening.close() })
        )
      })
    }),
    ({ close }) => Effect.sync(close)
  )

const world = PostgresJobs.layer.pipe(Layer.provideMerge(freshDatabase(() => server.current)))
const stub = (n: number) => ({ kind: "tool", payload: { tool: "stub", args: { n } } })

describe("The webhook of jobs", () => {
  it.live("is told how each job ended, signed, again after a refusal, with the same id", () =>
    Effect.gen(function* () {
      const { calls, url } = yield* receiver(1)
      const sender = Webhook.deliver({ url, secret: Redacted.make(secret), timeout: Duration.seconds(5) })
      yield* Effect.forkScoped(sender)
      const jobs = yield* Jobs
      yield* Effect.gen(function* () {
        const good = yield* jobs.submit(stub(1))
        const bad = yield* jobs.submit(stub(2))
        yield* jobs.wait(good.id, "20 seconds")
        yield* jobs.wait(bad.id, "20 seconds")
        const later = yield* jobs.submit({ ...stub(3), delay: "1 hour" })
        yield* jobs.cancel(later.id)
        const empty = rows("SELECT 1 FROM worker_outbox").pipe(
          Effect.tap(() => rows("UPDATE worker_outbox SET next_at = now() WHERE tries > 0")),
          Effect.repeat({ until: (left) => left.length === 0, schedule: Schedule.spaced("50 millis") })
        )
        yield* empty
        const ids = calls.map(({ headers }) => String(headers["webhook-id"]))
        assert.deepStrictEqual(
          [...new Set(ids)].toSorted(),
          [
            `job-${good.id}-1-job.succeeded`,
            `job-${bad.id}-1-job.failed`,
            `job-${later.id}-1-job.cancelled`
          ].toSorted()
        )
        assert.strictEqual(ids.length, 4)
      }).pipe(
        Effect.provide(
          jobWorker({
            queue: { webhook: true },
            answer: ({ args }) =>
              Effect.succeed(
                args["n"] === 2 ? failure(Failure.make("auth", "no entry")) : success({ done: 1 })
              )
          })
        )
      )
      for (const { body, headers } of calls) {
        const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`
        const expected = createHmac("sha256", secret).update(signed).digest("base64")
        assert.strictEqual(headers["webhook-signature"], `v1,${expected}`)
      }
      const told = calls.map(
        ({ body }) => JSON.parse(body) as { type: string; data: Record<string, unknown> }
      )
      assert.deepInclude(told.find(({ type }) => type === "job.failed")?.data["error"], {
        message: "no entry"
      })
      assert.deepStrictEqual(told.find(({ type }) => type === "job.succeeded")?.data["result"], { done: 1 })
    }).pipe(Effect.scoped, Effect.provide(world), Effect.timeout("60 seconds"))
  )

  it.live("costs nothing where no worker has one", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { id } = yield* jobs.submit(stub(1))
      yield* Effect.provide(jobs.wait(id, "20 seconds"), jobWorker())
      assert.deepStrictEqual(yield* rows("SELECT * FROM worker_outbox"), [])
    }).pipe(Effect.provide(world), Effect.timeout("60 seconds"))
  )
})
