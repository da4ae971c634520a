import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { gzipSync, brotliCompressSync, deflateSync } from "node:zlib"
import { isObject, type Json, type JsonObject } from "../../src/domain/Json.ts"
import { aCall, runTool, suite } from "../../src/testing/suites/ToolSuite.ts"
import { SafeHttp } from "../../src/tools/http/SafeHttp.ts"
import { HttpTool } from "../../src/tools/HttpTool.ts"
import type { ToolCall } from "../../src/tools/Tool.ts"
import { ToolError } from "../../src/domain/ToolError.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import * as Certificates from "../support/certificates.ts"
import { EgressOptions } from "../../src/tools/http/Egress.ts"
import * as HttpStub from "../support/HttpStub.ts"

const tool = HttpTool.layer.pipe(Layer.provide(EgressOptions.layerDevelopment))
const layer = Toolbox.layer(HttpTool).pipe(Layer.provide(tool))
const http = (config: JsonObject, more: Partial<ToolCall> = {}) => runTool(aCall("http", config, more))
const dataOf = (data: Json | undefined): JsonObject => (data !== undefined && isObject(data) ? data : {})
const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "")
const errorOf = (exit: Exit.Exit<unknown, unknown>): ToolError | undefined => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return error instanceof ToolError ? error : undefined
}

/** Answers with what it was asked. */
const echo: HttpStub.Handler = ({ method, path, query, headers, body }, response) =>
  HttpStub.json(response, {
    method,
    path,
    query: [...query],
    headers,
    body: body.toString("utf8")
  })

/** What the echo says about a request. */
const asked = (config: JsonObject, more: Partial<ToolCall> = {}) =>
  Effect.gen(function* () {
    const stub = yield* HttpStub.make(echo)
    const result = yield* http({ url: `${stub.url}/e`, ...config }, more)
    const seen = dataOf(dataOf(result.data)["data"])
    const headers = dataOf(seen["headers"])
    return { result, seen, headers, body: seen["body"] }
  }).pipe(Effect.scoped, Effect.provide(layer))

const withStub = <A, E>(
  handler: HttpStub.Handler,
  use: (stub: HttpStub.Stub) => Effect.Effect<A, E, Toolbox>,
  options: Parameters<typeof HttpStub.make>[1] = {}
) => Effect.scoped(Effect.flatMap(HttpStub.make(handler, options), use)).pipe(Effect.provide(layer))

const unreachable = { url: "http://127.0.0.1:1/" }

