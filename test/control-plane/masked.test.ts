import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Redacted } from "effect"
import { HttpJson, sendOk, type Settings } from "../../src/control-plane/noetl/HttpJson.ts"
import { originOf } from "../../src/control-plane/noetl/identity.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"
import * as HttpStub from "../support/HttpStub.ts"

const secret = "Zq7-kP2w_Vn9tLx4RmB8sD3cHf6yJg1u"

const settingsFor = (url: string, read: () => string): Settings => ({
  token: { origin: originOf(url) ?? "", read: () => Redacted.make(read()) },
  tls: undefined,
  origins: [url],
  timeoutMillis: 5_000,
  connections: 4
})

describe("What a NoETL server says in an error", () => {
  it.live.each([400, 470, 480, 490, 499])(
    "has no piece of a secret that begins after %i characters",
    (before) =>
      Effect.gen(function* () {
        const stub = yield* HttpStub.make((_, response) =>
          response.writeHead(500).end("y".repeat(before) + secret)
        )
        yield* Effect.gen(function* () {
          yield* (yield* Redactor).register("one", secret)
          const exit = yield* Effect.exit(
            sendOk(yield* HttpJson, { operation: "claim", method: "GET", url: `${stub.url}/x` })
          )
          assert.isTrue(Exit.isFailure(exit))
          const told = JSON.stringify(exit)
          assert.include(told, "y".repeat(before))
          assert.notInclude(told, "Zq")
        }).pipe(
          Effect.provide(
            HttpJson.layer(settingsFor(stub.url, () => "")).pipe(Layer.provideMerge(Redactor.layer))
          )
        )
      }).pipe(Effect.scoped)
  )

  it.live("masks the worker's token too, each of those that a file had", () =>
    Effect.gen(function* () {
      const tokens = ["first-token-of-ours", "second-token-of-ours"]
      let at = 0
      const stub = yield* HttpStub.make(({ headers }, response) =>
        response.writeHead(403).end(`refused: ${headers.authorization}`)
      )
      yield* Effect.gen(function* () {
        const http = yield* HttpJson
        const send = Effect.exit(sendOk(http, { operation: "claim", method: "GET", url: `${stub.url}/x` }))
        const told = [JSON.stringify(yield* send)]
        at = 1
        told.push(JSON.stringify(yield* send))
        for (const one of told) assert.include(one, "[REDACTED]")
        assert.notInclude(told.join(), "token-of-ours")
        assert.strictEqual((yield* Redactor).mask(tokens.join()), "[REDACTED],[REDACTED]")
      }).pipe(
        Effect.provide(
          HttpJson.layer(settingsFor(stub.url, () => tokens[at] ?? "")).pipe(
            Layer.provideMerge(Redactor.layer)
          )
        )
      )
    }).pipe(Effect.scoped)
  )
})
