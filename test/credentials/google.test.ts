import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { generateKeyPairSync } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ControlPlane, type CredentialScope } from "../../src/control-plane/ControlPlane.ts"
import { Credentials } from "../../src/credentials/Credentials.ts"
import { ExecutionId } from "../../src/domain/Ids.ts"
import type { JsonObject } from "../../src/domain/Json.ts"
import { defaults, GoogleIdentity, type Options } from "../../src/google/GoogleTokens.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"
import { authenticationOf } from "../../src/tools/http/authentication.ts"
import * as GoogleServer from "../support/GoogleServer.ts"

const scope: CredentialScope = {
  executionId: ExecutionId.make("7670000000000000123"),
  catalogId: "42",
  serverUrl: "http://server"
}
const { serviceAccount, user } = GoogleServer
const everything = "https://www.googleapis.com/auth/cloud-platform"

const store: Readonly<Record<string, { readonly type: string; readonly data: JsonObject }>> = {
  account: { type: "google_service_account", data: serviceAccount },
  as_text: { type: "gcs", data: { service_account_json: JSON.stringify(serviceAccount) } },
  id: { type: "google_id_token", data: { ...serviceAccount, audience: "https://run.example" } },
  user: { type: "google_oauth", data: user },
  ready: { type: "google_oauth", data: { access_token: "ready-made-token" } },
  broken: { type: "gcp", data: { ...serviceAccount, private_key: "no key" } },
  empty: { type: "gcp", data: { project: "p" } },
  other: {
    type: "gcp",
    data: {
      ...serviceAccount,
      private_key: generateKeyPairSync("rsa", { modulusLength: 2048 })
        .privateKey.export({ type: "pkcs8", format: "pem" })
        .toString()
    }
  }
}

const plane = Layer.mock(ControlPlane, {
  name: "test",
  workerName: "test",
  heartbeatRequest: undefined,
  address: "test",
  claimPatience: () => Duration.infinity,
  credential: (name) => {
    const found = store[name]
    return Effect.succeed(
      found === undefined ? undefined : { name, type: found.type, data: Redacted.make(found.data) }
    )
  },
  keychain: () => Effect.succeed(undefined)
})

const world = (options: Partial<Options>) =>
  Credentials.layer.pipe(
    Layer.provideMerge(Layer.mergeAll(plane, Redactor.layer)),
    Layer.provide(Layer.succeed(GoogleIdentity, { ...defaults, ...options }))
  )

/** The header that http makes of an `auth` key. */
const header = Effect.fnUntraced(function* (auth: JsonObject | string) {
  const { auth: resolved } = yield* (yield* Credentials).resolve({
    kind: "http",
    config: { auth },
    use: { googleTokens: true },
    scope
  })
  return authenticationOf(auth, resolved).headers["authorization"]
})
const token = (name: string, audience?: string) =>
  Effect.flatMap(Credentials, (credentials) => credentials.token("http", name, scope, audience))

