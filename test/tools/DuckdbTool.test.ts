import { assert, describe, it, layer as testLayer } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer } from "effect"
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { isObject, type Json, type JsonObject } from "../../src/domain/Json.ts"
import type { ToolResult } from "../../src/domain/ToolResult.ts"
import type { ExecutionId } from "../../src/domain/Ids.ts"
import { aCall, runTool, suite } from "../../src/testing/suites/ToolSuite.ts"
import { Databases } from "../../src/tools/duckdb/Databases.ts"
import { defaults, DuckdbOptions } from "../../src/tools/duckdb/DuckdbOptions.ts"
import { DuckdbTool } from "../../src/tools/DuckdbTool.ts"
import { ScriptSource } from "../../src/tools/python/ScriptSource.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { EgressOptions } from "../../src/tools/http/Egress.ts"
import { until } from "../support/until.ts"

const folder = realpathSync(mkdtempSync(join(tmpdir(), "duckdb-test-")))
const data = join(folder, "data")
mkdirSync(data)
writeFileSync(join(folder, "secret.csv"), "a\n1\n")
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const options = {
  ...defaults(),
  allowedDirectories: [data],
  memoryBytes: 400_000_000,
  keepOpen: Duration.millis(50)
}
const withOptions = Layer.merge(Layer.succeed(DuckdbOptions, options), EgressOptions.layerDevelopment)
const toolbox = Toolbox.layer(DuckdbTool).pipe(
  Layer.provide(DuckdbTool.layerNoDeps),
  Layer.provideMerge(Databases.layer),
  Layer.provide(ScriptSource.layer),
  Layer.provide(withOptions)
)
const duckdb = (config: JsonObject, execution = "1") =>
  runTool(aCall("duckdb", { database: ":memory:", ...config }, { executionId: execution as ExecutionId }))
const dataOf = ({ data: value }: ToolResult): JsonObject =>
  value !== undefined && isObject(value) ? value : {}
const rowsOf = (result: ToolResult): ReadonlyArray<JsonObject> => {
  assert.strictEqual(result.status, "success", result.error?.message)
  return (dataOf(result)["rows"] ?? []) as ReadonlyArray<JsonObject>
}
/** An object whose `__proto__` is a member of its own. */
const own = (value: Json, more: JsonObject = {}): JsonObject => ({ ["__proto__"]: value, ...more })
const endless = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range + b.range = -1"

suite("DuckdbTool", DuckdbTool, DuckdbTool.layer.pipe(Layer.provide(withOptions)), {
  kind: "duckdb",
  works: { database: ":memory:", query: "SELECT 42 AS answer" },
  broken: [
    { config: {}, at: "command" },
    { config: { query: " " }, at: "command" },
    { config: { query: "SELECT 1", database: "/etc/x.duckdb" }, at: "database" },
    { config: { query: "SELECT 1", db_path: "../x.duckdb" }, at: "db_path" },
    { config: { query: "SELECT 1", params: 1 }, at: "params" },
    { config: { query: "SELECT 1", transaction: "x" }, at: "transaction" }
  ],
  endless: { database: ":memory:", query: endless }
})

