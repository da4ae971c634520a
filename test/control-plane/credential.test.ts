import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted } from "effect"
import type { Json } from "../../src/domain/Json.ts"
import { credential } from "../../src/control-plane/noetl/secrets.ts"
import type { Endpoint } from "../../src/control-plane/noetl/Dialect.ts"
import { fromStart } from "../../src/control-plane/noetl/HttpJson.ts"

/** A server that answers everything the same, and remembers what it was asked. */
const answering = (status: number, body: Json) => {
  const asked: Array<string> = []
  const http = fromStart(({ method, url }, done) => {
    asked.push(`${method} ${url}`)
    done(Exit.succeed({ status, body, retryAfter: undefined }))
    return () => {}
  })
  const server: Endpoint = { http, base: "http://server" }
  return { asked, server }
}

const fields = { db_host: "db", db_password: "p" }

describe("3.2 a credential of the server", () => {
  it.effect("is asked for with its data, whatever stands in its name", () => {
    const { asked, server } = answering(200, { name: "a b/c", type: "postgres", data: fields })
    return Effect.gen(function* () {
      const found = yield* credential(server, "a b/c")
      assert.deepStrictEqual(found && Redacted.value(found.data), fields)
      assert.strictEqual(found?.type, "postgres")
      assert.deepStrictEqual(asked, ["GET http://server/api/credentials/a%20b%2Fc?include_data=true"])
    })
  })

  it.effect("may have its data wrapped twice", () =>
    Effect.gen(function* () {
      const { server } = answering(200, { type: "postgres", data: { data: fields } })
      const found = yield* credential(server, "pg")
      assert.deepStrictEqual(found && Redacted.value(found.data), fields)
    })
  )

  it.effect("that does not exist is none", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* credential(answering(404, {}).server, "pg"))
    })
  )

  it.effect.each([408, 429, 500, 502, 503, 504])("is asked for again after %d", (status) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(credential(answering(status, {}).server, "pg"))
      assert.isTrue(error.isRetryable)
    })
  )

  it.effect.each([400, 401, 403, 422])("is given up after %d", (status) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(credential(answering(status, {}).server, "pg"))
      assert.isFalse(error.isRetryable)
    })
  )

  it.effect("without data is unreadable", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(credential(answering(200, { type: "x" }).server, "pg"))
      assert.strictEqual(error.reason._tag, "Unreadable")
    })
  )
})
