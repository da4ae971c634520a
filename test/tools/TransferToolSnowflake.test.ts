import { assert, describe, layer as testLayer } from "@effect/vitest"
import { Effect, Layer, Fiber } from "effect"
import { isObject, type JsonObject } from "../../src/domain/Json.ts"
import type { ToolResult } from "../../src/domain/ToolResult.ts"
import { aCall, runTool } from "../../src/testing/suites/ToolSuite.ts"
import { Databases } from "../../src/tools/duckdb/Databases.ts"
import { SafeHttp } from "../../src/tools/http/SafeHttp.ts"
import { Pools } from "../../src/tools/postgres/Pools.ts"
import { Sessions } from "../../src/tools/snowflake/Sessions.ts"
import { defaults, SnowflakeOptions } from "../../src/tools/snowflake/SnowflakeOptions.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { TransferTool } from "../../src/tools/transfer/TransferTool.ts"
import { serverOfFile } from "../support/PostgresServer.ts"
import * as Fake from "../support/SnowflakeServer.ts"
import { EgressOptions } from "../../src/tools/http/Egress.ts"
import { DuckdbOptions } from "../../src/tools/duckdb/DuckdbOptions.ts"
import { until } from "../support/until.ts"

const server = serverOfFile()
const toolbox = Toolbox.layer(TransferTool).pipe(
  Layer.provide(TransferTool.layerNoDeps),
  Layer.provide([Pools.layer, Databases.layer, Sessions.layer, SafeHttp.layer]),
  Layer.provide([EgressOptions.layerDevelopment, DuckdbOptions.layerDevelopment]),
  Layer.provide(
    Layer.succeed(SnowflakeOptions, { ...defaults, ocsp: false, allowedUrls: ["http://127.0.0.1:*"] })
  )
)
const query = (sql: string) => Effect.suspend(() => server.current.query(sql))
const pg = (more: JsonObject): JsonObject => ({ type: "postgres", ...server.current.settings, ...more })
const sf = (url: string, more: JsonObject): JsonObject => ({
  type: "snowflake",
  account: "acme",
  user: "u",
  password: "secret",
  access_url: url,
  ...more
})
const transfer = (config: JsonObject) => runTool(aCall("transfer", config))
const dataOf = ({ data }: ToolResult): JsonObject => (data !== undefined && isObject(data) ? data : {})
/** The session ends a moment after the command. */
const signedOut = (fake: Fake.SnowflakeServer) =>
  Effect.andThen(
    until(
      Effect.sync(() => fake.sessions() === 0),
      (holds) => holds
    ),
    Effect.sync(() => assert.strictEqual(fake.sessions(), 0))
  )
const columns: ReadonlyArray<Fake.ColumnType> = [
  { name: "ID", type: "fixed" },
  { name: "AMOUNT", type: "fixed", scale: 2, precision: 12 },
  { name: "NAME", type: "text" },
  { name: "AT", type: "timestamp_tz", scale: 9 },
  { name: "DOC", type: "variant" },
  { name: "RAW", type: "binary" }
]
const row = (n: number) => [
  String(n),
  `${n}.50`,
  `n\t${n}\n'`,
  "1704164645.500000000 1500",
  `{"n":[${n}]}`,
  "00FF"
]
const binds = (asked: Fake.Asked) =>
  Object.values(asked.body["bindings"] as Record<string, { value: ReadonlyArray<string | null> }>).map(
    ({ value }) => value
  )

