import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch } from "effect"
import { Agent } from "undici"
import { AnswerTooLarge, exchange, type Received } from "../../src/control-plane/noetl/exchange.ts"
import * as HttpStub from "../support/HttpStub.ts"

const anAgent = (connections: number) =>
  Effect.acquireRelease(
    Effect.sync(() => new Agent({ connections })),
    (agent) => Effect.promise(() => agent.destroy())
  )

const ask = (agent: Agent, origin: string, path = "/", headers: Record<string, string> = {}) =>
  Effect.callback<Received, unknown>((resume) =>
    Effect.sync(
      exchange(agent, { origin, path, method: "GET", headers, body: null }, 1000, {
        onAnswer: (received) => resume(Effect.succeed(received)),
        onError: (cause) => resume(Effect.fail(cause))
      })
    )
  )

describe("One exchange over HTTP", () => {
  it.live("gives the status, the text of all pieces and how long to wait", () =>
    Effect.gen(function* () {
      const { url: origin } = yield* HttpStub.make((_, response) => {
        response.writeHead(503, { "retry-after": "7" })
        // In the middle of a character.
        const [first, second] = [Buffer.from("ä").subarray(0, 1), Buffer.from("ä").subarray(1)]
        response.write(first)
        setTimeout(() => response.end(second), 20)
      })
      const got = yield* ask(yield* anAgent(1), origin)
      assert.deepStrictEqual(got, { status: 503, retryAfter: "7", text: "ä" })
    })
  )

  it.live("ends at the limit, and gives the connection up instead of reading on", () =>
    Effect.gen(function* () {
      const gone = yield* Latch.make()
      const { url: origin } = yield* HttpStub.make((_, response) => {
        response.once("close", () => gone.openUnsafe())
        const timer = setInterval(() => response.write("x".repeat(600)), 5)
        response.once("close", () => clearInterval(timer))
      })
      const error = yield* Effect.flip(ask(yield* anAgent(1), origin))
      assert.instanceOf(error, AnswerTooLarge)
      yield* gone.await
    })
  )

  it.live("interrupted, it gives the connection up", () =>
    Effect.gen(function* () {
      const [here, gone] = [yield* Latch.make(), yield* Latch.make()]
      const { url: origin } = yield* HttpStub.make((_, response) => {
        here.openUnsafe()
        response.once("close", () => gone.openUnsafe())
      })
      const fiber = yield* Effect.forkChild(ask(yield* anAgent(1), origin), { startImmediately: true })
      yield* here.await
      yield* Fiber.interrupt(fiber)
      yield* gone.await
    })
  )

  it.live("interrupted while it waits for a connection, it is never sent", () =>
    Effect.gen(function* () {
      const [here, goOn] = [yield* Latch.make(), yield* Latch.make()]
      const seen: Array<string | undefined> = []
      const { url: origin } = yield* HttpStub.make((request, response) => {
        seen.push(request.path)
        here.openUnsafe()
        void Effect.runPromise(goOn.await).then(() => response.end("ok"))
      })
      const agent = yield* anAgent(1)
      const first = yield* Effect.forkChild(ask(agent, origin, "/first"), { startImmediately: true })
      yield* here.await
      const second = yield* Effect.forkChild(ask(agent, origin, "/second"), { startImmediately: true })
      yield* Fiber.interrupt(second)
      yield* goOn.open
      yield* Fiber.join(first)
      yield* ask(agent, origin, "/third")
      assert.deepStrictEqual(seen, ["/first", "/third"])
    })
  )

  it.live("a header that cannot be written is an error, not a defect", () =>
    Effect.gen(function* () {
      const { url: origin } = yield* HttpStub.make((_, response) => response.end())
      const error = yield* Effect.flip(ask(yield* anAgent(1), origin, "/", { "x-a": "two\nlines" }))
      assert.instanceOf(error, Error)
    })
  )
})
