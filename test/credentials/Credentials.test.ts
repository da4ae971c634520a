import { assert, describe, it } from "@effect/vitest"
import { Duration, ConfigProvider, Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  ControlPlane,
  ControlPlaneError,
  type CredentialScope,
  Refused,
  Unreachable
} from "../../src/control-plane/ControlPlane.ts"
import { authVariable, Credentials } from "../../src/credentials/Credentials.ts"
import { CredentialsFileError, layerEnv, layerFile } from "../../src/credentials/CredentialSource.ts"
import { authorized } from "../../src/job/pipeline/authorized.ts"
import { ExecutionId } from "../../src/domain/Ids.ts"
import type { JsonObject } from "../../src/domain/Json.ts"
import { declarationOf } from "../support/declarations.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"

const scope: CredentialScope = {
  executionId: ExecutionId.make("7670000000000000123"),
  catalogId: "42",
  serverUrl: "http://server"
}

const store: Readonly<Record<string, { readonly type: string; readonly data: JsonObject }>> = {
  pg_local: {
    type: "postgres",
    data: { db_host: "db", db_port: "5433", db_user: "noetl", db_password: "pg-password-1", db_name: "demo" }
  },
  sf: {
    type: "snowflake",
    data: { sf_account: "acc", sf_user: "me", sf_password: "sf-password", sf_warehouse: "wh" }
  },
  api: { type: "bearer", data: { token: "bearer-token-1" } },
  key: { type: "api_key", data: { api_key: "api-key-value" } },
  nats_credential: {
    type: "nats",
    data: { nats_url: "nats://u:url-password@n:4222", nats_user: "u", stream: "S" }
  },
  gcs: { type: "gcs", data: { private_key: "gcs-private-key" } },
  pg_short: {
    type: "postgres",
    data: { host: "db", port: 5433, user: "noetl", password: "pg-password-1", dbname: "demo" }
  },
  sf_key: {
    type: "snowflake",
    data: {
      account: "acc",
      sf_private_key: "sf-private-key",
      sf_private_key_passphrase: "sf-passphrase",
      sf_role: "r"
    }
  },
  broker: { type: "kafka", data: { brokers: ["k:9092"], nats_token: "broker-token", topic: "t" } }
}

/** A control plane that knows `store`, counts what it is asked, and can be told to fail first. */
const world = (
  options: { readonly failures?: ReadonlyArray<ControlPlaneError>; readonly keychain?: JsonObject } = {}
) => {
  const asked: Array<string> = []
  const failures = [...(options.failures ?? [])]
  const plane = Layer.mock(ControlPlane, {
    name: "test",
    workerName: "test",
    heartbeatRequest: undefined,
    address: "test",
    claimPatience: () => Duration.infinity,
    credential: (name) =>
      Effect.suspend(() => {
        asked.push(name)
        const failure = failures.shift()
        if (failure !== undefined) return Effect.fail(failure)
        const found = store[name]
        return Effect.succeed(
          found === undefined ? undefined : { name, type: found.type, data: Redacted.make(found.data) }
        )
      }),
    keychain: (name) =>
      Effect.sync(() => {
        asked.push(`keychain ${name}`)
        return name === "session" ? options.keychain : undefined
      })
  })
  return { asked, layer: Credentials.layer.pipe(Layer.provideMerge(Layer.mergeAll(plane, Redactor.layer))) }
}

const resolve = (kind: string, config: JsonObject) =>
  Effect.flatMap(Credentials, (credentials) =>
    authorized({ credentials, toolbox: { declarationOf } }, kind, config, scope)
  )

const postgresFields = { host: "db", port: 5433, user: "noetl", password: "pg-password-1", database: "demo" }