describe("3.4 Google's credentials", () => {
  it.effect("a service account's key becomes a bearer token, of the scopes that the author asks for", () =>
    Effect.gen(function* () {
      const google = yield* GoogleServer.make()
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* header("account"), "Bearer account-token-1")
        assert.strictEqual(yield* header("as_text"), "Bearer account-token-1")
        assert.strictEqual(
          yield* header({ type: "gcp", credential: "account", scopes: ["a", "b"] }),
          "Bearer account-token-2"
        )
        assert.deepStrictEqual(google.given, [`account ${everything}`, "account a b"])
      }).pipe(Effect.provide(world({ tokenUrl: google.url })))
    })
  )

  it.effect("a token is asked for once, and again a minute before its end", () =>
    Effect.gen(function* () {
      const google = yield* GoogleServer.make()
      yield* Effect.gen(function* () {
        yield* Effect.all(
          Array.from({ length: 20 }, () => header("account")),
          { concurrency: 20 }
        )
        yield* TestClock.adjust("58 minutes")
        assert.strictEqual(yield* header("account"), "Bearer account-token-1")
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(yield* header("account"), "Bearer account-token-2")
      }).pipe(Effect.provide(world({ tokenUrl: google.url })))
    })
  )

  it.effect("a user's permission is renewed, and a token that is there is used as it is", () =>
    Effect.gen(function* () {
      const google = yield* GoogleServer.make()
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* header("user"), "Bearer user-token-1")
        assert.strictEqual(yield* header("ready"), "Bearer ready-made-token")
        assert.deepStrictEqual(google.given, ["user"])
      }).pipe(Effect.provide(world({ tokenUrl: google.url })))
    })
  )

  it.effect("token(name) is an access token, token(name, audience) an ID token", () =>
    Effect.gen(function* () {
      const google = yield* GoogleServer.make()
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* token("account"), "account-token-1")
        assert.strictEqual(yield* token("account", "https://run.example"), "id-token-2")
        assert.strictEqual(yield* token("id"), "id-token-2")
        assert.strictEqual(yield* header("id"), "Bearer id-token-2")
        assert.deepStrictEqual(google.given, [`account ${everything}`, "account for https://run.example"])
      }).pipe(Effect.provide(world({ tokenUrl: google.url })))
    })
  )

  it.effect("every token that is made is masked", () =>
    Effect.gen(function* () {
      const google = yield* GoogleServer.make()
      yield* Effect.gen(function* () {
        const redactor = yield* Redactor
        yield* header("account")
        yield* token("user")
        assert.strictEqual(redactor.mask("account-token-1 user-token-2"), "[REDACTED] [REDACTED]")
      }).pipe(Effect.provide(world({ tokenUrl: google.url })))
    })
  )

  const adc = { type: "gcp_adc" }

  it.effect("gcp_adc is the identity of the key file that the worker was given", () =>
    Effect.gen(function* () {
      const google = yield* GoogleServer.make()
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "google-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true }))
      )
      const file = join(folder, "key.json")
      yield* Effect.promise(() => writeFile(file, JSON.stringify(serviceAccount)))
      assert.strictEqual(
        yield* header({ ...adc, scopes: "a,b" }).pipe(Effect.provide(world({ tokenUrl: google.url, file }))),
        "Bearer account-token-1"
      )
      assert.deepStrictEqual(google.given, ["account a b"])
      const error = yield* Effect.flip(header(adc)).pipe(Effect.provide(world({ file: `${file}x` })))
      assert.include(error.message, "ENOENT")
    })
  )

  it.effect(
    "gcp_adc is the machine's identity where the metadata server is named, and nobody's otherwise",
    () =>
      Effect.gen(function* () {
        const google = yield* GoogleServer.make()
        const machine = world({ metadataHost: google.host })
        assert.strictEqual(yield* header(adc).pipe(Effect.provide(machine)), "Bearer machine-token-1")
        assert.deepStrictEqual(google.given, [`machine ${everything}`])
        const error = yield* Effect.flip(header(adc)).pipe(Effect.provide(world({})))
        assert.deepInclude(error.failure, { kind: "credential", retryable: false })
        assert.include(error.message, "GOOGLE_APPLICATION_CREDENTIALS")
      })
  )

  const refused: ReadonlyArray<readonly [string, string, RegExp]> = [
    ["a key that Google does not know", "other", /HTTP 400: .*the signature is wrong/],
    ["a key that is none", "broken", /private key of worker@.* cannot be used/],
    ["a credential without a key", "empty", /no token and no key file/]
  ]

  it.effect.each(refused)("%s is a credential error, and no secret stands in it", ([, name, text]) =>
    Effect.gen(function* () {
      const google = yield* GoogleServer.make()
      const error = yield* Effect.flip(header(name)).pipe(Effect.provide(world({ tokenUrl: google.url })))
      assert.deepInclude(error.failure, { kind: "credential", retryable: false })
      assert.match(error.message, text)
      assert.notInclude(error.message, "PRIVATE KEY")
    })
  )

  it.effect("an endpoint that is away is asked again by the next who wants a token", () =>
    Effect.gen(function* () {
      const google = yield* GoogleServer.make({ failFirst: 1 })
      yield* Effect.gen(function* () {
        const error = yield* Effect.flip(header("account"))
        assert.deepInclude(error.failure, { kind: "credential", retryable: true })
        assert.strictEqual(yield* header("account"), "Bearer account-token-1")
      }).pipe(Effect.provide(world({ tokenUrl: google.url })))
    })
  )
})
