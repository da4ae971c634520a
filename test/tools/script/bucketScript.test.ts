import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import type { JsonObject } from "../../../src/domain/Json.ts"
import { aCall } from "../../../src/testing/suites/ToolSuite.ts"
import { SafeHttp } from "../../../src/tools/http/SafeHttp.ts"
import { ScriptSource } from "../../../src/tools/python/ScriptSource.ts"
import { signedHeaders } from "../../../src/tools/script/awsSignature.ts"
import { scriptText } from "../../../src/tools/script/scriptText.ts"
import type { ToolCall } from "../../../src/tools/Tool.ts"
import { GoogleIdentity, GoogleTokens } from "../../../src/google/GoogleTokens.ts"
import * as GoogleServer from "../../support/GoogleServer.ts"
import * as HttpStub from "../../support/HttpStub.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { errorOf } from "./harness.ts"

const text = (script: JsonObject | string, more: Partial<ToolCall> = {}) =>
  Effect.gen(function* () {
    const uses = { sources: yield* ScriptSource, http: yield* SafeHttp, google: yield* GoogleTokens }
    return yield* scriptText(uses, { script }, aCall("script", {}, more))
  }).pipe(
    Effect.provide(
      Layer.mergeAll(ScriptSource.layer, SafeHttp.layer, GoogleTokens.layer).pipe(
        Layer.provide(EgressOptions.layerDevelopment)
      )
    )
  )

const credential = (name: string, data: JsonObject) => ({ name, type: "", data: Redacted.make(data) })
const auth = (data: JsonObject) => ({ primary: credential("bucket", data), named: new Map() })

describe("a script in a bucket", () => {
  it("is asked for with the signature that Amazon documents for its example", () => {
    const headers = signedHeaders({
      url: new URL("https://examplebucket.s3.amazonaws.com/test.txt"),
      headers: { range: "bytes=0-9" },
      region: "us-east-1",
      keys: {
        accessKeyId: "AKIAIOSFODNN7EXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        sessionToken: undefined
      },
      now: Date.UTC(2013, 4, 24)
    })
    assert.include(
      headers["authorization"],
      "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
  })

  it.live("of S3 comes with the keys of the step's credential", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make((_, response) => response.end("print('s3')"))
      const keys = { access_key_id: "AKIA", secret_access_key: "s", session_token: "t", endpoint: stub.url }
      const found = yield* text(
        { uri: "s3://bucket/a folder/x+y.py", source: { type: "s3", region: "eu-west-1" } },
        {
          auth: auth(keys)
        }
      )
      assert.strictEqual(found, "print('s3')")
      const [asked] = stub.asked
      assert.strictEqual(asked?.path, "/bucket/a%20folder/x%2By.py")
      assert.match(asked?.headers.authorization ?? "", /Credential=AKIA\/\d{8}\/eu-west-1\/s3\/aws4_request/)
      assert.strictEqual(asked?.headers["x-amz-security-token"], "t")
    }).pipe(Effect.scoped)
  )

  it.live.each<readonly [string, JsonObject]>([
    ["a service account's key", { service_account_json: JSON.stringify(GoogleServer.serviceAccount) }],
    ["a service account's key of another member", { key: JSON.stringify(GoogleServer.serviceAccount) }],
    ["a user's permission", GoogleServer.user]
  ])("of Google comes with a token that the worker's endpoint gives for %s, not the key's", ([, data]) =>
    Effect.gen(function* () {
      const own = yield* GoogleServer.make()
      const stranger = yield* HttpStub.make((_, response) =>
        HttpStub.json(response, { access_token: "ya29" })
      )
      const store = yield* HttpStub.make((_, response) => response.end("print('gcs')"))
      const follows = JSON.parse(
        JSON.stringify(data).replaceAll("http://127.0.0.1:1", stranger.url)
      ) as JsonObject
      const found = yield* text(
        { type: "gcs", uri: "gs://bucket/dir/x.py" },
        { auth: auth({ ...follows, endpoint: store.url }) }
      ).pipe(
        Effect.provideService(GoogleIdentity, {
          tokenUrl: own.url,
          file: undefined,
          metadataHost: undefined
        })
      )
      assert.strictEqual(found, "print('gcs')")
      assert.strictEqual(stranger.asked.length, 0)
      const [object] = store.asked
      assert.strictEqual(object?.path, "/storage/v1/b/bucket/o/dir%2Fx.py")
      assert.match(object?.headers.authorization ?? "", /^Bearer (account|user)-token-\d+$/)
      assert.strictEqual(own.given.length, 1)
    }).pipe(Effect.scoped)
  )

  it.live("that is not there fails with what the store says", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make((_, response) => HttpStub.json(response, { error: "NoSuchKey" }, 404))
      const error = errorOf(
        yield* Effect.exit(text({ uri: "s3://b/k", source: { type: "s3", endpoint: stub.url } }))
      )
      assert.strictEqual(error?.failure.kind, "not_found")
      assert.include(error?.message, "NoSuchKey")
    }).pipe(Effect.scoped)
  )

  it.live("names a credential that is one of the step's", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make((_, response) => response.end("ok"))
      const source = { type: "gcs", endpoint: stub.url, auth: "lake" }
      const named = new Map([["lake", credential("lake", { access_token: "abc" })]])
      yield* text({ uri: "gs://b/k", source }, { auth: { primary: undefined, named } })
      assert.strictEqual(stub.asked[0]?.headers.authorization, "Bearer abc")
      const error = errorOf(yield* Effect.exit(text({ uri: "gs://b/k", source })))
      assert.strictEqual(error?.failure.kind, "credential")
    }).pipe(Effect.scoped)
  )
})

describe("a script's text", () => {
  it.live.each<readonly [string, JsonObject | string, string]>([
    ["inline with a type", { source: { type: "inline", code: "a" } }, "a"],
    ["inline as `content`", { type: "inline", content: "b" }, "b"],
    ["inline as text alone", "print('c')\n", "print('c')\n"]
  ])("is taken %s", ([, script, wanted]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* text(script), wanted)
    })
  )

  it.live("comes from a web server as well", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make((_, response) => response.end("d"))
      assert.strictEqual(yield* text({ type: "http", uri: `${stub.url}/x.py` }), "d")
    }).pipe(Effect.scoped)
  )
})