const scope = Scope.makeUnsafe()
let stub: HttpStub.Stub | undefined
beforeAll(async () => {
  const answers: HttpStub.Handler = ({ path }, response) => {
    if (path !== "/never") response.end("ok")
  }
  stub = await Effect.runPromise(Scope.provide(HttpStub.make(answers), scope))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

suite("HttpTool", HttpTool, tool, {
  kind: "http",
  works: () => ({ url: stub?.url ?? "" }),
  broken: [
    { config: {}, at: "url" },
    { config: { url: "no url" }, at: "url" },
    { config: { url: "/relative" }, at: "url" },
    { config: { url: "http://h/", method: "BREW" }, at: "method" },
    { config: { url: "http://h/", timeout: "soon" }, at: "timeout" },
    { config: { url: "http://h/", verify_ssl: "maybe" }, at: "verify_ssl" },
    { config: { url: "http://h/", params: [1] }, at: "params" },
    { config: { url: "http://h/", form: [1] }, at: "form" },
    { config: { url: "http://h/", response_type: "xml" }, at: "response_type" },
    { config: { url: "http://h/", headers: { "a b": "c" } }, at: "headers" },
    { config: { url: "http://h/", headers: { a: "b\r\nc: d" } }, at: "headers.a" },
    { config: { url: "http://h/", client_key: "/etc/passwd" }, at: "client_key" }
  ],
  endless: () => ({ url: `${stub?.url ?? ""}/never`, timeout: 600 }),
  begun: () => stub?.asked.some(({ path }) => path === "/never") ?? false,
  leftBehind: () => Array.from({ length: stub?.connections.open ?? 1 })
})

describe("HttpTool", () => {
  it.live("answers with status, headers, the final URL and the value in two places", () =>
    withStub(
      (_, response) => HttpStub.json(response, { id: 1 }, 201, { "X-Two": "b" }),
      (stub) =>
        Effect.gen(function* () {
          const result = yield* http({ url: `${stub.url}/things#part`, method: "post" })
          const data = dataOf(result.data)
          assert.strictEqual(result.status, "success")
          assert.deepStrictEqual(
            [data["status_code"], data["status_text"], data["url"], data["data"]],
            [201, "Created", `${stub.url}/things`, { id: 1 }]
          )
          assert.strictEqual(data["data"], data["body"])
          assert.strictEqual(dataOf(data["headers"])["x-two"], "b")
          assert.isNumber(data["elapsed_ms"])
          assert.isUndefined(result.stdout)
        })
    )
  )

  it.live.each<readonly [string, JsonObject, Json]>([
    [
      "text",
      { params: { a: "x y", b: "ü&=" } },
      [
        ["a", "x y"],
        ["b", "ü&="]
      ]
    ],
    [
      "numbers and booleans",
      { params: { n: 1.5, t: true } },
      [
        ["n", "1.5"],
        ["t", "true"]
      ]
    ],
    ["a null as nothing", { params: { a: null, b: 1 } }, [["b", "1"]]],
    ["an empty text as an empty text", { params: { cursor: "" } }, [["cursor", ""]]],
    [
      "a list as repetition",
      { params: { a: [1, null, 2] } },
      [
        ["a", "1"],
        ["a", "2"]
      ]
    ],
    ["an object as JSON", { params: { f: { x: 1 } } }, [["f", '{"x":1}']]],
    ["JSON text of an object", { params: '{"a": 1}' }, [["a", "1"]]],
    ["data of a GET", { data: { a: 1 } }, [["a", "1"]]],
    ["data of a DELETE", { method: "DELETE", data: { a: 1 } }, [["a", "1"]]],
    ["the query half of data", { method: "POST", data: { query: { a: 1 }, body: { b: 2 } } }, [["a", "1"]]],
    ["64-bit integers exactly", { params: { id: 613000000000000001n } }, [["id", "613000000000000001"]]]
  ])("sends parameters: %s", ([, config, query]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* asked(config)).seen["query"], query)
    })
  )

  it.live("appends parameters to those of the URL", () =>
    withStub(echo, (stub) =>
      Effect.gen(function* () {
        yield* http({ url: `${stub.url}/e?a=1`, params: { b: 2 } })
        assert.strictEqual(stub.asked[0]?.query.toString(), "a=1&b=2")
      })
    )
  )

  it.live.each<readonly [string, JsonObject, string, string | undefined]>([
    ["json", { json: { a: [1, null] } }, '{"a":[1,null]}', "application/json"],
    ["payload", { payload: { a: 1 } }, '{"a":1}', "application/json"],
    ["payload that is a list", { payload: [1] }, "[1]", "application/json"],
    ["body that is an object", { body: { a: 1 } }, '{"a":1}', "application/json"],
    ["body that is text", { body: "raw" }, "raw", undefined],
    ["data", { data: { a: 1 } }, '{"a":1}', "application/json"],
    ["the body half of data", { data: { query: {}, body: { b: 2 } } }, '{"b":2}', "application/json"],
    ["form", { form: { a: "x y", n: 1, z: null } }, "a=x+y&n=1", "application/x-www-form-urlencoded"],
    ["json before the others", { json: 1, form: { a: 1 }, body: "x" }, "1", "application/json"],
    ["nothing", {}, "", undefined],
    ["a null as nothing", { json: null, body: "x" }, "x", undefined],
    [
      "64-bit integers exactly",
      { json: { id: 613000000000000001n } },
      '{"id":613000000000000001}',
      "application/json"
    ],
    [
      "a map as a form when the author says so",
      { payload: { a: 1 }, headers: { "Content-Type": "application/x-www-form-urlencoded" } },
      "a=1",
      "application/x-www-form-urlencoded"
    ],
    [
      "the author's content type",
      { body: "<a/>", headers: { "content-type": "text/xml" } },
      "<a/>",
      "text/xml"
    ]
  ])("sends a body: %s", ([, config, body, type]) =>
    Effect.gen(function* () {
      const request = yield* asked({ method: "POST", ...config })
      assert.deepStrictEqual([request.body, request.headers["content-type"]], [body, type])
    })
  )

  it.live("sends files and fields as multipart", () =>
    Effect.gen(function* () {
      const { body, headers } = yield* asked({
        method: "POST",
        headers: { "content-type": "multipart/form-data" },
        form: { note: "hi" },
        files: {
          doc: { filename: 'a".txt', content: "text", content_type: "text/plain" },
          bin: { content_base64: "AAE=" }
        }
      })
      const boundary = /boundary=(.+)$/.exec(textOf(headers["content-type"]))?.[1] ?? "none"
      assert.deepStrictEqual(textOf(body).split(`--${boundary}`), [
        "",
        '\r\nContent-Disposition: form-data; name="note"\r\n\r\nhi\r\n',
        '\r\nContent-Disposition: form-data; name="doc"; filename="a%22.txt"\r\nContent-Type: text/plain\r\n\r\ntext\r\n',
        '\r\nContent-Disposition: form-data; name="bin"; filename="bin"\r\nContent-Type: application/octet-stream\r\n\r\n\u0000\u0001\r\n',
        "--\r\n"
      ])
    })
  )

  it.live("writes header values that are no text as text, and leaves nulls out", () =>
    Effect.gen(function* () {
      const { headers } = yield* asked({ headers: { "X-N": 1, "X-B": false, "X-O": { a: 1 }, "X-Z": null } })
      assert.deepStrictEqual(
        [headers["x-n"], headers["x-b"], headers["x-o"], headers["x-z"]],
        ["1", "false", '{"a":1}', undefined]
      )
    })
  )

  it.live("passes the trace on", () =>
    Effect.gen(function* () {
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      assert.strictEqual((yield* asked({}, { traceparent })).headers["traceparent"], traceparent)
    })
  )

  const credential = (type: string, data: JsonObject) => ({
    auth: { primary: { name: "c", type, data: Redacted.make(data) }, named: new Map() }
  })
  it.live.each<readonly [string, JsonObject, Partial<ToolCall>, string, string | undefined]>([
    ["a literal bearer token", { auth: { type: "bearer", token: "t" } }, {}, "authorization", "Bearer t"],
    [
      "a literal basic pair",
      { auth: { type: "basic", username: "u", password: "p" } },
      {},
      "authorization",
      "Basic dTpw"
    ],
    ["a literal key", { auth: { type: "api_key", api_key: "k" } }, {}, "x-api-key", "k"],
    [
      "a literal key in a header of its own",
      { auth: { type: "api_key", header: "X-K", token: "k" } },
      {},
      "x-k",
      "k"
    ],
    ["a literal header", { auth: { type: "header", name: "X-H", value: "v" } }, {}, "x-h", "v"],
    ["an alias map", { auth: { api: { type: "bearer", token: "t" } } }, {}, "authorization", "Bearer t"],
    ["a stored token", {}, credential("bearer", { token: "t" }), "authorization", "Bearer t"],
    ["a stored access token", {}, credential("oauth2", { access_token: "t" }), "authorization", "Bearer t"],
    [
      "a token of client credentials",
      {},
      credential("oauth2_client_credentials", { client_id: "i", access_token: "t" }),
      "authorization",
      "Bearer t"
    ],
    [
      "client credentials without a token, which are for templates,",
      {},
      credential("oauth2_client_credentials", { client_id: "i", client_secret: "s" }),
      "authorization",
      undefined
    ],
    ["a stored pair", {}, credential("basic", { user: "u", password: "p" }), "authorization", "Basic dTpw"],
    ["a stored key", {}, credential("api_key", { key: "k", header: "X-K" }), "x-k", "k"],
    [
      "a stored password with a literal user",
      { auth: { type: "basic", username: "u", credential: "c" } },
      credential("basic", { username: "other", password: "p" }),
      "authorization",
      "Basic dTpw"
    ],
    [
      "the author's own header first",
      { headers: { Authorization: "mine" } },
      credential("bearer", { token: "t" }),
      "authorization",
      "mine"
    ],
    ["nothing for other types", {}, credential("postgres", { db_host: "h" }), "authorization", undefined]
  ])("authenticates with %s", ([, config, more, header, value]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* asked(config, more)).headers[header], value)
    })
  )

  it.live("says which credential lacks what", () =>
    Effect.gen(function* () {
      const error = errorOf(yield* Effect.exit(asked({ auth: { type: "bearer" } })))
      assert.strictEqual(error?.failure.kind, "credential")
      assert.include(error?.message ?? "", "requires 'token' or 'credential'")
    })
  )

  it.live("sends a name and a password of the URL as a header, and shows them nowhere", () =>
    withStub(echo, (stub) =>
      Effect.gen(function* () {
        const result = yield* http({ url: stub.url.replace("://", "://us%20er:se%3Acret@") })
        assert.strictEqual(
          stub.asked[0]?.headers.authorization,
          `Basic ${Buffer.from("us er:se:cret").toString("base64")}`
        )
        assert.notInclude(textOf(dataOf(result.data)["url"]), "cret")
      })
    )
  )

  it.live.each<readonly [string, string | undefined, string, string | Buffer, Json]>([
    ["JSON", "application/json", "auto", '{"a":1}', { a: 1 }],
    ["JSON of a vendor", "application/vnd.x+json; charset=utf-8", "auto", "1", 1],
    [
      "integers of 64 bits",
      "application/json",
      "auto",
      '{"id":613000000000000001}',
      { id: 613000000000000001n }
    ],
    ["JSON that is called text", "text/plain", "auto", ' {"a":1}', { a: 1 }],
    ["JSON without a type", undefined, "auto", "[1]", [1]],
    ["text", "text/plain", "auto", "123", "123"],
    ["text that claims to be JSON", "application/json", "auto", "oops", "oops"],
    [
      "text of another character set",
      "text/plain; charset=iso-8859-1",
      "auto",
      Buffer.from([0x66, 0xfc]),
      "fü"
    ],
    ["bytes", "image/png", "auto", Buffer.from([0xff, 0x00]), { base64: "/wA=", size: 2 }],
    ["nothing", "application/json", "auto", "", ""],
    ["anything as JSON", "text/plain", "json", "123", 123],
    ["JSON as text", "application/json", "text", '{"a":1}', '{"a":1}'],
    ["JSON as bytes", "application/json", "binary", "{}", { base64: "e30=", size: 2 }]
  ])("reads %s (%s, as %s)", ([, type, response_type, body, value]) =>
    withStub(
      (_, response) => {
        if (type !== undefined) response.setHeader("content-type", type)
        response.end(body)
      },
      (stub) =>
        Effect.gen(function* () {
          const result = yield* http({ url: stub.url, response_type })
          assert.deepStrictEqual(dataOf(result.data)["data"], value)
        })
    )
  )

  it.live.each([
    ["gzip", gzipSync("hello")],
    ["deflate", deflateSync("hello")],
    ["br", brotliCompressSync("hello")]
  ] as const)("unpacks %s", ([encoding, bytes]) =>
    withStub(
      (_, response) => response.writeHead(200, { "content-encoding": encoding }).end(bytes),
      (stub) =>
        Effect.gen(function* () {
          assert.strictEqual(dataOf((yield* http({ url: stub.url })).data)["data"], "hello")
        })
    )
  )

  it.live.each<readonly [number, Record<string, string>, JsonObject]>([
    [429, { "retry-after": "7" }, { kind: "rate_limit", retryable: true, code: "HTTP_429", retryAfter: 7 }],
    [503, {}, { kind: "server_error", retryable: true, code: "HTTP_503" }],
    [401, {}, { kind: "auth", retryable: false, code: "HTTP_401" }],
    [404, {}, { kind: "not_found", retryable: false, code: "HTTP_404" }],
    [418, {}, { kind: "client_error", retryable: false, code: "HTTP_418" }],
    [304, {}, { kind: "unknown", retryable: false, code: "HTTP_304" }]
  ])("gives the whole answer and an error for status %s", ([status, headers, expected]) =>
    withStub(
      (_, response) => HttpStub.json(response, { why: "so" }, status, headers),
      (stub) =>
        Effect.gen(function* () {
          const result = yield* http({ url: stub.url })
          assert.strictEqual(result.status, "error")
          assert.strictEqual(result.error?.message, `HTTP ${status} response`)
          assert.deepInclude(result.error, expected)
          assert.strictEqual(dataOf(result.data)["status_code"], status)
          if (status !== 304) assert.deepStrictEqual(dataOf(result.data)["body"], { why: "so" })
        })
    )
  )

  const redirecting: HttpStub.Handler = ({ path, method, headers, body }, response) => {
    const [, status, times] = /^\/r\/(\d+)\/(\d+)$/.exec(path) ?? []
    if (status === undefined || times === "0") {
      return HttpStub.json(response, {
        method,
        path,
        body: body.toString(),
        auth: headers.authorization ?? null
      })
    }
    response.writeHead(Number(status), { location: `/r/${status}/${Number(times) - 1}` }).end("moved")
  }
  it.live.each<readonly [number, string, string, string]>([
    [301, "POST", "GET", ""],
    [302, "POST", "GET", ""],
    [303, "PUT", "GET", ""],
    [301, "PUT", "PUT", "x"],
    [307, "POST", "POST", "x"],
    [308, "PATCH", "PATCH", "x"]
  ])("follows a %s of %s as %s", ([status, method, then, body]) =>
    withStub(redirecting, (stub) =>
      Effect.gen(function* () {
        const auth = { type: "bearer", token: "t" }
        const result = yield* http({ url: `${stub.url}/r/${status}/2`, method, body: "x", auth })
        const data = dataOf(result.data)
        assert.deepStrictEqual(data["data"], { method: then, path: `/r/${status}/0`, body, auth: "Bearer t" })
        assert.strictEqual(data["url"], `${stub.url}/r/${status}/0`)
      })
    )
  )

  it.live("follows ten redirects and no more, or as many as it is told", () =>
    withStub(redirecting, (stub) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* http({ url: `${stub.url}/r/302/10` })).status, "success")
        const error = errorOf(yield* Effect.exit(http({ url: `${stub.url}/r/302/11` })))
        assert.strictEqual(error?.failure.code, "TOO_MANY_REDIRECTS")
        const none = yield* http({ url: `${stub.url}/r/302/1`, follow_redirects: "false" })
        assert.deepStrictEqual([none.status, none.error?.code], ["error", "HTTP_302"])
        assert.isTrue(
          Exit.isFailure(yield* Effect.exit(http({ url: `${stub.url}/r/302/2`, max_redirects: 1 })))
        )
      })
    )
  )

  it.live("takes no credential to another origin", () =>
    withStub(echo, (target) =>
      withStub(
        (_, response) => response.writeHead(302, { location: `${target.url}/there` }).end(),
        (stub) =>
          Effect.gen(function* () {
            const headers = { Cookie: "a=b", "X-Other": "stays" }
            yield* http({ url: stub.url, headers, auth: { type: "api_key", header: "X-Secret", key: "k" } })
            yield* http({ url: stub.url, headers, auth: { type: "bearer", token: "t" } })
            assert.deepStrictEqual(
              [...stub.asked, ...target.asked].map(({ headers: seen }) => [
                seen["x-secret"] ?? seen.authorization,
                seen.cookie,
                seen["x-other"]
              ]),
              [
                ["k", "a=b", "stays"],
                ["Bearer t", "a=b", "stays"],
                [undefined, undefined, "stays"],
                [undefined, undefined, "stays"]
              ]
            )
          })
      )
    )
  )

  it.live("reads no more of an answer than it may", () =>
    withStub(
      ({ path }, response) => {
        if (path === "/declared")
          return void response.writeHead(200, { "content-length": "1000000" }).end("x".repeat(1_000_000))
        if (path === "/bomb")
          return void response
            .writeHead(200, { "content-encoding": "gzip" })
            .end(gzipSync(Buffer.alloc(2_000_000)))
        const more = (): boolean =>
          response.writable && !response.destroyed && response.write("x".repeat(10_000))
        const go = (): void => {
          while (more());
        }
        response.on("drain", go)
        go()
      },
      (stub) =>
        Effect.gen(function* () {
          for (const path of ["/declared", "/endless", "/bomb"]) {
            const error = errorOf(
              yield* Effect.exit(http({ url: stub.url + path, max_response_bytes: "100kB" }))
            )
            assert.deepStrictEqual(
              [path, error?.failure.kind, error?.failure.code],
              [path, "storage_quota", "RESPONSE_TOO_LARGE"]
            )
          }
          assert.strictEqual(
            (yield* http({ url: `${stub.url}/declared`, max_response_bytes: "1MB" })).status,
            "success"
          )
        })
    )
  )

  it.live.each<readonly [string, JsonObject, string]>([
    ["no answer in time", { timeout: 0.2 }, "TOOL_TIMEOUT"],
    ["no answer in time, written as text", { timeout: "200ms" }, "TOOL_TIMEOUT"],
    ["no answer in time, in parts", { timeout: { total: "0.2", connect: 1 } }, "TOOL_TIMEOUT"],
    ["a pause that is too long", { timeout: { read: 0.2, total: 20 } }, "CONN_TIMEOUT"]
  ])("gives up: %s", ([, config, code]) =>
    withStub(
      (_, response) => void response.write("begun"),
      (stub) =>
        Effect.gen(function* () {
          const error = errorOf(yield* Effect.exit(http({ url: stub.url, ...config })))
          assert.deepStrictEqual(
            [error?.failure.kind, error?.failure.code, error?.isRetryable],
            ["timeout", code, true]
          )
        })
    )
  )

  it.live("tells the failures of a connection apart", () =>
    Effect.gen(function* () {
      const refused = errorOf(yield* Effect.exit(http(unreachable)))
      assert.deepStrictEqual(
        [refused?.failure.kind, refused?.failure.code, refused?.isRetryable],
        ["connection", "CONN_REFUSED", true]
      )
      const unknown = errorOf(yield* Effect.exit(http({ url: "http://no-such-host.invalid/?token=secret" })))
      assert.deepStrictEqual([unknown?.failure.kind, unknown?.failure.code], ["connection", "DNS_ERROR"])
      assert.notInclude(unknown?.message ?? "", "secret")
    }).pipe(Effect.provide(layer))
  )

  it.live("tells a connection that breaks from an answer", () =>
    withStub(
      ({ path }, response) => {
        if (path === "/half") response.writeHead(200, { "content-length": "100" }).write("half")
        setImmediate(() => response.socket?.destroy())
      },
      (stub) =>
        Effect.gen(function* () {
          for (const path of ["/none", "/half"]) {
            const error = errorOf(yield* Effect.exit(http({ url: stub.url + path })))
            assert.deepStrictEqual(
              [path, error?.failure.kind, error?.failure.code],
              [path, "connection", "CONN_RESET"]
            )
          }
        })
    )
  )

  it.live("trusts a certificate only when it is told to", () =>
    withStub(
      echo,
      (stub) =>
        Effect.gen(function* () {
          const error = errorOf(yield* Effect.exit(http({ url: stub.url })))
          assert.deepStrictEqual([error?.failure.kind, error?.isRetryable], ["connection", false])
          assert.strictEqual((yield* http({ url: stub.url, verify_ssl: "false" })).status, "success")
          assert.strictEqual((yield* http({ url: stub.url, verify: false })).status, "success")
          assert.strictEqual((yield* http({ url: stub.url, ca_cert: Certificates.ca })).status, "success")
          assert.isTrue(Exit.isFailure(yield* Effect.exit(http({ url: stub.url }))))
        }),
      { tls: "http1" }
    )
  )

  it.live("shows a client certificate", () =>
    withStub(
      echo,
      (stub) =>
        Effect.gen(function* () {
          const { ca: ca_cert, clientCert: client_cert, clientKey: client_key } = Certificates
          assert.strictEqual(
            (yield* http({ url: stub.url, ca_cert, client_cert, client_key })).status,
            "success"
          )
          assert.isTrue(Exit.isFailure(yield* Effect.exit(http({ url: stub.url, ca_cert }))))
        }),
      { tls: "client-certificate" }
    )
  )

  it.live("speaks HTTP/2 with a server that does, over one connection", () =>
    withStub(
      echo,
      (stub) =>
        Effect.gen(function* () {
          const one = http({ url: stub.url, ca_cert: Certificates.ca, method: "POST", json: { a: 1 } })
          yield* one
          const results = yield* Effect.all([one, one, one, one], { concurrency: "unbounded" })
          assert.deepStrictEqual(new Set(results.map(({ status }) => status)), new Set(["success"]))
          assert.strictEqual(dataOf(dataOf(results[0]?.data)["data"])["body"], '{"a":1}')
          assert.strictEqual(stub.connections.total, 1)
        }),
      { tls: "http2" }
    )
  )

  it.live("uses a connection again", () =>
    withStub(echo, (stub) =>
      Effect.gen(function* () {
        yield* Effect.forEach([1, 2, 3, 4, 5], () => http({ url: stub.url }))
        // Undici may open a second one when a request follows in the same turn of the loop.
        assert.isAtMost(stub.connections.total, 2)
      })
    )
  )
})

describe("HttpTool, with another client", () => {
  it.live("is only as good as the client it is given", () =>
    Effect.gen(function* () {
      const fake = Layer.succeed(SafeHttp, {
        open: () => Effect.die("not used"),
        request: ({ url }) =>
          Effect.succeed({
            status: 200,
            statusText: "OK",
            headers: {},
            url,
            elapsedMs: 1,
            body: Buffer.from("faked")
          })
      })
      const tool = Toolbox.layer(HttpTool).pipe(Layer.provide(HttpTool.layerNoDeps.pipe(Layer.provide(fake))))
      const result = yield* http({ url: "http://anywhere/" }).pipe(Effect.provide(tool))
      assert.strictEqual(dataOf(result.data)["body"], "faked")
    })
  )
})
