import { assert, describe, it, layer as testLayer } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { generateKeyPairSync } from "node:crypto"
import { existsSync } from "node:fs"
import { afterAll } from "vitest"
import { isObject, type Json, type JsonObject, stringify } from "../../src/domain/Json.ts"
import type { ToolResult } from "../../src/domain/ToolResult.ts"
import { aCall, runTool, suite } from "../../src/testing/suites/ToolSuite.ts"
import { ScriptSource } from "../../src/tools/python/ScriptSource.ts"
import { Sessions } from "../../src/tools/snowflake/Sessions.ts"
import { defaults, SnowflakeOptions } from "../../src/tools/snowflake/SnowflakeOptions.ts"
import { SnowflakeTool } from "../../src/tools/SnowflakeTool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { ToolError } from "../../src/domain/ToolError.ts"
import * as Fake from "../support/SnowflakeServer.ts"
import { EgressOptions } from "../../src/tools/http/Egress.ts"
import { until } from "../support/until.ts"

const withOptions = Layer.succeed(SnowflakeOptions, {
  ...defaults,
  ocsp: false,
  allowedUrls: ["http://127.0.0.1:*"],
  maxPools: 100,
  pollFrom: Duration.millis(5),
  connectTimeout: Duration.seconds(5)
})
const toolbox = Toolbox.layer(SnowflakeTool).pipe(
  Layer.provide(SnowflakeTool.layerNoDeps),
  Layer.provideMerge(Sessions.layer),
  Layer.provide(ScriptSource.layer),
  Layer.provide([withOptions, EgressOptions.layerDevelopment])
)
const dataOf = ({ data }: ToolResult): JsonObject => (data !== undefined && isObject(data) ? data : {})
const snowflake = (url: string, config: JsonObject) =>
  runTool(aCall("snowflake", { account: "acme", user: "u", password: "secret", access_url: url, ...config }))
const one = (type: string, value: string | null, more: Partial<Fake.ColumnType> = {}): Fake.Answer => ({
  columns: [{ name: "X", type, ...more }],
  rows: [[value]]
})
const failureOf = (exit: Exit.Exit<ToolResult, unknown>) => {
  if (Exit.isSuccess(exit)) return exit.value.error
  const error = Exit.findErrorOption(exit)
  return error._tag === "Some" && error.value instanceof ToolError ? error.value.failure : undefined
}
const endless: Fake.Reply = { later: one("text", "x"), asks: Number.POSITIVE_INFINITY }
const keys = (type: "pkcs1" | "pkcs8", passphrase?: string) =>
  generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: {
      type,
      format: "pem",
      ...(passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase })
    }
  }).privateKey

const sharedScope = Scope.makeUnsafe()
const shared = await Effect.runPromise(
  Effect.provideService(
    Fake.make((sql) => (sql.startsWith("endless") ? endless : one("fixed", "1"))),
    Scope.Scope,
    sharedScope
  )
)
afterAll(() => Effect.runPromise(Scope.close(sharedScope, Exit.void)))

suite(
  "SnowflakeTool",
  SnowflakeTool,
  SnowflakeTool.layer.pipe(Layer.provide([withOptions, EgressOptions.layerDevelopment])),
  {
    kind: "snowflake",
    works: () => ({
      account: "acme",
      user: "u",
      password: "secret",
      access_url: shared.url,
      query: "SELECT 1"
    }),
    broken: [
      { config: {}, at: "command" },
      { config: { query: "SELECT 1" }, at: "account" },
      { config: { query: "SELECT 1", account: "a/b", user: "u", password: "p" }, at: "account" },
      { config: { query: "SELECT 1", account: "a" }, at: "password" },
      { config: { query: "SELECT 1", account: "a", password: "p" }, at: "user" },
      { config: { query: "SELECT 1", account: "a", user: "u", authenticator: "oauth" }, at: "token" },
      {
        config: { query: "SELECT 1", account: "a", user: "u", private_key: "-----BEGIN nonsense" },
        at: "private_key"
      },
      {
        config: { query: "SELECT 1", account: "a", user: "u", password: "p", params: { a: 1 } },
        at: "params"
      },
      {
        config: {
          query: "SELECT 1",
          account: "a",
          user: "u",
          password: "p",
          access_url: "http://169.254.169.254"
        },
        at: "access_url"
      }
    ],
    endless: () => ({
      account: "acme",
      user: "u",
      password: "secret",
      access_url: shared.url,
      query: "endless"
    }),
    begun: () => shared.asked.some(({ sql }) => sql.startsWith("endless"))
  }
)

