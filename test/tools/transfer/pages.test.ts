import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import type { JsonObject } from "../../../src/domain/Json.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { SafeHttp } from "../../../src/tools/http/SafeHttp.ts"
import { source } from "../../../src/tools/transfer/httpEnd.ts"
import * as HttpStub from "../../support/HttpStub.ts"

const auth = {
  primary: { name: "api", type: "bearer", data: Redacted.make({ token: "t0ken-of-the-api" }) },
  named: new Map()
}
const config = (url: string, pagination: JsonObject) => ({
  url,
  method: "POST",
  headers: { "x-api-key": "key-of-the-api", accept: "application/json" },
  json: { password: "in-the-body" },
  data_path: "rows",
  auth: "api",
  pagination
})

const rowsOf = (written: ReturnType<typeof config>) =>
  Effect.gen(function* () {
    const from = yield* source(written as never, { kind: "transfer" }, auth)
    const pull = yield* from.read(
      [{ from: { name: "id" }, to: { name: "id", type: { kind: "int8" } } } as never],
      {
        chunkRows: 0
      } as never
    )
    let rows = 0
    for (let batch = yield* pull; batch !== undefined; batch = yield* pull) rows += batch.rows
    return rows
  }).pipe(Effect.provide(SafeHttp.layer.pipe(Layer.provide(EgressOptions.layerDevelopment))), Effect.scoped)

/** A stranger that remembers what it was sent, and a service whose second page is there. */
const twoServers = (next: (stranger: string) => (response: Parameters<HttpStub.Handler>[1]) => JsonObject) =>
  Effect.gen(function* () {
    const stranger = yield* HttpStub.make((_, response) => HttpStub.json(response, { rows: [{ id: 2 }] }))
    const service: HttpStub.Stub = yield* HttpStub.make(({ path }, response) => {
      if (path === "/moved") response.writeHead(307, { location: `${stranger.url}/x` }).end()
      else HttpStub.json(response, { rows: [{ id: 1 }], ...next(stranger.url)(response) })
    })
    return { service, stranger }
  })

describe("The next page of a transfer", () => {
  it.live.each<
    readonly [
      string,
      JsonObject,
      (stranger: string) => (response: Parameters<HttpStub.Handler>[1]) => JsonObject
    ]
  >([
    [
      "by a URL in the answer",
      { type: "next_url", next_path: "next" },
      (url) => () => ({ next: `${url}/2` })
    ],
    [
      "by a URL without a scheme",
      { type: "next_url", next_path: "next" },
      (url) => () => ({ next: url.replace("http:", "") })
    ],
    [
      "by a Link header",
      { type: "link" },
      (url) => (response) => {
        response.setHeader("link", `<${url}/2>; rel="next"`)
        return {}
      }
    ]
  ])("on another origin is asked for without body, headers and authorization: %s", ([, pagination, next]) =>
    Effect.gen(function* () {
      const { service, stranger } = yield* twoServers(next)
      assert.strictEqual(yield* rowsOf(config(service.url, pagination)), 2)
      assert.strictEqual(service.asked[0]?.headers.authorization, "Bearer t0ken-of-the-api")
      assert.strictEqual(service.asked[0]?.body.toString(), '{"password":"in-the-body"}')
      const [asked] = stranger.asked
      assert.strictEqual(asked?.method, "GET")
      assert.strictEqual(asked?.body.length, 0)
      assert.notMatch(JSON.stringify(asked?.headers), /t0ken|key-of|authorization|x-api-key/)
    }).pipe(Effect.scoped)
  )

  it.live("does not take the body along when a redirect leads to another origin", () =>
    Effect.gen(function* () {
      const { service, stranger } = yield* twoServers(() => () => ({ next: "/moved" }))
      const failed = yield* Effect.flip(rowsOf(config(service.url, { type: "next_url", next_path: "next" })))
      assert.include(failed.message, "takes the request's body")
      assert.strictEqual(stranger.asked.length, 0)
    }).pipe(Effect.scoped)
  )

  it.live("on the same origin is asked for as the first one was", () =>
    Effect.gen(function* () {
      const pages = [{ next: "/2" }, {}]
      const service = yield* HttpStub.make((_, response) =>
        HttpStub.json(response, { rows: [{ id: 1 }], ...pages.shift() })
      )
      assert.strictEqual(yield* rowsOf(config(service.url, { type: "next_url", next_path: "next" })), 2)
      for (const { body, headers, method } of service.asked) {
        assert.deepStrictEqual(
          [method, headers.authorization, headers["x-api-key"], body.toString()],
          ["POST", "Bearer t0ken-of-the-api", "key-of-the-api", '{"password":"in-the-body"}']
        )
      }
    }).pipe(Effect.scoped)
  )
})
