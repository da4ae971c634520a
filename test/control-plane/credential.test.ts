import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { Json } from "../../src/domain/Json.ts"
import { credential } from "../../src/control-plane/noetl/secrets.ts"
import type { HttpJson } from "../../src/control-plane/noetl/HttpJson.ts"

/** A server that answers everything the same, and remembers what it was asked. */
const answering = (status: number, body: Json) => {
  const asked: Array<string> = []
  const http: HttpJson["Service"] = {
    send: ({ method, url }) =>
      Effect.sync(() => {
        asked.push(`${method} ${url}`)
        return { status, body, retryAfter: undefined }
      })
  }
  return { asked, http }
}

const fields = { db_host: "db", db_password: "p" }

describe("3.2 a credential of the server", () => {
  it.effect("is asked for with its data, whatever stands in its name", () => {
    const { asked, http } = answering(200, { name: "a b/c", type: "postgres", data: fields })
    return Effect.gen(function* () {
      const found = yield* credential(http, "http://server", "a b/c")
      assert.deepStrictEqual(found && Redacted.value(found.data), fields)
      assert.strictEqual(found?.type, "postgres")
      assert.deepStrictEqual(asked, ["GET http://server/api/credentials/a%20b%2Fc?include_data=true"])
    })
  })

  it.effect("may have its data wrapped twice", () =>
    Effect.gen(function* () {
      const { http } = answering(200, { type: "postgres", data: { data: fields } })
      const found = yield* credential(http, "http://server", "pg")
      assert.deepStrictEqual(found && Redacted.value(found.data), fields)
    })
  )

  it.effect("that does not exist is none", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* credential(answering(404, {}).http, "http://server", "pg"))
    })
  )

  it.effect.each([408, 429, 500, 502, 503, 504])("is asked for again after %d", (status) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(credential(answering(status, {}).http, "http://server", "pg"))
      assert.isTrue(error.isRetryable)
    })
  )

  it.effect.each([400, 401, 403, 422])("is given up after %d", (status) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(credential(answering(status, {}).http, "http://server", "pg"))
      assert.isFalse(error.isRetryable)
    })
  )

  it.effect("without data is unreadable", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(credential(answering(200, { type: "x" }).http, "http://server", "pg"))
      assert.strictEqual(error.reason._tag, "Unreadable")
    })
  )
})
