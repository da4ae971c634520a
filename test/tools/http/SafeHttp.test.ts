import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { createServer } from "node:http"
import { connect, type AddressInfo, type Socket } from "node:net"
import {
  development,
  Egress,
  type EgressRules,
  type Lookup,
  production
} from "../../../src/tools/http/Egress.ts"
import { proxyOf } from "../../../src/tools/http/proxy.ts"
import { type Request, SafeHttp } from "../../../src/tools/http/SafeHttp.ts"
import { defaults, SafeHttpOptions, type SafeHttpSettings } from "../../../src/tools/http/SafeHttpOptions.ts"
import { ToolError } from "../../../src/domain/ToolError.ts"
import * as Certificates from "../../support/certificates.ts"
import * as HttpStub from "../../support/HttpStub.ts"
import { until } from "../process/leftBehind.ts"

const layerOf = (egress: Partial<EgressRules>, settings: Partial<SafeHttpSettings> = {}) =>
  SafeHttp.layerNoDeps.pipe(
    Layer.provide(Egress.layerWith(egress)),
    Layer.provide(Layer.succeed(SafeHttpOptions, { ...defaults, ...settings }))
  )

/** Names that exist in these tests only. Each look-up takes the next list; the last one stays. */
const names = (table: Record<string, ReadonlyArray<ReadonlyArray<string>>>): Lookup => {
  const looked = new Map<string, number>()
  return (hostname, _, callback) => {
    const at = looked.get(hostname) ?? 0
    looked.set(hostname, at + 1)
    const answers = table[hostname]
    const addresses = answers?.[Math.min(at, answers.length - 1)]
    if (addresses === undefined)
      return callback(Object.assign(new Error(`no ${hostname}`), { code: "ENOTFOUND" }), [])
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }))
    )
  }
}

const request = (url: string, more: Partial<Request> = {}) =>
  Effect.flatMap(SafeHttp, (http) => http.request({ tool: "test", url, ...more }))

const outcome = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "answered"
  const error = Cause.squash(exit.cause)
  return error instanceof ToolError ? (error.failure.code ?? error.reason._tag) : "defect"
}

const hello: HttpStub.Handler = (_, response) => void response.end("hello")

