import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Option, Schema } from "effect"
import * as JobType from "../../src/jobs/JobType.ts"
import { Jobs } from "../../src/jobs/Jobs.ts"
import * as MemoryJobs from "../../src/jobs/memory/MemoryJobs.ts"
import * as JobsTest from "../../src/testing/JobsTest.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"

class Busy extends Schema.TaggedError<Busy>()("Busy", { message: Schema.String }) {
  readonly isRetryable = true
}

const SendMail = JobType.make({
  name: "mail.send",
  payload: Schema.Struct({
    to: Schema.String.check(Schema.isMinLength(3)),
    at: Schema.DateFromString,
    lines: Schema.Array(Schema.String)
  }),
  result: Schema.Struct({ sent: Schema.DateFromString, text: Schema.String }),
  run: ({ at, lines, to }, { attempt }) =>
    to === "busy" && attempt === 1
      ? Effect.fail(new Busy({ message: "try later" }))
      : to === "gone"
        ? Effect.fail(new Error("no such address"))
        : Effect.succeed({ sent: at, text: lines.join("|") }),
  defaults: { queue: "default", maxRetries: 1 }
})

class Base extends Context.Service<Base, { readonly base: number }>()("test/Base") {}
const Counted = JobType.make({
  name: "count",
  payload: Schema.Int,
  result: Schema.Int,
  run: (n) => Effect.map(Base, ({ base }) => base + n)
})

const world = Layer.merge(MemoryJobs.layer(), Toolbox.layerLive(SendMail))
const at = new Date("2026-01-02T03:04:05.000Z")

describe("A type of jobs", () => {
  it.live("is typed from the submission to the result, and nothing in its payload is a template", () =>
    Effect.gen(function* () {
      const { id } = yield* SendMail.submit({ to: "a@b", at, lines: ["{{ secret }}", "{% x %}", "{# y #}"] })
      assert.deepStrictEqual(yield* JobsTest.enqueued(SendMail), [
        { to: "a@b", at: at.toISOString(), lines: ["{{ secret }}", "{% x %}", "{# y #}"] }
      ])
      const job = yield* JobsTest.workOne
      assert.strictEqual(job.id, id)
      const value = Option.getOrThrow(yield* SendMail.valueOf(job))
      assert.deepStrictEqual(value, { sent: at, text: "{{ secret }}|{% x %}|{# y #}" })
    }).pipe(Effect.provide(world))
  )

  it("does not compile with a payload that is wrong", () => {
    // @ts-expect-error: `to` is a text.
    const wrong = () => SendMail.submit({ to: 1, at, lines: [] })
    // @ts-expect-error: `lines` is missing.
    const missing = () => SendMail.submit({ to: "a@b", at })
    assert.isFunction(wrong)
    assert.isFunction(missing)
  })

  it.live("refuses a payload that its schema refuses, with the place", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(SendMail.submit({ to: "a", at, lines: [] }))
      assert.match(error.message, /^payload\.to: /)
      assert.deepStrictEqual(yield* JobsTest.enqueued(SendMail), [])
    }).pipe(Effect.provide(world))
  )

  it.live("keeps a payload from elsewhere that cannot be decoded as a dead letter with its path", () =>
    Effect.gen(function* () {
      yield* (yield* Jobs).submit({
        kind: "mail.send",
        payload: { to: "a@b", at: at.toISOString(), lines: ["a", 7] }
      })
      const job = yield* JobsTest.workOne
      assert.strictEqual(job.status, "failed")
      assert.match(String(job.error?.["message"]), /payload\.lines\.1/)
    }).pipe(Effect.provide(world))
  )

  it.live("tries an error again that says it may pass, and fails on any other", () =>
    Effect.gen(function* () {
      yield* SendMail.submit({ to: "busy", at, lines: [] })
      assert.deepInclude(yield* JobsTest.workOne, { status: "queued", attempt: 2 })
      assert.deepInclude(yield* JobsTest.workOne, { status: "succeeded", attempt: 2 })
      yield* SendMail.submit({ to: "gone", at, lines: [] })
      const failed = yield* JobsTest.workOne
      assert.deepStrictEqual([failed.status, failed.error?.["message"]], ["failed", "no such address"])
    }).pipe(Effect.provide(world))
  )

  it("publishes the JSON Schema of its payload, and takes no name that means something else", () => {
    assert.deepInclude(SendMail.jsonSchema.schema, { type: "object" })
    const exit = Effect.runSyncExit(
      Effect.try(() =>
        JobType.make({ name: "tool", payload: Schema.Unknown, result: Schema.Unknown, run: Effect.succeed })
      )
    )
    assert.isTrue(Exit.isFailure(exit) && Cause.pretty(exit.cause).length > 0)
  })

  it.live("gets the services of its work with its layer", () =>
    Effect.gen(function* () {
      yield* Counted.submit(2)
      const job = yield* JobsTest.workOne
      assert.strictEqual(job.result, 42)
    }).pipe(
      Effect.provide(
        Layer.merge(
          MemoryJobs.layer(),
          Toolbox.layerLive(Counted).pipe(Layer.provide(Layer.succeed(Base, { base: 40 })))
        )
      )
    )
  )
})