testLayer(toolbox, { excludeTestServices: true })("TransferTool, with Snowflake", (it) => {
  describe("as the source", () => {
    it.effect("loads results of many parts into PostgreSQL, with every type", () =>
      Effect.gen(function* () {
        const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => row(from + i))
        const fake = yield* Fake.make(() => ({
          columns,
          rows: range(0, 500),
          parts: [range(500, 1000), range(1500, 1000)]
        }))
        yield* query(
          "CREATE TABLE loaded (id bigint, amount numeric, name text, at timestamptz, doc jsonb, raw bytea)"
        )
        const result = yield* transfer({
          source: sf(fake.url, { table: "sales.orders" }),
          target: pg({ table: "loaded" }),
          commit: "chunk",
          chunk_size: 700
        })
        assert.strictEqual(result.status, "success", result.error?.message)
        assert.deepInclude(dataOf(result), {
          direction: "snowflake_to_postgres",
          rows_transferred: 2500,
          chunks_processed: 4
        })
        assert.strictEqual(fake.asked[0]?.sql, "SELECT * FROM sales.orders")
        assert.deepStrictEqual(
          yield* query(
            `SELECT count(*)::int AS n, sum(amount)::text AS a, max(name) FILTER (WHERE id = 7) AS name,
              min(extract(epoch FROM at))::text AS at, max(doc->'n'->>0) AS doc, max(encode(raw, 'hex')) AS raw FROM loaded`
          ),
          [{ n: 2500, a: "3125000.00", name: "n\t7\n'", at: "1704164645.500000", doc: "999", raw: "00ff" }]
        )
        yield* signedOut(fake)
      })
    )

    it.effect("fails with what Snowflake said", () =>
      Effect.gen(function* () {
        const fake = yield* Fake.make(() => ({ error: "no such table", code: "002003", sqlState: "42S02" }))
        const exit = yield* Effect.exit(
          transfer({ source: sf(fake.url, { table: "t" }), target: pg({ table: "pg_am" }) })
        )
        assert.include(String(exit), "no such table")
        yield* signedOut(fake)
      })
    )
  })

  describe("as the target", () => {
    const into = (columnTypes: ReadonlyArray<Fake.ColumnType>, fails?: string) =>
      Fake.make((sql) => {
        if (fails !== undefined && sql.startsWith(fails))
          return { error: "full", code: "000625", sqlState: "57014" }
        return sql.startsWith("SELECT") ? { columns: columnTypes, rows: [] } : Fake.rows(1)
      })

    it.effect("takes rows as binds of a stage and keeps them with one commit", () =>
      Effect.gen(function* () {
        const fake = yield* into([...columns])
        const result = yield* transfer({
          source: pg({
            query: `SELECT g AS id, 1.5 AS amount, CASE WHEN g = 2 THEN NULL ELSE E'a\\tb' END AS name,
              '2024-01-02 03:04:05+00'::timestamptz AS at, ARRAY[g] AS doc, '\\x00ff'::bytea AS raw FROM generate_series(1, 12000) g`
          }),
          target: sf(fake.url, { table: "orders" })
        })
        assert.strictEqual(result.status, "success", result.error?.message)
        assert.deepInclude(dataOf(result), { direction: "postgres_to_snowflake", rows_transferred: 12_000 })
        const texts = fake.asked.map(({ sql }) => sql.split(/[ (]/).slice(0, 3).join(" "))
        assert.deepStrictEqual(texts, [
          "SELECT * FROM",
          "CREATE OR REPLACE",
          "INSERT INTO NOETL_STAGE",
          "INSERT INTO NOETL_STAGE",
          "BEGIN",
          "INSERT INTO orders",
          "DELETE FROM NOETL_STAGE",
          "COMMIT"
        ])
        const inserts = fake.asked.filter(({ sql }) => sql.startsWith("INSERT INTO NOETL_STAGE"))
        assert.strictEqual(inserts.flatMap((one) => binds(one)[1] ?? []).length, 12_000)
        assert.deepStrictEqual(
          binds(inserts[0] as Fake.Asked).map((values) => values[1]),
          [
            "1",
            "2",
            "1.5",
            null,
            inserts.length > 0 ? binds(inserts[0] as Fake.Asked)[4]?.[1] : "",
            "[2]",
            String.raw`\x00ff`
          ]
        )
        const load = fake.asked.find(({ sql }) => sql.startsWith("INSERT INTO orders"))?.sql ?? ""
        assert.include(load, `("ID", "AMOUNT", "NAME", "AT", "DOC", "RAW")`)
        assert.include(load, `PARSE_JSON(C4) AS "DOC", TO_BINARY(SUBSTR(C5, 3), 'HEX') AS "RAW"`)
        yield* signedOut(fake)
      })
    )

    it.effect("merges by keys, whatever their letters, and commits chunks", () =>
      Effect.gen(function* () {
        const fake = yield* into(columns.slice(0, 2))
        const result = yield* transfer({
          source: pg({ query: "SELECT g AS id, g AS amount FROM generate_series(1, 250) g" }),
          target: sf(fake.url, { table: "t" }),
          mode: "upsert",
          key: "id",
          commit: "chunk",
          chunk_size: 100
        })
        assert.strictEqual(result.status, "success", result.error?.message)
        const merges = fake.asked.filter(({ sql }) => sql.startsWith("MERGE INTO t t USING"))
        assert.strictEqual(merges.length, 3)
        assert.include(
          merges[0]?.sql,
          `ON t."ID" = s."ID" WHEN MATCHED THEN UPDATE SET "AMOUNT" = s."AMOUNT"`
        )
      })
    )

    it.effect("that fails keeps nothing that was not committed, and leaves no session", () =>
      Effect.gen(function* () {
        const fake = yield* into(columns.slice(0, 2), "INSERT INTO t")
        const result = yield* transfer({
          source: pg({ query: "SELECT g AS id, g AS amount FROM generate_series(1, 250) g" }),
          target: sf(fake.url, { table: "t" }),
          mode: "replace"
        })
        assert.deepStrictEqual([result.error?.code, dataOf(result)["committed_rows"]], ["SF_000625", 0])
        assert.notInclude(
          fake.asked.map(({ sql }) => sql),
          "COMMIT"
        )
        yield* signedOut(fake)
      })
    )

    it.effect("leaves out the rows that Snowflake refuses, and keeps the others", () =>
      Effect.gen(function* () {
        let staged: ReadonlyArray<string | null> = []
        const kept: Array<string | null> = []
        const fake = yield* Fake.make((sql, body) => {
          if (sql.startsWith("SELECT")) return { columns: columns.slice(0, 2), rows: [] }
          if (sql.startsWith("INSERT INTO NOETL_STAGE")) {
            const [, ids] = binds({ sql, body, token: "" })
            staged = ids ?? []
          }
          if (!sql.startsWith("INSERT INTO t")) return Fake.rows(1)
          if (staged.includes("4"))
            return { error: "Numeric value is out of range", code: "100132", sqlState: "22003" }
          kept.push(...staged)
          return Fake.rows(staged.length)
        })
        const result = yield* transfer({
          source: pg({ query: "SELECT g AS id, g AS amount FROM generate_series(1, 10) g" }),
          target: sf(fake.url, { table: "t" }),
          on_error: "skip",
          chunk_size: 5
        })
        assert.strictEqual(result.status, "success", result.error?.message)
        assert.deepInclude(dataOf(result), { committed_rows: 9, skipped_rows: 1, commit: "chunk" })
        const [skipped] = dataOf(result)["skipped"] as ReadonlyArray<JsonObject>
        assert.strictEqual(skipped?.["row"], 4)
        assert.include(String(skipped?.["message"]), "out of range")
        assert.deepStrictEqual(kept, ["1", "2", "3", "5", "6", "7", "8", "9", "10"])
        const ends = fake.asked.map(({ sql }) => sql).filter((sql) => sql === "ROLLBACK" || sql === "COMMIT")
        assert.isAtLeast(ends.filter((sql) => sql === "ROLLBACK").length, 3)
        yield* signedOut(fake)
      })
    )

    it.effect("that hangs is cancelled when the command is interrupted", () =>
      Effect.gen(function* () {
        const fake = yield* Fake.make((sql) =>
          sql.startsWith("INSERT INTO t")
            ? { later: Fake.rows(1), asks: Number.POSITIVE_INFINITY }
            : sql.startsWith("SELECT")
              ? { columns: columns.slice(0, 2), rows: [] }
              : Fake.rows(1)
        )
        const fiber = yield* Effect.forkChild(
          transfer({
            source: pg({ query: "SELECT 1 AS id, 2 AS amount" }),
            target: sf(fake.url, { table: "t" })
          }),
          { startImmediately: true }
        )
        yield* until(
          Effect.sync(() => fake.asked.some(({ sql }) => sql.startsWith("INSERT INTO t"))),
          (holds) => holds
        )
        yield* Fiber.interrupt(fiber)
        assert.isAbove(fake.aborted.length, 0)
        yield* signedOut(fake)
      })
    )
  })
})