testLayer(toolbox, { excludeTestServices: true })("DuckdbTool", (it) => {
  it.effect("answers with the rows of the last statement that has some, and every statement's", () =>
    Effect.gen(function* () {
      const result = dataOf(
        yield* duckdb({
          commands: `-- it's a comment; really
            CREATE TABLE t (a INTEGER, b VARCHAR); INSERT INTO t VALUES (1, 'x;y'), (2, $$z';$$);
            FROM t ORDER BY a; UPDATE t SET a = a + 1`
        })
      )
      assert.deepStrictEqual(result["statements"], [
        { command: "CREATE", row_count: 0, affected_rows: 0 },
        { command: "INSERT", row_count: 2, affected_rows: 2 },
        { command: "SELECT", row_count: 2 },
        { command: "UPDATE", row_count: 2, affected_rows: 2 }
      ])
      assert.deepStrictEqual<unknown>(
        [
          result["columns"],
          result["column_types"],
          result["rows"],
          result["row_count"],
          result["database_path"]
        ],
        [
          ["a", "b"],
          ["INTEGER", "VARCHAR"],
          [
            { a: 1, b: "x;y" },
            { a: 2, b: "z';" }
          ],
          2,
          ":memory:"
        ]
      )
      assert.deepInclude(result["command_2"], { status: "success", row_count: 2 })
    })
  )

  it.effect.each<readonly [string, string, number]>([
    ["FROM first", "FROM range(3)", 3],
    ["VALUES", "VALUES (1), (2)", 2],
    ["SHOW", "CREATE TABLE x (a INT); SHOW TABLES", 1],
    ["DESCRIBE", "DESCRIBE SELECT 1 AS a", 1],
    ["PRAGMA", "PRAGMA version", 1],
    ["RETURNING", "CREATE TABLE x (a INT); INSERT INTO x VALUES (1) RETURNING a", 1],
    ["no row", "SELECT 1 WHERE false", 0]
  ])("has rows wherever DuckDB has: %s", ([, sql, count]) =>
    Effect.gen(function* () {
      assert.strictEqual(rowsOf(yield* duckdb({ query: sql })).length, count)
    })
  )

  it.effect.each<readonly [string, string, Json]>([
    ["NULL::INTEGER", "INTEGER", null],
    ["true", "BOOLEAN", true],
    ["(-128)::TINYINT", "TINYINT", -128],
    ["18446744073709551615::UBIGINT", "UBIGINT", 18_446_744_073_709_551_615n],
    ["9223372036854775807", "BIGINT", 9_223_372_036_854_775_807n],
    ["sum(1)", "HUGEINT", 1],
    ["170141183460469231731687303715884105727", "HUGEINT", "170141183460469231731687303715884105727"],
    [`'-${"1234567890".repeat(12)}'::BIGNUM`, "BIGNUM", `-${"1234567890".repeat(12)}`],
    ["'65536'::BIGNUM", "BIGNUM", 65_536],
    ["0.1::FLOAT", "FLOAT", 0.1],
    ["0.1::DOUBLE + 0.2", "DOUBLE", 0.1 + 0.2],
    ["'NaN'::DOUBLE", "DOUBLE", null],
    ["1.50::DECIMAL(10,2)", "DECIMAL(10,2)", "1.50"],
    ["(-0.05)::DECIMAL(4,2)", "DECIMAL(4,2)", "-0.05"],
    ["'ünï'", "VARCHAR", "ünï"],
    ["'a'::ENUM('a', 'b')", "ENUM('a', 'b')", "a"],
    ["'6e9e2d1c-7c3c-4b6b-9b9b-000000000001'::UUID", "UUID", "6e9e2d1c-7c3c-4b6b-9b9b-000000000001"],
    ["'\\x00\\xFF'::BLOB", "BLOB", "AP8="],
    ["'101'::BIT", "BIT", "101"],
    ["DATE '2024-02-29'", "DATE", "2024-02-29"],
    ["DATE 'infinity'", "DATE", "infinity"],
    ["DATE '-infinity'", "DATE", "-infinity"],
    ["TIME '03:04:05.5'", "TIME", "03:04:05.5"],
    ["TIMESTAMP '2024-01-02 03:04:05'", "TIMESTAMP", "2024-01-02T03:04:05"],
    ["TIMESTAMP '2024-01-02 03:04:05.5'", "TIMESTAMP", "2024-01-02T03:04:05.500000"],
    ["TIMESTAMP_NS '2024-01-02 03:04:05.123456789'", "TIMESTAMP_NS", "2024-01-02T03:04:05.123456789"],
    ["TIMESTAMP_S '2024-01-02 03:04:05'", "TIMESTAMP_S", "2024-01-02T03:04:05"],
    [
      "TIMESTAMPTZ '2024-07-02 03:04:05.25+02'",
      "TIMESTAMP WITH TIME ZONE",
      "2024-07-02T01:04:05.250000+00:00"
    ],
    ["'infinity'::TIMESTAMP", "TIMESTAMP", "infinity"],
    ["'infinity'::TIMESTAMP_NS", "TIMESTAMP_NS", "infinity"],
    ["'-infinity'::TIMESTAMP_MS", "TIMESTAMP_MS", "-infinity"],
    ["'infinity'::TIMESTAMP_S", "TIMESTAMP_S", "infinity"],
    ["'-infinity'::TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "-infinity"],
    ["TIMESTAMP '294246-12-31 23:59:59.5'", "TIMESTAMP", "294246-12-31T23:59:59.500000"],
    ["INTERVAL '1 month 2 days 3 seconds'", "INTERVAL", { months: 1, days: 2, nanos: 3_000_000_000 }],
    ["[1, NULL, 3]", "INTEGER[]", [1, null, 3]],
    ["[[1.5], []]", "DECIMAL(2,1)[][]", [["1.5"], []]],
    ["array_value(1, 2)", "INTEGER[2]", [1, 2]],
    [
      "{'a': 1, 'b': {'c': [9223372036854775807]}}",
      'STRUCT("a" INTEGER, "b" STRUCT("c" BIGINT[]))',
      { a: 1, b: { c: [9_223_372_036_854_775_807n] } }
    ],
    [
      "[{'__proto__': 5, 'a': {'__proto__': {'x': NULL::INTEGER}}}]",
      'STRUCT("__proto__" INTEGER, "a" STRUCT("__proto__" STRUCT("x" INTEGER)))[]',
      [own(5, { a: own({ x: null }) })]
    ],
    ["MAP {'__proto__': {'__proto__': 1}}", 'MAP(VARCHAR, STRUCT("__proto__" INTEGER))', own(own(1))],
    ["MAP {'a': 1, 'b': 2}", "MAP(VARCHAR, INTEGER)", { a: 1, b: 2 }],
    ["MAP {1: 'a'}", "MAP(INTEGER, VARCHAR)", { 1: "a" }],
    ["union_value(k := 5)", 'UNION("k" INTEGER)', 5],
    [`'{"a": [9223372036854775807]}'::JSON`, "JSON", { a: [9_223_372_036_854_775_807n] }]
  ])("keeps what a value says: %s", ([expression, type, expected]) =>
    Effect.gen(function* () {
      const result = yield* duckdb({ query: `SELECT ${expression} AS x` })
      assert.deepStrictEqual<unknown>(rowsOf(result), [{ x: expected }])
      assert.deepStrictEqual<unknown>(dataOf(result)["column_types"], [type])
    })
  )

  it.effect("binds parameters by place and by name", () =>
    Effect.gen(function* () {
      const list = yield* duckdb({
        query: "SELECT ?::VARCHAR AS a, ? + 1 AS b, ? AS c, ?::JSON AS d",
        params: ["'; DROP", 41, null, { k: [1] }]
      })
      assert.deepStrictEqual<unknown>(rowsOf(list), [{ a: "'; DROP", b: 42, c: null, d: { k: [1] } }])
      const map = yield* duckdb({ query: "SELECT $a AS a; SELECT $b AS b", params: { a: 1.5, b: true } })
      assert.deepStrictEqual<unknown>(rowsOf(map), [{ b: true }])
      const missing = yield* duckdb({ query: "SELECT $x", params: { a: 1 } })
      assert.deepStrictEqual(
        [missing.error?.kind, missing.error?.message],
        ["config", "Database error: no value for $x"]
      )
    })
  )

  it.effect("cuts rows and bytes and says so", () =>
    Effect.gen(function* () {
      const rows = dataOf(yield* duckdb({ query: "FROM range(1000000000)", max_rows: 3 }))
      assert.deepStrictEqual([rows["row_count"], rows["truncated_by"]], [3, "rows"])
      const bytes = dataOf(
        yield* duckdb({ query: "SELECT repeat('x', 1000) FROM range(100000)", max_bytes: 5000 })
      )
      assert.deepStrictEqual([bytes["row_count"], bytes["truncated_by"]], [4, "bytes"])
    })
  )

  it.effect("runs a statement with effects to its end and keeps some of its rows", () =>
    Effect.gen(function* () {
      const result = dataOf(
        yield* duckdb({
          query: `CREATE SEQUENCE s; CREATE TABLE t (a INTEGER);
            INSERT INTO t SELECT range FROM range(5000) RETURNING a;
            SELECT nextval('s') FROM range(1000000); SELECT nextval('s') AS next, (SELECT count(*) FROM t) AS n`,
          max_rows: 3
        })
      )
      assert.deepInclude(result["command_2"], { row_count: 3, affected_rows: 5000, truncated: true })
      assert.deepInclude(result["command_3"], { row_count: 3, truncated: true })
      assert.deepInclude(result["command_4"], { rows: [{ next: 1_000_001, n: 5000 }] })
    })
  )

  it.effect("draws all numbers of a view's sequence, whatever it shows of them", () =>
    Effect.gen(function* () {
      const result = dataOf(
        yield* duckdb({
          query: `CREATE SEQUENCE s; CREATE MACRO draw() AS nextval('s');
            CREATE VIEW v AS SELECT draw() AS n FROM range(1000000); CREATE VIEW w AS FROM v; FROM w; SELECT nextval('s') AS next`,
          max_rows: 3
        })
      )
      assert.deepInclude(result["command_4"], { row_count: 3, truncated: true })
      assert.deepInclude(result["command_5"], { rows: [{ next: 1_000_001 }] })
    })
  )

  it.effect("undoes a block that fails, or keeps what ran on request", () =>
    Effect.gen(function* () {
      const database = join(data, "undone.duckdb")
      yield* duckdb({ database, query: "CREATE TABLE t (a INTEGER UNIQUE)" })
      const bad = "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2), (2)"
      const undone = yield* duckdb({ database, command: bad })
      assert.deepStrictEqual([undone.error?.kind, undone.error?.code], ["db_constraint", "DUCKDB_CONSTRAINT"])
      assert.deepInclude(undone.error?.detail, { statement: 1 })
      assert.strictEqual(dataOf(undone)["transaction"], "rolled_back")
      assert.deepStrictEqual(rowsOf(yield* duckdb({ database, query: "FROM t" })), [])
      yield* duckdb({ database, command: bad, transaction: "none" })
      assert.deepStrictEqual<unknown>(rowsOf(yield* duckdb({ database, query: "FROM t" })), [{ a: 1 }])
    })
  )

  it.effect("reports errors with their class, before anything ran where the text is wrong", () =>
    Effect.gen(function* () {
      const { error } = yield* duckdb({ query: "CREATE TABLE t (a INT); SELEC 1" })
      assert.deepStrictEqual(
        [error?.code, error?.kind, error?.retryable],
        ["DUCKDB_PARSER", "db_error", false]
      )
      const catalog = yield* duckdb({ query: "FROM nowhere" })
      assert.strictEqual(catalog.error?.code, "DUCKDB_CATALOG")
    })
  )

  it.effect("keeps an execution's tables for its next step, and from other executions", () =>
    Effect.gen(function* () {
      const own = (query: string, execution: string) =>
        runTool(aCall("duckdb", { query }, { executionId: execution as ExecutionId }))
      yield* own("CREATE TABLE steps AS SELECT 1 AS a", "77")
      assert.deepStrictEqual<unknown>(rowsOf(yield* own("FROM steps", "77")), [{ a: 1 }])
      assert.strictEqual((yield* own("FROM steps", "78")).error?.code, "DUCKDB_CATALOG")
      const path = dataOf(yield* own("SELECT 1", "77"))["database_path"] as string
      const stolen = yield* own(`ATTACH '${path}' AS other`, "78")
      assert.strictEqual(stolen.error?.code, "DUCKDB_PERMISSION")
      assert.strictEqual((yield* duckdb({ query: "FROM steps" })).status, "error")
    })
  )

  it.effect("serves many commands on one file at a time", () =>
    Effect.gen(function* () {
      const database = join(data, "shared.duckdb")
      yield* duckdb({ database, query: "CREATE TABLE t (a INTEGER)" })
      const results = yield* Effect.all(
        Array.from({ length: 16 }, (_, i) =>
          duckdb({ database, query: "INSERT INTO t VALUES ($1)", params: [i] })
        ),
        { concurrency: 16 }
      )
      assert.isTrue(results.every((result) => result.status === "success"))
      assert.deepStrictEqual<unknown>(
        rowsOf(yield* duckdb({ database, query: "SELECT count(*) AS n FROM t" })),
        [{ n: 16 }]
      )
    })
  )

  it.effect("lets go of a file that nobody uses", () =>
    Effect.gen(function* () {
      const databases = yield* Databases
      yield* until(databases.open, (n) => n <= 2)
      const before = yield* databases.open
      yield* duckdb({ database: join(data, "closed.duckdb"), query: "SELECT 1" })
      assert.strictEqual(yield* databases.open, before + 1)
      yield* until(databases.open, (n) => n === before)
      assert.strictEqual(yield* databases.open, before)
    })
  )

  it.effect("reads and writes Parquet, CSV and JSON in the allowed directories", () =>
    Effect.gen(function* () {
      for (const format of ["parquet", "csv", "json"]) {
        const file = join(data, `rows.${format}`)
        const wrote = yield* duckdb({
          query: `COPY (SELECT range AS a, 'x' AS b FROM range(100)) TO '${file}'`
        })
        assert.strictEqual(dataOf(wrote)["affected_rows"], 100, wrote.error?.message)
        const read = yield* duckdb({ query: `SELECT count(*) AS n, sum(a) AS s, max(b) AS b FROM '${file}'` })
        assert.deepStrictEqual<unknown>(rowsOf(read), [{ n: 100, s: 4950, b: "x" }])
      }
    })
  )

  it.effect.each<readonly [string, string]>([
    ["reading a file", `SELECT * FROM read_csv('${folder}/secret.csv')`],
    ["reading text", "SELECT * FROM read_text('/etc/passwd')"],
    ["going up", `SELECT * FROM read_csv('${data}/../secret.csv')`],
    ["a list", `SELECT * FROM glob('${folder}/*')`],
    ["writing a file", `COPY (SELECT 1) TO '${folder}/out.csv'`],
    ["attaching", `ATTACH '${folder}/x.duckdb' AS x`],
    ["exporting", `EXPORT DATABASE '${folder}/x'`],
    ["opening up again", "SET enable_external_access = true"],
    ["allowing more", "SET allowed_directories = ['/']"],
    ["more memory", "SET memory_limit = '100GB'"],
    ["more threads", "SET threads = 1000"],
    ["another place for spilling", "SET temp_directory = '/etc'"],
    ["unlocking", "SET lock_configuration = false"]
  ])("refuses what is not allowed: %s", ([, sql]) =>
    Effect.gen(function* () {
      const result = yield* duckdb({ query: sql })
      const found = result.status === "success" ? dataOf(result)["rows"] : []
      assert.deepStrictEqual(found, [])
      assert.isFalse(existsSync(join(folder, "out.csv")))
    })
  )

  it.effect("follows no link out of the allowed directories to a database", () =>
    Effect.gen(function* () {
      mkdirSync(join(folder, "outside"))
      symlinkSync(join(folder, "outside"), join(data, "link"))
      const exit = yield* Effect.exit(duckdb({ database: join(data, "link", "x.duckdb"), query: "SELECT 1" }))
      assert.isTrue(Exit.isFailure(exit))
    })
  )

  it.effect("creates no database where a link leads that has no end yet", () =>
    Effect.gen(function* () {
      const link = join(data, "dangling.duckdb")
      yield* Effect.acquireRelease(
        Effect.sync(() => symlinkSync(join(folder, "dangling.duckdb"), link)),
        () => Effect.sync(() => rmSync(link))
      )
      const named = yield* Effect.flip(duckdb({ database: link, query: "SELECT 1" }))
      assert.include(named.message, "lies outside of the directories that DuckDB may use")
      assert.include(named.message, `${data} (NOETL_DUCKDB_ALLOW)`)
      for (const config of [
        { query: `ATTACH '${link}' AS x` },
        { query: `COPY (SELECT 1) TO '${link}'` },
        { query: "COPY (SELECT 1) TO (getvariable('x'))", params: { x: link } }
      ])
        assert.include((yield* Effect.flip(duckdb(config))).message, "is a link that leads out")
      assert.isFalse(existsSync(join(folder, "dangling.duckdb")))
    })
  )

  it.effect.each<readonly [string, string, string]>([
    ["whose name is computed", "made.csv", "COPY (SELECT 1) TO ('{data}/' || 'made' || '.csv')"],
    [
      "whose name is a variable",
      "made.csv",
      "SET VARIABLE p = 'made.csv'; COPY (SELECT 1) TO ('{data}/' || getvariable('p'))"
    ],
    ["whose name DuckDB makes", "tmp_x.csv", "COPY (SELECT 1) TO '{data}/x.csv' (USE_TMP_FILE true)"],
    [
      "that is a database's log",
      "x.duckdb.wal",
      "ATTACH '{data}/x.duckdb' AS x; CREATE TABLE x.t AS SELECT 1"
    ]
  ])("writes to no link out of the allowed directories %s", ([, name, sql]) =>
    Effect.gen(function* () {
      const end = join(folder, `end of ${name}`)
      const link = join(data, name)
      yield* Effect.acquireRelease(
        Effect.sync(() => symlinkSync(end, link)),
        () => Effect.sync(() => rmSync(link))
      )
      const exit = yield* Effect.exit(duckdb({ query: sql.replace("{data}", data) }))
      assert.include(JSON.stringify(exit), "is a link that leads out")
      assert.isFalse(existsSync(end))
      const asDatabase = yield* Effect.exit(duckdb({ database: join(data, "x.duckdb"), query: "SELECT 1" }))
      assert.strictEqual(Exit.isFailure(asDatabase), name === "x.duckdb.wal")
    })
  )

  it.effect("opens no file whose name goes on after a NUL", () =>
    Effect.gen(function* () {
      const database = `${join(data, "a.duckdb")}\u0000.txt`
      const { message } = yield* Effect.flip(duckdb({ database, query: "SELECT 1" }))
      assert.include(message, "lies outside of the directories")
      assert.isFalse(existsSync(join(data, "a.duckdb")))
    })
  )

  it.effect("lets authors set what harms nobody", () =>
    Effect.gen(function* () {
      const result = yield* duckdb({
        query: "SET timezone = 'America/New_York'; SELECT TIMESTAMPTZ '2024-01-02 03:04:05+00'::VARCHAR AS x"
      })
      assert.deepStrictEqual<unknown>(rowsOf(result), [{ x: "2024-01-01 22:04:05-05" }])
    })
  )

  it.effect.each(["INSTALL postgres", "LOAD httpfs", "ATTACH 'dbname=x' AS p (TYPE postgres)"])(
    "downloads no extension and says who can: %s",
    (sql) =>
      Effect.gen(function* () {
        const { error } = yield* duckdb({ query: sql })
        assert.include(error?.message ?? "", "the operator installs them")
        assert.isFalse(error?.retryable)
      })
  )

  it.effect("takes what is loaded already for loaded", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* duckdb({ query: "INSTALL parquet; LOAD 'json'; SELECT 1" })).status,
        "success"
      )
    })
  )

  it.effect("stops a statement when its command is interrupted or late, and goes on", () =>
    Effect.gen(function* () {
      const database = join(data, "slow.duckdb")
      const fibers = yield* Effect.forEach([1, 2, 3, 4], () =>
        Effect.forkChild(duckdb({ database, query: endless }), { startImmediately: true })
      )
      yield* Effect.sleep("50 millis")
      yield* Fiber.interruptAll(fibers)
      const late = yield* Effect.exit(duckdb({ database, query: endless, timeout: "100ms" }))
      assert.isTrue(Exit.isFailure(late))
      assert.strictEqual(rowsOf(yield* duckdb({ database, query: "SELECT 1 AS a" })).length, 1)
    })
  )

  it.effect("abandons a statement that does not listen, at the deadline", () =>
    Effect.gen(function* () {
      const databases = yield* Databases
      const database = join(data, "deaf.duckdb")
      const deaf = "SELECT length(repeat('a', 3000000000))"
      const late = yield* Effect.flip(duckdb({ database, query: deaf, timeout: "50ms" }))
      assert.strictEqual(late.failure.kind, "timeout")
      yield* until(databases.abandoned, (n) => n === 0)
      assert.strictEqual((yield* duckdb({ database, query: "SELECT 1" })).status, "success")
    })
  )

  it.effect("spills to disk what has no room in memory", () =>
    Effect.gen(function* () {
      const result = yield* duckdb({
        query:
          "SELECT count(*) AS n FROM (SELECT range, repeat('x', 40) FROM range(8000000) ORDER BY hash(range))"
      })
      assert.deepStrictEqual<unknown>(rowsOf(result), [{ n: 8_000_000 }])
    })
  )

  it.effect("ends a statement that wants too much memory, not the worker", () =>
    Effect.gen(function* () {
      const { error } = yield* duckdb({ query: "SELECT list(range) FROM range(500000000)" })
      assert.deepStrictEqual([error?.kind, error?.code], ["limit", "DUCKDB_OUT_OF_MEMORY"])
      assert.match(error?.message ?? "", /MiB\b.*NOETL_DUCKDB_MEMORY_MB/s)
    })
  )
})