describe("SafeHttp, when it connects", () => {
  it.live.each<readonly [string, ReadonlyArray<ReadonlyArray<string>>, Partial<EgressRules>, string]>([
    ["a name for a good address", [["127.0.0.1"]], development, "answered"],
    ["a name for the metadata service", [["169.254.169.254"]], development, "EGRESS_REFUSED"],
    ["a name for loopback where that is not allowed", [["127.0.0.1"]], production([]), "EGRESS_REFUSED"],
    ["a name for a disguised address", [["::ffff:169.254.169.254"]], development, "EGRESS_REFUSED"],
    ["a name for a NAT64 address", [["64:ff9b::a9fe:a9fe"]], development, "EGRESS_REFUSED"],
    ["a name for nothing in particular", [["0.0.0.0"]], development, "EGRESS_REFUSED"],
    ["only the good one of two addresses", [["169.254.169.254", "127.0.0.1"]], development, "answered"],
    ["a name that is allowed by itself", [["127.0.0.1"]], production(["service.test"]), "answered"],
    ["a name below one that is allowed", [["127.0.0.1"]], production(["*.test"]), "answered"],
    ["a name that is refused", [["127.0.0.1"]], { ...development, deny: ["service.test"] }, "EGRESS_REFUSED"],
    ["a name nobody knows", [], development, "DNS_ERROR"]
  ])("decides about %s", ([, addresses, rules, expected]) =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make(hello)
      const lookup = names(addresses.length === 0 ? {} : { "service.test": addresses })
      const exit = yield* Effect.exit(request(`http://service.test:${stub.port}/`)).pipe(
        Effect.provide(layerOf({ ...rules, lookup }))
      )
      assert.strictEqual(outcome(exit), expected)
      assert.strictEqual(stub.connections.total, expected === "answered" ? 1 : 0)
    }).pipe(Effect.scoped)
  )

  it.live("is not fooled by a name that changes between the look and the connection", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make(
        (_, response) => void response.setHeader("connection", "close").end("x")
      )
      const lookup = names({ "service.test": [["127.0.0.1"], ["169.254.169.254"]] })
      yield* Effect.gen(function* () {
        const url = `http://service.test:${stub.port}/`
        assert.strictEqual(outcome(yield* Effect.exit(request(url))), "answered")
        assert.strictEqual(outcome(yield* Effect.exit(request(url))), "EGRESS_REFUSED")
      }).pipe(Effect.provide(layerOf({ ...development, lookup })))
    }).pipe(Effect.scoped)
  )

  it.live("refuses the worker's own ports by whatever name", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make(hello)
      const lookup = names({ "service.test": [["127.0.0.1"]] })
      const layer = layerOf({ ...development, lookup, ownPorts: [stub.port] })
      for (const host of [
        "service.test",
        "127.0.0.1",
        "localhost",
        "0x7f.1",
        "2130706433",
        "[::ffff:127.0.0.1]"
      ]) {
        const exit = yield* Effect.exit(request(`http://${host}:${stub.port}/`)).pipe(Effect.provide(layer))
        assert.include(["EGRESS_REFUSED", "DNS_ERROR"], outcome(exit))
      }
      assert.strictEqual(stub.connections.total, 0)
    }).pipe(Effect.scoped)
  )

  it.live.each<readonly [string, string, string]>([
    ["the metadata service", "http://169.254.169.254/", "EGRESS_REFUSED"],
    ["a decimal address", "http://2852039166/", "EGRESS_REFUSED"],
    ["a name for the metadata service", "http://meta.test/", "EGRESS_REFUSED"],
    ["a file", "file:///etc/passwd", "EGRESS_REFUSED"],
    ["a URL with credentials", "http://u:p@127.0.0.1:PORT/end", "EGRESS_REFUSED"],
    ["a good place", "http://127.0.0.1:PORT/end", "answered"],
    ["a relative place", "end", "answered"],
    ["the same host without its scheme", "//127.0.0.1:PORT/end", "answered"]
  ])("decides about a redirect to %s", ([, location, expected]) =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make(({ path }, response) => {
        if (path === "/end") return void response.end("end")
        response.writeHead(302, { location: location.replace("PORT", String(stub.port)) }).end()
      })
      const lookup = names({ "meta.test": [["169.254.169.254"]] })
      const exit = yield* Effect.exit(request(`${stub.url}/begin`)).pipe(
        Effect.provide(layerOf({ ...development, lookup }))
      )
      assert.strictEqual(outcome(exit), expected)
    }).pipe(Effect.scoped)
  )
})

