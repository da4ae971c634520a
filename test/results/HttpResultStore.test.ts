import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import * as HttpResultStore from "../../src/results/HttpResultStore.ts"
import { ResultStore } from "../../src/results/ResultStore.ts"
import { suite } from "./ResultStoreSuite.ts"

/** A server that answers; it ends with the scope. */
const serve = (answer: (request: IncomingMessage, body: string, response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
      const server = createServer((request, response) => {
        let body = ""
        request.on("data", (chunk: Buffer) => (body += chunk.toString()))
        request.on("end", () => answer(request, body, response))
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, close: () => server.close() }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

/** As the Rust server does it, in short. */
const rustServer = Effect.suspend(() => {
  const kept = new Map<string, string>()
  return serve((request, body, response) => {
    const url = new URL(request.url ?? "/", "http://x")
    if (request.method === "PUT") {
      const [, executionId] = /^\/api\/result\/(\d+)$/.exec(url.pathname) ?? []
      const data = /"data":(.*)\}$/s.exec(body)?.[1] ?? "null"
      const name = String((JSON.parse(body) as { readonly name: unknown }).name).replaceAll(" ", "_")
      const ref = `noetl://execution/${executionId}/result/${name}/${(0x1000_0000 + kept.size).toString(16)}`
      kept.set(ref, data)
      response.end(
        JSON.stringify({ ref, store: "db", scope: "execution", bytes: data.length, expires_at: null })
      )
    } else {
      const data = kept.get(url.searchParams.get("ref") ?? "")
      response.statusCode = data === undefined ? 404 : 200
      response.end(data ?? '{"error":"not found"}')
    }
  })
})

const storeAt = (url: string) => HttpResultStore.layer({ url }).pipe(Layer.provide(FetchHttpClient.layer))
const world = Layer.unwrap(Effect.map(rustServer, ({ url }) => storeAt(`${url}/api/`)))

describe("HttpResultStore", () => {
  suite(world)

  it.live.each([
    [503, "StoreUnavailable", true],
    [404, "ResultMissing", true],
    [413, "ResultTooLarge", false],
    [400, "ResultUnreadable", false]
  ] as const)("understands HTTP %i", ([status, tag, retryable]) =>
    Effect.gen(function* () {
      const { url } = yield* serve((_request, _body, response) => {
        response.statusCode = status
        response.end("no")
      })
      const error = yield* Effect.flatMap(ResultStore, (store) =>
        Effect.flip(store.get("noetl://x", undefined))
      ).pipe(Effect.provide(storeAt(url)))
      assert.strictEqual(error.reason._tag, tag)
      assert.strictEqual(error.isRetryable, retryable)
    })
  )

  it.live("does not take an answer that is no JSON", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((_request, _body, response) => response.end("<html>"))
      const store = yield* ResultStore.pipe(Effect.provide(storeAt(url)))
      assert.strictEqual(
        (yield* Effect.flip(store.get("noetl://x", undefined))).reason._tag,
        "ResultUnreadable"
      )
      const put = Effect.flip(store.put({ executionId: "1", step: "s" }, { value: 1, text: "1" }))
      assert.strictEqual((yield* put).reason._tag, "ResultUnreadable")
    })
  )
})
