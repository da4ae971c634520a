import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Latch } from "effect"
import { type Answered, HttpJson, type Request } from "../../src/control-plane/noetl/HttpJson.ts"
import * as HttpStub from "../support/HttpStub.ts"

const settings = { origins: [], token: undefined, tls: undefined, timeoutMillis: 5000, connections: 2 }

describe("JSON over HTTP", () => {
  it.live("writes an address that a message spells with other letters as a request can carry it", () =>
    Effect.gen(function* () {
      const seen: Array<string | undefined> = []
      const { url: origin } = yield* HttpStub.make((request, response) => {
        seen.push(request.path)
        response.end('{"ok":true}')
      })
      const http = yield* HttpJson
      for (const path of ["/a b/€/api", "/ü?q=1", ""])
        yield* http.send({ operation: "ask", method: "GET", url: `${origin}${path}` })
      assert.deepStrictEqual(seen, ["/a%20b/%E2%82%AC/api", "/%C3%BC", "/"])
    }).pipe(Effect.provide(HttpJson.layer(settings)))
  )

  it.live("an address that is none is an error that says so, and the next request goes well", () =>
    Effect.gen(function* () {
      const { url: origin } = yield* HttpStub.make((_, response) => response.end("1"))
      const http = yield* HttpJson
      const ask = (url: string) => http.send({ operation: "ask", method: "GET", url })
      const error = yield* Effect.flip(ask("http://[broken/path"))
      assert.match(error.message, /^ask: Unreachable: .+/)
      assert.strictEqual((yield* ask(origin)).body, 1)
    }).pipe(Effect.provide(HttpJson.layer(settings)))
  )

  it.live("a body that cannot be written is a defect of its caller, and the place is free again", () =>
    Effect.gen(function* () {
      const { url } = yield* HttpStub.make((_, response) => response.end("1"))
      const http = yield* HttpJson
      const circle: { self?: unknown } = {}
      circle.self = circle
      const exit = yield* Effect.exit(http.send({ operation: "ask", method: "POST", url, body: circle }))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.strictEqual((yield* http.send({ operation: "ask", method: "GET", url })).body, 1)
    }).pipe(Effect.provide(HttpJson.layer({ ...settings, connections: 1 })))
  )

  it.live("does not parse a body that is not read, but an error's, and takes no page for consent", () =>
    Effect.gen(function* () {
      const answers = ['{"not": parsed}', "<html>", "[]"]
      const { url } = yield* HttpStub.make((request, response) => {
        response.statusCode = request.path === "/refused" ? 422 : 200
        response.end(answers.shift() ?? '{"detail":"no"}')
      })
      const http = yield* HttpJson
      const ask = (path: string) =>
        http.send({ operation: "tell", method: "POST", url: `${url}${path}`, isBodyUnread: true })
      assert.deepStrictEqual(yield* ask("/"), { status: 200, body: null, retryAfter: undefined })
      assert.match((yield* Effect.flip(ask("/"))).message, /Unreadable: an answer that is not JSON/)
      assert.deepStrictEqual((yield* ask("/")).body, [])
      assert.deepStrictEqual((yield* ask("/refused")).body, { detail: "no" })
    }).pipe(Effect.provide(HttpJson.layer(settings)))
  )
})

/** Answers only when it is told to, except to `fast`. */
const slowServer = Effect.gen(function* () {
  const [arrived, goOn] = [yield* Latch.make(), yield* Latch.make()]
  const stub = yield* HttpStub.make((request, response) => {
    if (request.path === "/fast") return void response.end("1")
    arrived.openUnsafe()
    void Effect.runPromise(goOn.await).then(() => response.end("1"))
  })
  const request = (path: string): Request => ({ operation: path, method: "GET", url: `${stub.url}/${path}` })
  return { arrived, goOn, request, stub }
})

const start = (http: HttpJson["Service"], request: Request) =>
  Effect.map(Deferred.make<void>(), (ended) => {
    const answers: Array<Answered> = []
    const cancel = http.start(request, (answered) => {
      answers.push(answered)
      Deferred.doneUnsafe(ended, Exit.void)
    })
    return { answers, cancel, ended: Deferred.await(ended) }
  })

describe("A request with a callback, of which one may be under way", () => {
  it.live("is answered once", () =>
    Effect.gen(function* () {
      const { arrived, goOn, request, stub } = yield* slowServer
      const http = yield* HttpJson
      const started = yield* start(http, request("fast"))
      yield* started.ended
      started.cancel()
      const later = [yield* start(http, request("a")), yield* start(http, request("b"))]
      yield* arrived.await
      assert.lengthOf(stub.asked, 2)
      yield* goOn.open
      for (const { ended } of later) yield* ended
      assert.deepStrictEqual(started.answers, [Exit.succeed({ status: 200, body: 1, retryAfter: undefined })])
    }).pipe(Effect.provide(HttpJson.layer({ ...settings, connections: 1 })))
  )

  it.live("cancelled, is never answered and leaves its place to the next", () =>
    Effect.gen(function* () {
      const { arrived, goOn, request, stub } = yield* slowServer
      const http = yield* HttpJson
      const started = yield* start(http, request("a"))
      yield* arrived.await
      started.cancel()
      yield* goOn.open
      assert.strictEqual((yield* http.send(request("b"))).status, 200)
      assert.deepStrictEqual(started.answers, [])
      assert.deepStrictEqual(
        stub.asked.map(({ path }) => path),
        ["/a", "/b"]
      )
    }).pipe(Effect.provide(HttpJson.layer({ ...settings, connections: 1 })))
  )

  it.live("waits for a free place, and is not sent when it is cancelled meanwhile", () =>
    Effect.gen(function* () {
      const { arrived, goOn, request, stub } = yield* slowServer
      const http = yield* HttpJson
      const first = yield* Effect.forkChild(http.send(request("a")), { startImmediately: true })
      yield* arrived.await
      const cancelled = yield* start(http, request("b"))
      const waiting = yield* start(http, request("c"))
      cancelled.cancel()
      assert.lengthOf(stub.asked, 1)
      yield* goOn.open
      yield* Fiber.join(first)
      yield* waiting.ended
      assert.deepStrictEqual(
        stub.asked.map(({ path }) => path),
        ["/a", "/c"]
      )
      assert.deepStrictEqual(cancelled.answers, [])
    }).pipe(Effect.provide(HttpJson.layer({ ...settings, connections: 1 })))
  )
})