describe("SafeHttp, behind a proxy", () => {
  it.each<readonly [SafeHttpSettings["proxy"], string, string | undefined]>([
    [{}, "http://a.test/", undefined],
    [{ http: "http://p:1" }, "http://a.test/", "http://p:1"],
    [{ http: "p:1" }, "http://a.test/", "http://p:1"],
    [{ http: "http://p:1" }, "https://a.test/", undefined],
    [{ https: "http://p:2" }, "https://a.test/", "http://p:2"],
    [{ http: "http://p:1", no: "*" }, "http://a.test/", undefined],
    [{ http: "http://p:1", no: "a.test" }, "http://a.test/", undefined],
    [{ http: "http://p:1", no: "a.test" }, "http://b.a.test/", undefined],
    [{ http: "http://p:1", no: ".a.test" }, "http://b.a.test/", undefined],
    [{ http: "http://p:1", no: "*.a.test, other" }, "http://b.a.test/", undefined],
    [{ http: "http://p:1", no: "a.test" }, "http://ba.test/", "http://p:1"],
    [{ http: "http://p:1", no: "a.test:81" }, "http://a.test/", "http://p:1"],
    [{ http: "http://p:1", no: "a.test:80" }, "http://a.test/", undefined],
    [{ http: "http://p:1", no: "10.0.0.0/8" }, "http://10.2.3.4/", undefined],
    [{ http: "http://p:1", no: "A.TEST." }, "http://a.test./", "http://p:1"]
  ])("%o sends %s through %s", (proxy, url, expected) => {
    assert.strictEqual(proxyOf(proxy, new URL(url)), expected)
  })

  /** A proxy that forwards and tunnels everything to one port. */
  const makeProxy = (target: number) =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const sockets = new Set<Socket>()
      const server = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const made = createServer((incoming, response) => {
            seen.push(`${incoming.method} ${incoming.url}`)
            response.end("by the proxy")
          })
          made.on("connection", (socket) => sockets.add(socket))
          made.on("connect", (incoming, socket) => {
            seen.push(`${incoming.method} ${incoming.url}`)
            const onward = connect(target, "127.0.0.1", () => {
              socket.write("HTTP/1.1 200 OK\r\n\r\n")
              onward.pipe(socket).pipe(onward)
            })
            sockets.add(onward)
            for (const one of [onward, socket]) one.on("error", () => undefined)
          })
          made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
        }),
        (made) =>
          Effect.callback<void>((resume) => {
            made.close(() => resume(Effect.void))
            for (const socket of sockets) socket.destroy()
          })
      )
      return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
    })

  it.live("asks the proxy for what may be asked, and not for anything else", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make(hello, { tls: "http1" })
      const proxy = yield* makeProxy(stub.port)
      const lookup = names({ "service.test": [["127.0.0.1"]], "meta.test": [["169.254.169.254"]] })
      const layer = layerOf({ ...development, lookup }, { proxy: { http: proxy.url, https: proxy.url } })
      const ask = (url: string) =>
        Effect.exit(request(url, { tls: { ca: Certificates.ca } })).pipe(Effect.map(outcome))
      const answers = yield* Effect.forEach(
        [
          "http://service.test/a",
          "https://service.test/b",
          "http://only-the-proxy-knows.test/",
          "http://meta.test/",
          "http://169.254.169.254/",
          "https://[::ffff:a9fe:a9fe]/"
        ],
        ask
      ).pipe(Effect.provide(layer))
      assert.deepStrictEqual(answers, [
        "answered",
        "answered",
        "answered",
        "EGRESS_REFUSED",
        "EGRESS_REFUSED",
        "EGRESS_REFUSED"
      ])
      assert.deepStrictEqual(proxy.seen, [
        "GET http://service.test/a",
        "CONNECT service.test:443",
        "GET http://only-the-proxy-knows.test/"
      ])
    }).pipe(Effect.scoped)
  )
})

describe("SafeHttp", () => {
  it.live("closes the connection of a request that is interrupted", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make((_, response) => void response.write("begun"))
      yield* Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(request(stub.url))
        yield* until(() => stub.asked.length === 1)
        yield* Fiber.interrupt(fiber)
        yield* until(() => stub.connections.open === 0)
        assert.strictEqual(stub.connections.open, 0)
      }).pipe(Effect.provide(layerOf(development)))
    }).pipe(Effect.scoped)
  )

  it.live("hands the answer over while it comes, and stops the server when nobody reads on", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make((_, response) => {
        const go = (): void => {
          while (!response.destroyed && response.write("x".repeat(1000)));
        }
        response.on("drain", go)
        go()
      })
      yield* Effect.gen(function* () {
        const first = yield* Effect.scoped(
          Effect.gen(function* () {
            const http = yield* SafeHttp
            const opened = yield* http.open({ tool: "test", url: stub.url })
            assert.strictEqual(opened.status, 200)
            return yield* Stream.runCollect(Stream.take(opened.body, 1))
          })
        )
        assert.strictEqual(first[0]?.[0], 120)
        yield* until(() => stub.connections.open === 0)
        assert.strictEqual(stub.connections.open, 0)
      }).pipe(Effect.provide(layerOf(development)))
    }).pipe(Effect.scoped)
  )

  it.live("keeps the number of different connection pools bounded", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make(hello)
      yield* Effect.gen(function* () {
        const ask = (ms: number) =>
          Effect.exit(request(stub.url, { timeouts: { connect: Duration.millis(ms) } })).pipe(
            Effect.map(outcome)
          )
        assert.deepStrictEqual(yield* Effect.forEach([1000, 2000, 1000], ask), [
          "answered",
          "answered",
          "answered"
        ])
        assert.strictEqual(yield* ask(3000), "POOLS_EXHAUSTED")
      }).pipe(Effect.provide(layerOf(development, { maxPools: 2 })))
    }).pipe(Effect.scoped)
  )

  it.live("trusts the operator's certificates", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make(hello, { tls: "http1" })
      const exit = yield* Effect.exit(request(stub.url)).pipe(
        Effect.provide(layerOf(development, { certificates: [Certificates.ca] }))
      )
      assert.strictEqual(outcome(exit), "answered")
    }).pipe(Effect.scoped)
  )
})