testLayer(toolbox, { excludeTestServices: true })("SnowflakeTool", (it) => {
  it.effect("answers with rows, and every statement of a block", () =>
    Effect.gen(function* () {
      const fake = yield* Fake.make((sql) =>
        sql.includes(";")
          ? {
              statements: [
                ["INSERT INTO t VALUES (1), (2)", Fake.rows(2)],
                [
                  "SELECT a, b FROM t",
                  {
                    columns: [
                      { name: "A", type: "fixed" },
                      { name: "B", type: "text" }
                    ],
                    rows: [
                      ["1", "x"],
                      ["2", null]
                    ]
                  }
                ]
              ]
            }
          : one("fixed", "1")
      )
      const data = dataOf(
        yield* snowflake(fake.url, { command: "INSERT INTO t VALUES (1), (2); SELECT a, b FROM t" })
      )
      assert.deepStrictEqual<unknown>(
        [data["columns"], data["column_types"], data["rows"], data["row_count"]],
        [
          ["A", "B"],
          ["NUMBER(38,0)", "VARCHAR"],
          [
            { A: 1, B: "x" },
            { A: 2, B: null }
          ],
          2
        ]
      )
      assert.deepInclude(data["command_0"], { command: "INSERT", affected_rows: 2 })
      assert.deepInclude(data["statement_1"], { status: "success", row_count: 2 })
      const body = fake.asked[0]?.body["parameters"] as JsonObject
      assert.deepInclude(body, {
        MULTI_STATEMENT_COUNT: 0,
        QUERY_TAG: "noetl-worker 613000000000000001/step"
      })
    })
  )

  it.effect.each<readonly [string, Fake.Answer, Json, string]>([
    ["null", one("fixed", null), null, "NUMBER(38,0)"],
    ["an integer", one("fixed", "42"), 42, "NUMBER(38,0)"],
    ["a large integer", one("fixed", "9223372036854775807"), 9_223_372_036_854_775_807n, "NUMBER(38,0)"],
    ["a decimal", one("fixed", "1.50", { scale: 2, precision: 10 }), "1.50", "NUMBER(10,2)"],
    ["a float", one("real", "0.1"), 0.1, "FLOAT"],
    ["NaN", one("real", "NaN"), null, "FLOAT"],
    ["a boolean", one("boolean", "1"), true, "BOOLEAN"],
    ["text", one("text", "ü'\"\\"), "ü'\"\\", "VARCHAR"],
    ["a date", one("date", "19782"), "2024-02-29", "DATE"],
    ["a time", one("time", "11045.500000000", { scale: 9 }), "03:04:05.5", "TIME"],
    [
      "a timestamp",
      one("timestamp_ntz", "1704164645.123456000", { scale: 9 }),
      "2024-01-02T03:04:05.123456",
      "TIMESTAMP_NTZ"
    ],
    [
      "an instant",
      one("timestamp_ltz", "1704164645.000000000", { scale: 9 }),
      "2024-01-02T03:04:05+00:00",
      "TIMESTAMP_LTZ"
    ],
    [
      "a zoned time",
      one("timestamp_tz", "1704164645.000000000 1560", { scale: 9 }),
      "2024-01-02T05:04:05+02:00",
      "TIMESTAMP_TZ"
    ],
    [
      "a variant",
      one("variant", '{"a":[1,9223372036854775807]}'),
      { a: [1, 9_223_372_036_854_775_807n] },
      "VARIANT"
    ],
    ["an object", one("object", '{"a":null}'), { a: null }, "OBJECT"],
    ["an array", one("array", '[1,"x"]'), [1, "x"], "ARRAY"],
    ["binary", one("binary", "00FF5C"), "AP9c", "BINARY"]
  ])("keeps what a value says: %s", ([, answer, expected, type]) =>
    Effect.gen(function* () {
      const fake = yield* Fake.make(() => answer)
      const data = dataOf(yield* snowflake(fake.url, { query: "SELECT x" }))
      assert.deepStrictEqual<unknown>([data["rows"], data["column_types"]], [[{ X: expected }], [type]])
    })
  )

  it.effect("waits for a query that takes its time, and asks about one that was only submitted", () =>
    Effect.gen(function* () {
      const fake = yield* Fake.make(() => ({ later: one("fixed", "7"), asks: 3 }))
      assert.deepStrictEqual<unknown>(dataOf(yield* snowflake(fake.url, { query: "SELECT slow" }))["rows"], [
        { X: 7 }
      ])
      const asked = dataOf(yield* snowflake(fake.url, { query: "SELECT slow", async: true }))
      assert.deepStrictEqual<unknown>(asked["rows"], [{ X: 7 }])
      assert.strictEqual(fake.asked[1]?.body["asyncExec"], true)
    })
  )

  it.effect("reads results in parts, and no more of them than are wanted", () =>
    Effect.gen(function* () {
      const part = (n: number) => Array.from({ length: 1000 }, (_, i) => [String(n * 1000 + i)])
      const fake = yield* Fake.make(() => ({
        columns: [{ name: "N", type: "fixed" }],
        rows: part(0),
        parts: Array.from({ length: 20 }, (_, i) => part(i + 1))
      }))
      const all = dataOf(yield* snowflake(fake.url, { query: "SELECT n", max_rows: 100_000 }))
      assert.strictEqual(all["row_count"], 21_000)
      assert.strictEqual((all["rows"] as ReadonlyArray<JsonObject>).at(-1)?.["N"], 20_999)
      const before = fake.parts()
      const some = dataOf(yield* snowflake(fake.url, { query: "SELECT n", max_rows: 10 }))
      assert.deepStrictEqual([some["row_count"], some["truncated_by"]], [10, "rows"])
      assert.isBelow(fake.parts() - before, 10)
    })
  )

  it.effect("says the trace at the end of a block, whose parameters stay", () =>
    Effect.gen(function* () {
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      const fake = yield* Fake.make(() => one("fixed", "1"))
      for (const [query, async] of [
        ["SELECT ?;\n", false],
        ["SELECT ? // it's one", true]
      ] as const) {
        const result = yield* runTool(
          aCall(
            "snowflake",
            {
              account: "acme",
              user: "u",
              password: "secret",
              access_url: fake.url,
              query,
              async,
              params: [1]
            },
            { traceparent }
          )
        )
        assert.strictEqual(result.status, "success", result.error?.message)
      }
      const said = `/*traceparent='${traceparent}'*/`
      assert.deepStrictEqual(
        fake.asked.map(({ body, sql }) => [
          sql,
          (body["bindings"] as Record<string, { readonly value: string }>)["1"]?.value
        ]),
        [
          [`SELECT ? ${said};\n`, "1"],
          [`SELECT ? // it's one\n${said}`, "1"]
        ]
      )
    })
  )

  it.effect("binds parameters", () =>
    Effect.gen(function* () {
      const fake = yield* Fake.make(() => one("fixed", "1"))
      yield* snowflake(fake.url, { query: "SELECT ?, ?, ?", params: [1, "'; DROP", { a: [1] }] })
      assert.deepStrictEqual<unknown>(fake.asked[0]?.body["bindings"], {
        1: { type: "FIXED", value: "1" },
        2: { type: "TEXT", value: "'; DROP" },
        3: { type: "TEXT", value: '{"a":[1]}' }
      })
    })
  )

  it.effect("says what the server said, and keeps what ran before", () =>
    Effect.gen(function* () {
      const error = {
        error: "SQL compilation error: Object 'T' does not exist.",
        code: "002003",
        sqlState: "42S02"
      }
      const fake = yield* Fake.make((sql) =>
        sql.includes(";")
          ? {
              statements: [
                ["SELECT 1", one("fixed", "1")],
                ["SELECT * FROM t", error]
              ]
            }
          : error
      )
      const result = yield* snowflake(fake.url, { query: "SELECT * FROM t" })
      assert.deepStrictEqual(
        [result.status, result.error?.kind, result.error?.code, result.error?.sqlstate],
        ["error", "db_error", "SF_002003", "42S02"]
      )
      assert.deepInclude(result.error?.detail, { line: 1, position: 7 })
      const block = yield* snowflake(fake.url, { query: "SELECT 1; SELECT * FROM t" })
      assert.strictEqual(block.error?.code, "SF_002003")
      assert.deepStrictEqual<unknown>(dataOf(block)["rows"], [{ X: 1 }])
    })
  )

  it.effect("never says a password", () =>
    Effect.gen(function* () {
      const fake = yield* Fake.make(() => one("fixed", "1"))
      const failure = failureOf(
        yield* Effect.exit(snowflake(fake.url, { query: "SELECT 1", password: "s3cret-wrong" }))
      )
      assert.deepStrictEqual([failure?.kind, failure?.retryable], ["auth", false], failure?.message)
      assert.notInclude(stringify(failure), "s3cret-wrong")
      assert.strictEqual(fake.sessions(), 0)
    })
  )

  it.effect("that is not there can be tried again", () =>
    Effect.gen(function* () {
      const failure = failureOf(yield* Effect.exit(snowflake("http://127.0.0.1:1", { query: "SELECT 1" })))
      assert.isTrue(failure?.retryable, failure?.message)
    })
  )

  it.effect.each<readonly [string, () => JsonObject, JsonObject]>([
    ["a key", () => ({ private_key: keys("pkcs8") }), { AUTHENTICATOR: "SNOWFLAKE_JWT" }],
    ["an old key", () => ({ private_key: keys("pkcs1") }), { AUTHENTICATOR: "SNOWFLAKE_JWT" }],
    [
      "an encrypted key on one line",
      () => ({
        sf_private_key: keys("pkcs8", "pw").replaceAll("\n", "\\n"),
        sf_private_key_passphrase: "pw"
      }),
      { AUTHENTICATOR: "SNOWFLAKE_JWT" }
    ],
    ["OAuth", () => ({ authenticator: "oauth", token: "t0ken" }), { AUTHENTICATOR: "OAUTH", TOKEN: "t0ken" }],
    [
      "an access token",
      () => ({ authenticator: "PROGRAMMATIC_ACCESS_TOKEN", token: "pat" }),
      { AUTHENTICATOR: "PROGRAMMATIC_ACCESS_TOKEN", TOKEN: "pat" }
    ]
  ])("signs in with %s", ([, proof, expected]) =>
    Effect.gen(function* () {
      const fake = yield* Fake.make(() => one("fixed", "1"))
      const { password: _, ...config } = {
        account: "acme",
        user: "u",
        password: "",
        access_url: fake.url,
        query: "SELECT 1",
        ...proof()
      }
      const result = yield* runTool(aCall("snowflake", config))
      assert.strictEqual(result.status, "success", result.error?.message)
      for (const [key, value] of Object.entries(expected)) assert.strictEqual(fake.logins[0]?.[key], value)
    })
  )

  it.effect("uses a session again, but not one that was changed or failed", () =>
    Effect.gen(function* () {
      const fake = yield* Fake.make((sql) =>
        sql.startsWith("bad") ? { error: "x", code: "001003", sqlState: "42000" } : one("fixed", "1")
      )
      const run = (query: string) => snowflake(fake.url, { query })
      yield* run("SELECT 1")
      yield* run("SELECT 2")
      assert.strictEqual(fake.logins.length, 1)
      yield* run("USE SCHEMA other")
      yield* run("SELECT 3")
      assert.strictEqual(fake.logins.length, 2)
      yield* run("bad")
      yield* run("SELECT 4")
      assert.strictEqual(fake.logins.length, 3)
      yield* until(
        Effect.sync(() => fake.sessions() === 1),
        (holds) => holds
      )
      assert.strictEqual(fake.sessions(), 1)
    })
  )

  it.effect("renews a token that ran out", () =>
    Effect.gen(function* () {
      const fake = yield* Fake.make(() => one("fixed", "1"))
      yield* snowflake(fake.url, { query: "SELECT 1" })
      fake.expire()
      const result = yield* snowflake(fake.url, { query: "SELECT 2" })
      assert.deepStrictEqual([result.status, fake.renewals()], ["success", 1])
    })
  )

  it.effect("asks the server to stop when it is interrupted or late, and leaves no session", () =>
    Effect.gen(function* () {
      const fake = yield* Fake.make(() => endless)
      for (const more of [{}, { async: true }]) {
        const begun = fake.asked.length
        const fiber = yield* Effect.forkChild(snowflake(fake.url, { query: "SELECT endless", ...more }), {
          startImmediately: true
        })
        yield* until(
          Effect.sync(() => fake.asked.length > begun),
          (holds) => holds
        )
        yield* Fiber.interrupt(fiber)
      }
      const late = failureOf(
        yield* Effect.exit(snowflake(fake.url, { query: "SELECT endless", timeout: "100ms" }))
      )
      assert.strictEqual(late?.code, "TOOL_TIMEOUT")
      yield* until(
        Effect.sync(() => fake.sessions() === 0),
        (holds) => holds
      )
      assert.deepStrictEqual([fake.aborted.length, fake.sessions()], [3, 0])
    })
  )

  it.effect("opens no more sessions than a pool has", () =>
    Effect.gen(function* () {
      const fake = yield* Fake.make(() => ({ later: one("fixed", "1"), asks: 2 }))
      yield* Effect.all(
        Array.from({ length: 12 }, () => snowflake(fake.url, { query: "SELECT 1" })),
        { concurrency: 12 }
      )
      assert.isAtMost(fake.logins.length, 4)
    })
  )
})

describe("SnowflakeTool, when it ends", () => {
  it.live("signs out and has written no log", () =>
    Effect.gen(function* () {
      const fake = yield* Fake.make(() => one("fixed", "1"))
      yield* snowflake(fake.url, { query: "SELECT 1" }).pipe(Effect.provide(toolbox, { local: true }))
      assert.deepStrictEqual([fake.logins.length, fake.sessions()], [1, 0])
      assert.isFalse(existsSync("snowflake.log"))
    })
  )
})