const shapes: ReadonlyArray<readonly [rule: string, kind: string, config: JsonObject, expected: JsonObject]> =
  [
    ["3.1 a name", "postgres", { auth: "pg_local" }, postgresFields],
    ["3.1 credential", "postgres", { credential: "pg_local" }, postgresFields],
    ["3.1 credentials", "postgres", { credentials: "pg_local" }, postgresFields],
    [
      "3.1 an object with a credential",
      "postgres",
      { auth: { type: "postgres", credential: "pg_local" } },
      postgresFields
    ],
    [
      "3.1 an object with source and key",
      "postgres",
      { auth: { source: "credential", key: "pg_local" } },
      postgresFields
    ],
    [
      "3.1 an alias map",
      "postgres",
      { auth: { db: { type: "postgres", credential: "pg_local" } } },
      postgresFields
    ],
    ["3.1 an alias map of names", "postgres", { auth: { db: "pg_local" } }, postgresFields],
    [
      "3.1 an alias that is the name",
      "postgres",
      { auth: { pg_local: { type: "postgres" } } },
      postgresFields
    ],
    [
      "3.1 explicit fields are never overwritten",
      "postgres",
      { auth: "pg_local", host: "other", port: 1 },
      { ...postgresFields, host: "other", port: 1 }
    ],
    ["3.1 an explicit null is no field", "postgres", { auth: "pg_local", host: null }, postgresFields],
    [
      "3.1 direct fields alone",
      "postgres",
      { host: "h", password: "literal-password" },
      { host: "h", password: "literal-password" }
    ],
    [
      "3.1 fields inline",
      "postgres",
      { auth: { type: "postgres", fields: { db_host: "h", db_password: "inline-pass" } } },
      { host: "h", password: "inline-pass" }
    ],
    [
      "3.3 snowflake",
      "snowflake",
      { auth: "sf" },
      { account: "acc", user: "me", password: "sf-password", warehouse: "wh" }
    ],
    [
      "3.3 nats, other fields as they are",
      "nats",
      { auth: "nats_credential" },
      { url: "nats://u:url-password@n:4222", user: "u", stream: "S" }
    ],
    ["3.3 postgres, under the short names", "postgres", { auth: "pg_short" }, postgresFields],
    [
      "3.3 snowflake with a key",
      "snowflake",
      { auth: "sf_key" },
      { account: "acc", private_key: "sf-private-key", private_key_passphrase: "sf-passphrase", role: "r" }
    ],
    [
      "3.3 a message broker, every other field verbatim",
      "kafka",
      { auth: "broker" },
      { brokers: ["k:9092"], token: "broker-token", topic: "t" }
    ],
    [
      "3.1 an alias that a template gave",
      "postgres",
      { auth: { credential: "pg_local" }, password: null },
      postgresFields
    ],
    ["3.3 http reads the credential itself", "http", { auth: "api" }, {}],
    [
      "3.3 duckdb attaches, its own database stays",
      "duckdb",
      { auth: "pg_local", database: "x.db" },
      { database: "x.db" }
    ]
  ]

