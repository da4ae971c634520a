import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { HttpJson } from "../../src/control-plane/noetl/HttpJson.ts"
import * as HttpStub from "../support/HttpStub.ts"

const settings = { token: undefined, tls: undefined, timeoutMillis: 5000, connections: 2 }

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
})
