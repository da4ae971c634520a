import { assert, describe, it, layer as testLayer } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer } from "effect"
import { isObject, type Json, type JsonObject, stringify } from "../../src/domain/Json.ts"
import type { ToolResult } from "../../src/domain/ToolResult.ts"
import { aCall, runTool, suite } from "../../src/testing/suites/ToolSuite.ts"
import { Pools } from "../../src/tools/postgres/Pools.ts"
import { defaults, PostgresOptions } from "../../src/tools/postgres/PostgresOptions.ts"
import { PostgresTool } from "../../src/tools/PostgresTool.ts"
import { ScriptSource } from "../../src/tools/python/ScriptSource.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { ToolError } from "../../src/domain/ToolError.ts"
import { ca } from "../support/certificates.ts"
import { serverOfFile } from "../support/PostgresServer.ts"
import { EgressOptions } from "../../src/tools/http/Egress.ts"
import { until } from "../support/until.ts"

const server = serverOfFile()
const options = { ...defaults, connectPause: Duration.millis(5), cancelGrace: Duration.seconds(3) }
const toolbox = Toolbox.layer(PostgresTool).pipe(
  Layer.provide(PostgresTool.layerNoDeps),
  Layer.provideMerge(Pools.layer),
  Layer.provide(ScriptSource.layer),
  Layer.provide(EgressOptions.layerDevelopment),
  Layer.provide(Layer.succeed(PostgresOptions, options))
)
const postgres = (config: JsonObject) => runTool(aCall("postgres", { ...server.current.settings, ...config }))
const query = (sql: string) => Effect.suspend(() => server.current.query(sql))
const dataOf = ({ data }: ToolResult): JsonObject => (data !== undefined && isObject(data) ? data : {})
const rowsOf = (result: ToolResult): ReadonlyArray<JsonObject> =>
  (dataOf(result)["rows"] ?? []) as ReadonlyArray<JsonObject>
const failureOf = (exit: Exit.Exit<ToolResult, unknown>) => {
  const error = Exit.isSuccess(exit) ? exit.value.error : Exit.findErrorOption(exit)
  if (error !== undefined && "kind" in error) return error
  return error !== undefined && error._tag === "Some" && error.value instanceof ToolError
    ? error.value.failure
    : undefined
}
const running = (part: string) =>
  until(
    Effect.suspend(() => server.current.busy),
    (rows) => rows.some((row) => String(row["query"]).includes(part))
  )
const quiet = until(
  Effect.suspend(() => server.current.busy),
  (rows) => rows.length === 0
)

suite("PostgresTool", PostgresTool, PostgresTool.layer.pipe(Layer.provide(EgressOptions.layerDevelopment)), {
  kind: "postgres",
  works: () => ({ ...server.current.settings, query: "SELECT 1 AS one" }),
  broken: [
    { config: {}, at: "command" },
    { config: { query: "" }, at: "command" },
    { config: { query: "-- nothing" }, at: "command" },
    { config: { query: "SELECT 1\0" }, at: "command" },
    { config: { query: { a: 1 } }, at: "query" },
    { config: { command_b64: "§" }, at: "command_b64" },
    { config: { query: "SELECT 1", port: 0 }, at: "port" },
    { config: { query: "SELECT 1", port: "many" }, at: "port" },
    { config: { query: "SELECT 1", params: "x" }, at: "params" },
    { config: { query: "SELECT 1", sslmode: "maybe" }, at: "sslmode" },
    { config: { query: "SELECT 1", sslrootcert: "/etc/passwd" }, at: "sslrootcert" },
    { config: { query: "SELECT 1", connection_string: "mysql://x" }, at: "connection_string" },
    { config: { query: "SELECT 1", transaction: "some" }, at: "transaction" },
    { config: { query: "SELECT 1", max_rows: -1 }, at: "max_rows" },
    { config: { query: "SELECT 1", timeout: "soon" }, at: "timeout" }
  ],
  endless: () => ({ ...server.current.settings, query: "SELECT pg_sleep(600)" })
})