describe("Credentials", () => {
  it.effect.each(shapes)("%s", ([, kind, config, expected]) =>
    Effect.gen(function* () {
      const { config: resolved } = yield* resolve(kind, config)
      const { auth: _, credential: __, credentials: ___, ...fields } = resolved
      assert.deepStrictEqual(fields, expected)
    }).pipe(Effect.provide(world().layer))
  )

  it.effect("3.1 resolves both ends of a transfer", () =>
    Effect.gen(function* () {
      const { auth, config } = yield* resolve("transfer", {
        source: { type: "snowflake", auth: "sf", query: "q" },
        target: { type: "postgres", auth: { credential: "pg_local" }, table: "t" }
      })
      assert.deepInclude(config["source"], { account: "acc", query: "q" })
      assert.deepInclude(config["target"], { host: "db", table: "t" })
      assert.deepStrictEqual([...auth.named.keys()], ["source", "target"])
    }).pipe(Effect.provide(world().layer))
  )

  it.effect("3.1 resolves several aliases of an end under the end's name", () =>
    Effect.gen(function* () {
      const { auth } = yield* resolve("transfer", {
        source: { type: "duckdb", auth: { lake: "api", db: "pg_local" }, query: "q" },
        target: { type: "postgres", auth: "pg_local", table: "t" }
      })
      assert.deepStrictEqual([...auth.named.keys()], ["source.lake", "source.db", "target"])
    }).pipe(Effect.provide(world().layer))
  )

  it.effect("3.4 hands http a credential with the type and the header that the author wrote", () =>
    Effect.gen(function* () {
      const { auth } = yield* resolve("http", {
        auth: { type: "api_key", credential: "key", header: "X-Key" }
      })
      assert.strictEqual(auth.primary?.type, "api_key")
      assert.deepStrictEqual(auth.primary && Redacted.value(auth.primary.data), {
        api_key: "api-key-value",
        header: "X-Key"
      })
    }).pipe(Effect.provide(world().layer))
  )

  it.effect("3.4 shows templates every alias and its fields", () =>
    Effect.gen(function* () {
      const many = yield* resolve("http", { auth: { a: "api", b: { type: "api_key", credential: "key" } } })
      assert.isUndefined(many.auth.primary)
      assert.deepStrictEqual(authVariable(many.auth), {
        a: { token: "bearer-token-1" },
        b: { api_key: "api-key-value" }
      })
      const one = yield* resolve("http", { auth: "api" })
      assert.deepStrictEqual(authVariable(one.auth), {
        token: "bearer-token-1",
        api: { token: "bearer-token-1" }
      })
    }).pipe(Effect.provide(world().layer))
  )

  it.effect("registers every secret, and no host or user name", () =>
    Effect.gen(function* () {
      yield* resolve("postgres", { auth: "pg_local" })
      yield* resolve("nats", { auth: "nats_credential" })
      yield* resolve("http", { auth: { type: "bearer", token: "inline-token-9" } })
      const redactor = yield* Redactor
      assert.strictEqual(
        redactor.mask("noetl demo pg-password-1 nats://u:url-password@n:4222 inline-token-9"),
        "noetl demo [REDACTED] nats://u:[REDACTED]@n:4222 [REDACTED]"
      )
    }).pipe(Effect.provide(world().layer))
  )

  it.effect("shows no secret when it is printed", () =>
    Effect.gen(function* () {
      const { auth } = yield* resolve("http", { auth: "api" })
      assert.notInclude(JSON.stringify(auth.primary), "bearer-token-1")
    }).pipe(Effect.provide(world().layer))
  )

  it.effect("asks once for as long as a credential lives, for many who ask at a time", () => {
    const { asked, layer } = world()
    return Effect.gen(function* () {
      yield* Effect.all(
        Array.from({ length: 20 }, () => resolve("http", { auth: "api" })),
        { concurrency: 20 }
      )
      yield* TestClock.adjust("4 minutes")
      yield* resolve("http", { auth: "api" })
      assert.deepStrictEqual(asked, ["api"])
      yield* TestClock.adjust("2 minutes")
      yield* resolve("http", { auth: "api" })
      assert.deepStrictEqual(asked, ["api", "api"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("says which credential is missing, and asks again the next time", () => {
    const { asked, layer } = world()
    return Effect.gen(function* () {
      for (let i = 0; i < 2; i++) {
        const error = yield* Effect.flip(resolve("postgres", { auth: "nope" }))
        assert.deepInclude(error.failure, { kind: "credential", retryable: false, source: "postgres" })
        assert.strictEqual(error.message, "Authentication error: credential 'nope': not found")
      }
      assert.deepStrictEqual(asked, ["nope", "nope"])
    }).pipe(Effect.provide(layer))
  })

  const down = new ControlPlaneError({ operation: "credential", reason: new Unreachable({ detail: "down" }) })
  const refused = new ControlPlaneError({
    operation: "credential",
    reason: new Refused({ status: 403, body: "no" })
  })

  it.effect("3.2 tries again when the server is away for a moment", () => {
    const { asked, layer } = world({ failures: [down, down] })
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(resolve("http", { auth: "api" }), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.lengthOf(asked, 3)
    }).pipe(Effect.provide(layer))
  })

  it.effect("3.2 is retryable when the server stays away, final when it refuses", () => {
    const { layer } = world({ failures: [down, down, down, refused] })
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(resolve("http", { auth: "api" })), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 second")
      const away = yield* Fiber.join(fiber)
      assert.deepInclude(away.failure, { kind: "credential", retryable: true })
      const no = yield* Effect.flip(resolve("http", { auth: "api" }))
      assert.isFalse(no.isRetryable)
    }).pipe(Effect.provide(layer))
  })

  const wrong: ReadonlyArray<readonly [string, JsonObject, string]> = [
    ["a number", { auth: 5 }, "auth: expected a name, an object or a mapping of aliases"],
    ["a list", { auth: ["a"] }, "auth: expected a name, an object or a mapping of aliases"],
    ["an alias that is a number", { auth: { a: { x: 1 }, b: 2 } }, "auth.b: expected a name or an object"],
    [
      "a credential of another kind",
      { auth: "gcs" },
      "auth: the credential 'gcs' of type 'gcs' is nothing for postgres"
    ]
  ]

  it.effect.each(wrong)("refuses %s, with its place", ([, config, problem]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(resolve("postgres", config))
      assert.strictEqual(error.reason._tag, "InvalidConfig")
      assert.include(error.message, problem)
    }).pipe(Effect.provide(world().layer))
  )

  it.effect.each([
    {},
    { auth: null },
    { auth: "" },
    { auth: { type: "none" } },
    { auth: {} }
  ] as ReadonlyArray<JsonObject>)("takes %j as no credential", (config) =>
    Effect.gen(function* () {
      const { auth } = yield* resolve("http", config)
      assert.isUndefined(auth.primary)
      assert.strictEqual(auth.named.size, 0)
    }).pipe(Effect.provide(world().layer))
  )

  it.effect("2.9 reads the keychain, else the credential of that name, and masks both", () => {
    const { asked, layer } = world({ keychain: { token: "session-token-1", expires_at: "2026-01-01" } })
    return Effect.gen(function* () {
      const credentials = yield* Credentials
      assert.deepInclude(yield* credentials.keychain("http", "session", scope), { token: "session-token-1" })
      assert.deepStrictEqual(yield* credentials.keychain("http", "api", scope), { token: "bearer-token-1" })
      assert.deepStrictEqual(asked, ["keychain session", "keychain api", "api"])
      const redactor = yield* Redactor
      assert.strictEqual(redactor.mask("session-token-1 2026-01-01"), "[REDACTED] 2026-01-01")
      const error = yield* Effect.flip(credentials.keychain("http", "nope", scope))
      assert.strictEqual(error.failure.kind, "credential")
    }).pipe(Effect.provide(layer))
  })

  it.effect("2.3 token() is the token that is stored", () =>
    Effect.gen(function* () {
      const credentials = yield* Credentials
      assert.strictEqual(yield* credentials.token("http", "api", scope), "bearer-token-1")
      const error = yield* Effect.flip(credentials.token("http", "gcs", scope))
      assert.include(error.message, "it has no token")
    }).pipe(Effect.provide(world().layer))
  )

  describe("from here", () => {
    const environment = ConfigProvider.layer(
      ConfigProvider.fromUnknown({
        NOETL_SECRET_PG_LOCAL:
          '{"type": "postgres", "data": {"db_host": "from-env", "db_password": "env-password"}}',
        NOETL_SECRET_API_KEY_2: "env-token-value"
      })
    )

    it.effect("the environment wins over the server", () => {
      const { asked, layer } = world()
      return Effect.gen(function* () {
        const { config } = yield* resolve("postgres", { auth: "pg_local" })
        assert.deepInclude(config, { host: "from-env", password: "env-password" })
        const { auth } = yield* resolve("http", { auth: "api-key.2" })
        assert.strictEqual(auth.primary && Redacted.value(auth.primary.data)["token"], "env-token-value")
        assert.deepStrictEqual(asked, [])
      }).pipe(Effect.provide(layer.pipe(Layer.provideMerge(layerEnv), Layer.provideMerge(environment))))
    })

    it.effect("source: env asks nobody else", () =>
      Effect.gen(function* () {
        const { auth } = yield* resolve("http", { auth: { type: "bearer", env: "api_key_2" } })
        assert.strictEqual(auth.primary?.type, "bearer")
        const error = yield* Effect.flip(resolve("http", { auth: { source: "secret", key: "absent" } }))
        assert.include(error.message, "not in the environment")
      }).pipe(Effect.provide(world().layer.pipe(Layer.provideMerge(environment))))
    )

    const folder = Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "credentials-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true }))
    )

    it.effect.each([
      "pg_local:\n  type: postgres\n  data: {db_host: from-file, db_password: file-password}\n",
      "credentials:\n  - name: pg_local\n    type: postgres\n    data: {db_host: from-file, db_password: file-password}\n",
      '{"pg_local": {"type": "postgres", "db_host": "from-file", "db_password": "file-password"}}'
    ])("a file: %s", (text) =>
      Effect.gen(function* () {
        const path = join(yield* folder, "credentials.yaml")
        yield* Effect.promise(() => writeFile(path, text))
        const { config } = yield* resolve("postgres", { auth: "pg_local" }).pipe(
          Effect.provide(world().layer.pipe(Layer.provideMerge(layerFile(path))))
        )
        assert.deepInclude(config, { host: "from-file", password: "file-password" })
      })
    )

    it.effect("a broken file stops the start, and its text is not shown", () =>
      Effect.gen(function* () {
        const path = join(yield* folder, "credentials.yaml")
        yield* Effect.promise(() => writeFile(path, "a: {password: hidden-password\nb: ]"))
        const error = yield* Effect.flip(Effect.provide(Effect.void, layerFile(path)))
        assert.instanceOf(error, CredentialsFileError)
        assert.notInclude(error.message, "hidden-password")
        const absent = yield* Effect.flip(Effect.provide(Effect.void, layerFile("/nowhere/credentials.yaml")))
        assert.include(absent.message, "ENOENT")
      })
    )
  })
})