describe("DuckdbTool, with more databases than may be open", () => {
  it.live(
    "closes what was idle for longest, and its tables are there when it comes back",
    () => {
      const few = Toolbox.layer(DuckdbTool).pipe(
        Layer.provide(DuckdbTool.layerNoDeps),
        Layer.provideMerge(Databases.layer),
        Layer.provide(ScriptSource.layer),
        Layer.provide(
          Layer.merge(
            Layer.succeed(DuckdbOptions, {
              ...options,
              threads: 1,
              maxDatabases: 4,
              memoryBytes: 50_000_000
            }),
            EgressOptions.layerDevelopment
          )
        )
      )
      return Effect.gen(function* () {
        const databases = yield* Databases
        const made = yield* Effect.forEach(
          Array.from({ length: 1000 }, (_, n) => n),
          (n) =>
            duckdb(
              { database: "", query: n % 300 === 0 ? `CREATE TABLE t AS SELECT ${n} AS n` : "SELECT 1" },
              String(n)
            ),
          { concurrency: 4 }
        )
        assert.isTrue(made.every(({ status }) => status === "success"))
        assert.strictEqual(yield* databases.open, 4)
        for (const n of [0, 300, 900])
          assert.deepStrictEqual<unknown>(
            rowsOf(yield* duckdb({ database: "", query: "FROM t" }, String(n))),
            [{ n }]
          )
      }).pipe(Effect.provide(few))
    },
    300_000
  )
})

describe("DuckdbTool, when it ends", () => {
  it.live("leaves nothing of its executions", () =>
    Effect.gen(function* () {
      const path = yield* Effect.gen(function* () {
        const result = yield* runTool(aCall("duckdb", { query: "CREATE TABLE t AS SELECT 1" }))
        return String(dataOf(result)["database_path"])
      }).pipe(Effect.provide(toolbox, { local: true }))
      assert.isFalse(existsSync(path))
    })
  )

  it.live("keeps the databases of executions where there is a place for them", () =>
    Effect.gen(function* () {
      const kept = { ...options, dataDir: join(folder, "kept") }
      const own = Toolbox.layer(DuckdbTool).pipe(
        Layer.provide(DuckdbTool.layer),
        Layer.provide([Layer.succeed(DuckdbOptions, kept), EgressOptions.layerDevelopment])
      )
      const run = (query: string) =>
        runTool(aCall("duckdb", { query })).pipe(Effect.provide(own, { local: true }))
      yield* run("CREATE TABLE t AS SELECT 1 AS a")
      assert.deepStrictEqual<unknown>(rowsOf(yield* run("FROM t")), [{ a: 1 }])
    })
  )
})