testLayer(toolbox, { excludeTestServices: true })("PostgresTool", (it) => {
  describe("results", () => {
    it.effect("come at the top and under command_0", () =>
      Effect.gen(function* () {
        const data = dataOf(yield* postgres({ query: "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL" }))
        const table = {
          columns: ["a", "b"],
          column_types: ["int4", "text"],
          rows: [
            { a: 1, b: "x" },
            { a: 2, b: null }
          ],
          row_count: 2
        }
        assert.deepStrictEqual(data, {
          command: "SELECT",
          ...table,
          statements: [{ command: "SELECT", row_count: 2 }],
          command_0: { status: "success", command: "SELECT", ...table }
        })
      })
    )

    it.effect.each<readonly [string, string, JsonObject]>([
      [
        "a comment before SELECT",
        "-- it's\n/* a /* nested */ ; */ SELECT 1 AS a",
        { row_count: 1, command: "SELECT" }
      ],
      ["WITH", "WITH x AS (SELECT 1 AS a) SELECT * FROM x", { row_count: 1 }],
      ["VALUES", "VALUES (1), (2)", { row_count: 2, columns: ["column1"] }],
      ["SHOW", "SHOW server_version_num", { row_count: 1, command: "SHOW" }],
      ["EXPLAIN", "EXPLAIN SELECT 1", { columns: ["QUERY PLAN"], command: "EXPLAIN" }],
      ["TABLE", "TABLE pg_catalog.pg_am", { columns: ["oid", "amname", "amhandler", "amtype"] }],
      ["no row at all", "SELECT 1 AS a WHERE false", { columns: ["a"], rows: [], row_count: 0 }],
      [
        "a name that comes twice",
        "SELECT 1 AS a, 2 AS a",
        { columns: ["a", "a_2"], rows: [{ a: 1, a_2: 2 }] }
      ],
      ["no column", "SELECT", { columns: [], rows: [{}], row_count: 1 }]
    ])("have rows wherever the server sends rows: %s", ([, sql, expected]) =>
      Effect.gen(function* () {
        const data = dataOf(yield* postgres({ query: sql }))
        assert.deepStrictEqual(
          Object.fromEntries(Object.keys(expected).map((key) => [key, data[key]])),
          expected
        )
      })
    )

    it.effect("of statements that write have the rows of RETURNING and the rows affected", () =>
      Effect.gen(function* () {
        const data = dataOf(
          yield* postgres({
            command: `CREATE TABLE written (a int); INSERT INTO written VALUES (1), (2), (3) RETURNING a;
              WITH u AS (UPDATE written SET a = a + 1 WHERE a > 1 RETURNING a) SELECT * FROM u;
              DELETE FROM written; DROP TABLE written`
          })
        )
        assert.deepStrictEqual(data["statements"], [
          { command: "CREATE TABLE", row_count: 0, affected_rows: 0 },
          { command: "INSERT", row_count: 3, affected_rows: 3 },
          { command: "SELECT", row_count: 2 },
          { command: "DELETE", row_count: 3, affected_rows: 3 },
          { command: "DROP TABLE", row_count: 0, affected_rows: 0 }
        ])
        // The last statement that has rows.
        assert.deepStrictEqual(data["rows"], [{ a: 3 }, { a: 4 }] as ReadonlyArray<Json>)
        assert.strictEqual(data["transaction"], "committed")
      })
    )

    it.effect("are lists of values on request, and text keeps every character", () =>
      Effect.gen(function* () {
        const text = "quote ' double \" back\\slash \u{1f600} \u0001 \n\t $1 :a ; --"
        const result = yield* postgres({
          query: "SELECT $1::text AS a, 2 AS a",
          params: [text],
          as_objects: false
        })
        assert.deepStrictEqual<unknown>(rowsOf(result), [[text, 2]])
      })
    )

    it.effect("say what the server noticed", () =>
      Effect.gen(function* () {
        const data = dataOf(
          yield* postgres({ query: "DO $$ BEGIN RAISE WARNING 'careful; here' USING HINT = 'look'; END $$" })
        )
        assert.deepStrictEqual(data["notices"], [
          { severity: "WARNING", message: "careful; here", code: "01000", hint: "look" }
        ])
        assert.strictEqual(dataOf(yield* postgres({ query: "SELECT 1" }))["notices"], undefined)
      })
    )
  })

  describe("limits", () => {
    it.effect("cut the rows and say so", () =>
      Effect.gen(function* () {
        const data = dataOf(
          yield* postgres({ query: "SELECT g FROM generate_series(1, 100000) g", max_rows: 5 })
        )
        assert.deepStrictEqual(
          [data["row_count"], data["truncated"], data["truncated_by"]],
          [5, true, "rows"]
        )
        const exact = dataOf(yield* postgres({ query: "SELECT g FROM generate_series(1, 5) g", max_rows: 5 }))
        assert.deepStrictEqual([exact["row_count"], exact["truncated"]], [5, undefined])
      })
    )

    it.effect("stop the server where nothing more is wanted", () =>
      Effect.gen(function* () {
        const endless =
          "SELECT a + b AS g FROM generate_series(1, 3000) a, generate_series(1, 3000) b, generate_series(1, 3000)"
        yield* query(`CREATE VIEW endless AS ${endless}; CREATE VIEW nested AS TABLE endless`)
        for (const sql of [
          endless,
          "SELECT lower(g::text) FROM nested",
          "BEGIN; TABLE nested; TABLE endless; COMMIT"
        ]) {
          const data = dataOf(yield* postgres({ query: sql, max_rows: 10 }))
          assert.deepInclude(data, { row_count: 10, truncated: true, truncated_by: "rows" })
        }
      })
    )

    it.effect.each<readonly [string, string]>([
      ["a view", "SELECT * FROM drawing"],
      ["a view of a view, quoted", 'TABLE "Drawing again"'],
      ["a function of the author's own", "SELECT draw(g) FROM generate_series(1, 20000) g"],
      ["a function named like a harmless one", "SELECT lower(g) FROM generate_series(1, 20000) g"],
      ["a function that is written as a column", "SELECT one.draw_row FROM one"],
      ["a function in a view's VALUES and LIMIT", "SELECT 1 FROM hidden"],
      ["a row's policy", "SET ROLE guarded; SELECT * FROM one"],
      ["a limit of bytes", "SELECT * FROM drawing -- bytes"]
    ])("let what a volatile function does be done to its end: in %s", ([name, sql]) =>
      Effect.gen(function* () {
        yield* query(`DROP SCHEMA IF EXISTS drawing CASCADE; CREATE SCHEMA drawing; SET search_path = drawing, public;
          CREATE SEQUENCE s; GRANT ALL ON SCHEMA drawing TO public; GRANT ALL ON s TO public;
          CREATE FUNCTION draw(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN nextval('drawing.s'); END $$;
          CREATE FUNCTION lower(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT drawing.draw($1)';
          CREATE TABLE one AS SELECT generate_series(1, 20000)::bigint AS n;
          CREATE FUNCTION draw_row(one) RETURNS bigint LANGUAGE sql AS 'SELECT drawing.draw(1)';
          CREATE VIEW drawing AS SELECT draw(n) AS n FROM one; CREATE VIEW "Drawing again" AS TABLE drawing;
          CREATE VIEW hidden AS SELECT v.n FROM one, LATERAL (VALUES (draw(one.n))) AS v(n);
          DO $$ BEGIN CREATE ROLE guarded; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
          GRANT SELECT ON one TO guarded; ALTER TABLE one ENABLE ROW LEVEL SECURITY;
          CREATE POLICY p ON one USING (draw(n) > 0); SET search_path = public`)
        const limit = sql.endsWith("bytes") ? { max_bytes: 100 } : { max_rows: 10 }
        const result = yield* postgres({ query: sql, schema: "drawing", ...limit })
        assert.strictEqual(result.status, "success", result.error?.message)
        const data = dataOf(result)
        const [row] = yield* query("SELECT last_value::int AS n FROM drawing.s")
        assert.deepStrictEqual([data["truncated"], row?.["n"]], [true, 20_000], name)
      })
    )

    it.effect("let a statement with effects run to its end, and keep some of its rows", () =>
      Effect.gen(function* () {
        yield* query("CREATE SEQUENCE drawn; CREATE TABLE kept (n int)")
        const drawn = dataOf(
          yield* postgres({ query: "SELECT nextval('drawn') FROM generate_series(1, 20000)", max_rows: 10 })
        )
        assert.deepInclude(drawn, { row_count: 10, truncated: true, truncated_by: "rows" })
        const [row] = yield* query("SELECT last_value::int AS n FROM drawn")
        assert.strictEqual(row?.["n"], 20_000)
        for (const limit of [{ max_rows: 10 }, { max_bytes: 40 }]) {
          const sql = "INSERT INTO kept SELECT generate_series(1, 5000) RETURNING n"
          const inserted = dataOf(yield* postgres({ query: sql, ...limit }))
          assert.deepInclude(inserted, { command: "INSERT", affected_rows: 5000, truncated: true })
        }
      })
    )

    it.effect("cut the bytes, whatever the size of a row", () =>
      Effect.gen(function* () {
        const data = dataOf(
          yield* postgres({
            query: "SELECT repeat('x', n) AS x FROM unnest(ARRAY[10, 20, 50000000, 30]) n",
            max_bytes: 1000
          })
        )
        assert.deepStrictEqual(
          [data["row_count"], data["truncated"], data["truncated_by"]],
          [2, true, "bytes"]
        )
      })
    )

    it.effect("let many rows of any number of batches through", () =>
      Effect.gen(function* () {
        const result = yield* postgres({
          query: "SELECT g AS n FROM generate_series(1, 123456) g",
          max_rows: 200000
        })
        const rows = rowsOf(result)
        assert.strictEqual(rows.length, 123_456)
        assert.strictEqual(rows.at(-1)?.["n"], 123_456)
        const all = yield* postgres({ query: "SELECT g AS n FROM generate_series(1, 30000) g", max_rows: 0 })
        assert.strictEqual(rowsOf(all).length, 30_000)
      })
    )
  })

  describe("a trace", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    const said = `/*traceparent='${traceparent}'*/`
    const call = (config: JsonObject, more: { readonly traceparent: string | undefined }) =>
      runTool(aCall("postgres", { ...server.current.settings, ...config }, more))
    /** What the server itself says is running. */
    const own = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()"

    it.effect("is at the end of every statement that the server shows", () =>
      Effect.gen(function* () {
        // In one transaction the server would show its first look again.
        const transaction = "per_statement"
        const data = dataOf(
          yield* call({ command: `${own};\n${own} -- mine;\n;${own}`, transaction }, { traceparent })
        )
        assert.deepStrictEqual(
          [0, 1, 2].map((i) => (data[`command_${i}`] as JsonObject)["rows"]),
          [
            [{ query: `${own} ${said}` }],
            [{ query: `${own} -- mine;\n${said}` }],
            [{ query: `${own} ${said}` }]
          ]
        )
      })
    )

    it.effect("leaves parameters and prepared statements as they are", () =>
      Effect.gen(function* () {
        const one = yield* call(
          { query: `${own} AND $1 = ANY($2::int[])`, params: [2, [1, 2]] },
          { traceparent }
        )
        assert.deepStrictEqual(rowsOf(one), [{ query: `${own} AND $1 = ANY($2::int[]) ${said}` }])
        const named = yield* call(
          { query: "SELECT :a::int + :b::int AS n", params: { a: 1, b: 2 } },
          { traceparent }
        )
        assert.deepStrictEqual(rowsOf(named), [{ n: 3 }])
        const prepared = yield* call(
          { command: "PREPARE p (int) AS SELECT $1 + 1 AS n; EXECUTE p(41); DEALLOCATE p" },
          { traceparent }
        )
        assert.deepStrictEqual((dataOf(prepared)["command_1"] as JsonObject)["rows"], [{ n: 42 }])
      })
    )

    it.effect.each([
      ["in the middle", "SELECT 1;\nSELECT nothing FROM nowhere"],
      ["at the end", "SELECT 1;\nSELECT 1 +"],
      ["in a string that does not end", "SELECT 1;\nSELECT 'a"],
      ["behind a parameter", "SELECT $1::int;\nSELECT $1 +"]
    ] as const)("leaves the place of an error %s", ([, command]) =>
      Effect.gen(function* () {
        const of = (trace: string | undefined) =>
          Effect.map(call({ command, params: [1] }, { traceparent: trace }), ({ error }) => error)
        const [without, with_] = [yield* of("none"), yield* of(traceparent)]
        assert.isDefined(without?.detail)
        assert.deepStrictEqual(with_, without)
      })
    )

    it.effect("that is none is not said", () =>
      Effect.gen(function* () {
        const result = yield* call({ query: own }, { traceparent: "*/ DROP TABLE pg_class; /*" })
        assert.deepStrictEqual(rowsOf(result), [{ query: own }])
      })
    )
  })

  describe("transactions", () => {
    it.effect("hold a block together: an error undoes what came before", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE together (a int)")
        const result = yield* postgres({
          command:
            "INSERT INTO together VALUES (1);\nSELECT 1;\nSELECT nothing;\nINSERT INTO together VALUES (2)"
        })
        assert.strictEqual(result.status, "error")
        assert.strictEqual(result.error?.sqlstate, "42703")
        assert.deepInclude(result.error?.detail, { statement: 2, line: 3, position: 8 })
        assert.strictEqual(dataOf(result)["transaction"], "rolled_back")
        assert.strictEqual((dataOf(result)["statements"] as ReadonlyArray<unknown>).length, 2)
        assert.deepStrictEqual(yield* query("SELECT * FROM together"), [])
      })
    )

    it.effect("are one a statement on request", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE apart (a int)")
        const result = yield* postgres({
          transaction: "per_statement",
          command: ["INSERT INTO apart VALUES (1) -- one", "SELECT nothing", "INSERT INTO apart VALUES (2)"]
        })
        assert.strictEqual(result.status, "error")
        assert.deepStrictEqual(yield* query("SELECT * FROM apart"), [{ a: 1 }])
      })
    )

    it.effect("are left out for statements that cannot be in one", () =>
      Effect.gen(function* () {
        const result = yield* postgres({
          command: "CREATE TABLE v (a int); VACUUM v; CREATE DATABASE other; DROP DATABASE other"
        })
        assert.strictEqual(result.status, "success", result.error?.message)
        assert.strictEqual(dataOf(result)["transaction"], undefined)
      })
    )

    it.effect("of the author's own work, and one that stays open is an error", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE own (a int)")
        const good = yield* postgres({ command: "BEGIN; INSERT INTO own VALUES (1); COMMIT" })
        assert.strictEqual(good.status, "success")
        const open = yield* postgres({ command: "BEGIN; INSERT INTO own VALUES (2)" })
        assert.strictEqual(open.error?.code, "TRANSACTION_LEFT_OPEN")
        assert.deepStrictEqual(yield* query("SELECT * FROM own"), [{ a: 1 }])
      })
    )
  })

  describe("parameters", () => {
    it.effect.each<readonly [string, string, JsonObject | ReadonlyArray<Json>, JsonObject]>([
      ["by number", "SELECT $2::int + $1::int AS x", [1, "2"], { x: 3 }],
      ["by name", "SELECT :a::int AS x, ':a' AS y", { a: 5, b: 6 }, { x: 5, y: ":a" }],
      ["by name, twice", "SELECT :a::text || :a::text AS x", { a: "q" }, { x: "qq" }],
      ["null", "SELECT $1::int AS x", [null], { x: null }],
      ["a boolean", "SELECT NOT $1::boolean AS x", [true], { x: false }],
      ["a large integer", "SELECT $1::int8 AS x", [9_007_199_254_740_993n], { x: 9_007_199_254_740_993n }],
      ["a list where an array is wanted", "SELECT 2 = ANY($1::int[]) AS x", [[1, 2]], { x: true }],
      [
        "nested lists",
        "SELECT $1::text[][] AS x",
        [
          [
            ["a,b", null],
            ['"', "\\"]
          ]
        ],
        {
          x: [
            ["a,b", null],
            ['"', "\\"]
          ]
        }
      ],
      ["a list where JSON is wanted", "SELECT $1::jsonb AS x", [[1, { a: [] }]], { x: [1, { a: [] }] }],
      ["an object", "SELECT $1::jsonb ->> 'a' AS x", [{ a: "b" }], { x: "b" }],
      ["an array slice", "SELECT (ARRAY[1,2,3])[1:2] AS x WHERE :a > 0", { a: 1 }, { x: [1, 2] }]
    ])("are values, never text: %s", ([, sql, params, expected]) =>
      Effect.gen(function* () {
        const result = yield* postgres({ query: sql, params })
        assert.deepStrictEqual(rowsOf(result), [expected], result.error?.message)
      })
    )

    it.effect("are shared by the statements of a block", () =>
      Effect.gen(function* () {
        const result = yield* postgres({
          query: "SELECT $2::text AS b; SELECT $1::text AS a",
          params: ["x", "y"]
        })
        assert.deepStrictEqual(dataOf(result)["command_0"] !== undefined && rowsOf(result), [{ a: "x" }])
      })
    )

    it.effect("cannot break out, and one that is missing is named", () =>
      Effect.gen(function* () {
        const evil = "'; DROP TABLE x; --"
        assert.deepStrictEqual(rowsOf(yield* postgres({ query: "SELECT $1::text AS x", params: [evil] })), [
          { x: evil }
        ])
        const missing = yield* postgres({ query: "SELECT $2", params: [1] })
        assert.strictEqual(missing.error?.kind, "config")
        assert.include(missing.error?.message, "$2")
      })
    )

    it.effect("with a zero byte are refused by the server, not cut", () =>
      Effect.gen(function* () {
        const result = yield* postgres({ query: "SELECT $1::text AS x", params: ["a\0b"] })
        assert.strictEqual(result.error?.sqlstate, "22021")
      })
    )
  })

  describe("errors", () => {
    it.effect.each<readonly [string, string, string, boolean, string]>([
      ["syntax", "SELEC 1", "db_error", false, "42601"],
      ["a table that is missing", "SELECT * FROM nowhere", "db_error", false, "42P01"],
      ["a wrong type", "SELECT 'x'::int", "db_error", false, "22P02"],
      ["division", "SELECT 1/0", "db_error", false, "22012"],
      ["a full column", "SELECT 300::int2 * 300::int2", "db_error", false, "22003"],
      ["a serialization failure", "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", "db_deadlock", true, "40001"],
      ["a full disk", "DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", "storage_quota", false, "53100"],
      ["not enough of something", "DO $$ BEGIN RAISE SQLSTATE '53200'; END $$", "db_error", true, "53200"]
    ])("have kind, code and retryability: %s", ([, sql, kind, retryable, sqlstate]) =>
      Effect.gen(function* () {
        const { error } = yield* postgres({ query: sql })
        assert.deepStrictEqual(
          [error?.kind, error?.retryable, error?.sqlstate, error?.code],
          [kind, retryable, sqlstate, `PG_${sqlstate}`]
        )
        assert.match(
          error?.message ?? "",
          new RegExp(`^Database error: Query failed: ERROR: .*SQLSTATE ${sqlstate}`)
        )
      })
    )

    it.effect("name the constraint, the detail and the hint", () =>
      Effect.gen(function* () {
        yield* query(
          "CREATE TABLE unique_one (a int CONSTRAINT only_one UNIQUE); INSERT INTO unique_one VALUES (1)"
        )
        const { error } = yield* postgres({ query: "INSERT INTO unique_one VALUES (1)" })
        assert.strictEqual(error?.kind, "db_constraint")
        assert.deepInclude(error?.detail, { constraint: "only_one", table: "unique_one" })
        assert.include(error?.message ?? "", "| DETAIL: Key (a)=(1) already exists.")
        const hinted = yield* postgres({ query: "SELECT uper('x')" })
        assert.include(hinted.error?.message, "| HINT: ")
      })
    )

    it.effect("of a wrong password never say it", () =>
      Effect.gen(function* () {
        const failure = failureOf(
          yield* Effect.exit(postgres({ query: "SELECT 1", password: "s3cret-wrong" }))
        )
        assert.deepStrictEqual([failure?.kind, failure?.retryable], ["auth", false])
        assert.notInclude(stringify(failure), "s3cret-wrong")
      })
    )

    it.effect("of a connection string never say its password", () =>
      Effect.gen(function* () {
        const connection_string = "postgresql://u:s3cret-wrong@127.0.0.1:1/x"
        const failure = failureOf(yield* Effect.exit(postgres({ query: "SELECT 1", connection_string })))
        assert.deepStrictEqual(
          [failure?.kind, failure?.code, failure?.retryable],
          ["connection", "CONN_REFUSED", true]
        )
        assert.notInclude(stringify(failure), "s3cret-wrong")
        assert.include(failure?.message, "127.0.0.1:1/x")
      })
    )

    it.effect("of COPY point to the transfer", () =>
      Effect.gen(function* () {
        for (const sql of ["COPY (SELECT 1) TO STDOUT", "CREATE TEMP TABLE c (a int); COPY c FROM STDIN"]) {
          const { error } = yield* postgres({ query: sql })
          assert.include(error?.message ?? "", "transfer")
        }
        assert.strictEqual((yield* postgres({ query: "SELECT 1" })).status, "success")
      })
    )
  })

  describe("connections", () => {
    it.effect("come back clean", () =>
      Effect.gen(function* () {
        const config = { pool: { name: "clean", max_size: 1 } }
        yield* query("CREATE SCHEMA s1; CREATE TABLE s1.t AS SELECT 1 AS a")
        const first = yield* postgres({
          ...config,
          schema: "s1",
          command:
            "CREATE TEMP TABLE left_over (a int); SELECT pg_advisory_lock(7); SET work_mem = '1MB'; SELECT * FROM t"
        })
        assert.deepStrictEqual(rowsOf(first), [{ a: 1 }])
        const second = yield* postgres({
          ...config,
          query: `SELECT to_regclass('left_over') AS t, to_regclass('t') AS s, current_setting('work_mem') AS w,
            (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')::int AS locks, pg_backend_pid() AS pid`
        })
        assert.deepInclude(rowsOf(second)[0], { t: null, s: null, w: "4MB", locks: 0 })
        const third = yield* postgres({ ...config, query: "SELECT pg_backend_pid() AS pid" })
        assert.strictEqual(rowsOf(third)[0]?.["pid"], rowsOf(second)[0]?.["pid"])
      })
    )

    it.effect("are cancelled on the server when the command is interrupted, and go on to serve", () =>
      Effect.gen(function* () {
        const config = { pool: { name: "cancelled", max_size: 1 } }
        const pid = rowsOf(yield* postgres({ ...config, query: "SELECT pg_backend_pid() AS pid" }))[0]?.[
          "pid"
        ]
        const fiber = yield* Effect.forkChild(
          postgres({ ...config, command: "CREATE TABLE never (a int); SELECT pg_sleep(333)" }),
          { startImmediately: true }
        )
        yield* running("pg_sleep(333)")
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* server.current.busy, [])
        const after = rowsOf(
          yield* postgres({ ...config, query: "SELECT pg_backend_pid() AS pid, to_regclass('never') AS t" })
        )
        assert.deepStrictEqual(after, [{ pid: pid ?? null, t: null }])
      })
    )

    it.effect("end at the deadline of the command", () =>
      Effect.gen(function* () {
        const failure = failureOf(
          yield* Effect.exit(postgres({ query: "SELECT pg_sleep(60)", timeout: "100ms" }))
        )
        assert.deepStrictEqual([failure?.kind, failure?.code], ["timeout", "TOOL_TIMEOUT"])
        const slow = yield* postgres({ query: "SELECT pg_sleep(60)", statement_timeout: 0.1 })
        assert.deepStrictEqual([slow.error?.kind, slow.error?.sqlstate], ["db_timeout", "57014"])
        yield* quiet
      })
    )

    it.effect("wait for each other, and no more than the pool has are open", () =>
      Effect.gen(function* () {
        const config = {
          pool: { name: "small", max_size: 2 },
          query: "SELECT pg_backend_pid() AS pid, pg_sleep(0.01)"
        }
        const results = yield* Effect.all(
          Array.from({ length: 12 }, () => postgres(config)),
          { concurrency: 12 }
        )
        assert.isAtMost(new Set(results.map((result) => rowsOf(result)[0]?.["pid"])).size, 2)
      })
    )

    it.effect("that die while idle are replaced without anybody seeing it", () =>
      Effect.gen(function* () {
        const config = { pool: { name: "idle", max_size: 1 } }
        const pid = rowsOf(yield* postgres({ ...config, query: "SELECT pg_backend_pid() AS pid" }))[0]?.[
          "pid"
        ]
        yield* query(`SELECT pg_terminate_backend(${String(pid)}, 5000)`)
        const result = yield* postgres({ ...config, query: "SELECT pg_backend_pid() AS pid" })
        assert.notStrictEqual(rowsOf(result)[0]?.["pid"], pid)
      })
    )

    it.effect("that are killed in the middle are an error that can be tried again", () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(postgres({ query: "SELECT pg_sleep(444)" }), {
          startImmediately: true
        })
        yield* running("pg_sleep(444)")
        yield* query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(444)%' AND pid <> pg_backend_pid()"
        )
        const { error } = yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          [error?.kind, error?.retryable, error?.sqlstate],
          ["db_connection", true, "57P01"]
        )
        assert.strictEqual((yield* postgres({ query: "SELECT 1" })).status, "success")
      })
    )

    it.effect("are as many after hard work as before it", () =>
      Effect.gen(function* () {
        const pools = yield* Pools
        yield* postgres({ query: "SELECT 1" })
        const before = yield* pools.open
        const work = Array.from({ length: 20 }, (_, i) => [
          postgres({ query: "SELECT 1/0" }),
          Effect.timeoutOption(postgres({ query: "SELECT pg_sleep(9)" }), Duration.millis(i)),
          postgres({ query: "SELECT repeat('x', 100000) FROM generate_series(1, 1000)", max_bytes: 1000 })
        ]).flat()
        yield* Effect.all(
          work.map((one) => Effect.exit<unknown, ToolError, Toolbox>(one)),
          { concurrency: 8 }
        )
        yield* quiet
        assert.isAtMost(yield* pools.open, Math.max(before, before + 5))
        const rows = yield* query(
          "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'noetl-worker%' AND state LIKE 'idle in%'"
        )
        assert.deepStrictEqual(rows, [{ n: 0 }])
      })
    )

    it.effect.each<readonly [string, JsonObject, boolean | string]>([
      ["prefer", {}, true],
      ["disable", { sslmode: "disable" }, false],
      ["require", { sslmode: "require" }, true],
      ["verify-ca with the authority", { sslmode: "verify-ca", sslrootcert: ca }, true],
      [
        "verify-full with the authority",
        { sslmode: "verify-full", sslrootcert: ca, host: "localhost" },
        true
      ],
      ["verify-full without it", { sslmode: "verify-full" }, "certificate"]
    ])("are encrypted as sslmode says: %s", ([, config, expected]) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(
          postgres({ ...config, query: "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()" })
        )
        if (typeof expected === "boolean") {
          assert.deepStrictEqual(Exit.isSuccess(exit) ? rowsOf(exit.value) : exit, [{ ssl: expected }])
        } else {
          assert.deepStrictEqual([failureOf(exit)?.retryable, Exit.isFailure(exit)], [false, true])
          assert.include(failureOf(exit)?.message, expected)
        }
      })
    )

    it.effect("are cancelled over TLS too", () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(
          postgres({ sslmode: "require", query: "SELECT pg_sleep(555)" }),
          {
            startImmediately: true
          }
        )
        yield* running("pg_sleep(555)")
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* server.current.busy, [])
      })
    )

    it.effect("take a URL with anything in its password, and say who they are", () =>
      Effect.gen(function* () {
        const { url } = server.current
        const result = yield* runTool(
          aCall("postgres", {
            connection_string: url,
            query: "SELECT current_setting('application_name') AS name"
          })
        )
        assert.deepStrictEqual(rowsOf(result), [{ name: "noetl-worker 613000000000000001/step" }])
      })
    )
  })
})

describe("PostgresTool, when it ends", () => {
  it.live("closes every connection", () =>
    Effect.gen(function* () {
      yield* Effect.all(
        Array.from({ length: 4 }, () => postgres({ query: "SELECT pg_sleep(0.01)" })),
        { concurrency: 4 }
      ).pipe(Effect.provide(toolbox, { local: true }))
      yield* until(server.current.connections, (n) => n === 0)
      assert.strictEqual(yield* server.current.connections, 0)
    })
  )
})
