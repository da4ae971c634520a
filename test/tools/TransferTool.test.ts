import { assert, describe, it, layer as testLayer } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import type { Credential } from "../../src/domain/Credential.ts"
import { isObject, type JsonObject, stringify } from "../../src/domain/Json.ts"
import type { ToolResult } from "../../src/domain/ToolResult.ts"
import { aCall, runTool, suite } from "../../src/testing/suites/ToolSuite.ts"
import { Databases } from "../../src/tools/duckdb/Databases.ts"
import { defaults as duckdbDefaults, DuckdbOptions } from "../../src/tools/duckdb/DuckdbOptions.ts"
import { DuckdbTool } from "../../src/tools/DuckdbTool.ts"
import { SafeHttp } from "../../src/tools/http/SafeHttp.ts"
import { Pools } from "../../src/tools/postgres/Pools.ts"
import { Sessions } from "../../src/tools/snowflake/Sessions.ts"
import { ScriptSource } from "../../src/tools/python/ScriptSource.ts"
import { ToolError } from "../../src/domain/ToolError.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { type Progress, TransferProgress } from "../../src/tools/transfer/Progress.ts"
import { TransferTool } from "../../src/tools/transfer/TransferTool.ts"
import * as HttpStub from "../support/HttpStub.ts"
import { serverOfFile } from "../support/PostgresServer.ts"
import { EgressOptions } from "../../src/tools/http/Egress.ts"
import { until } from "../support/until.ts"

const server = serverOfFile()
const folder = realpathSync(mkdtempSync(join(tmpdir(), "transfer-test-")))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const progress: Array<Progress> = []
const options = Layer.mergeAll(
  EgressOptions.layerDevelopment,
  Layer.succeed(DuckdbOptions, {
    ...duckdbDefaults(),
    allowedDirectories: [folder],
    memoryBytes: 300_000_000,
    keepOpen: Duration.millis(20)
  }),
  Layer.succeed(TransferProgress, { everyMs: 0, report: (one) => Effect.sync(() => progress.push(one)) })
)
const services = Layer.mergeAll(
  Pools.layer,
  Databases.layer,
  Sessions.layer,
  SafeHttp.layer,
  ScriptSource.layer
)
const toolbox = Toolbox.layer(TransferTool, DuckdbTool).pipe(
  Layer.provide([TransferTool.layerNoDeps, DuckdbTool.layerNoDeps]),
  Layer.provideMerge(services),
  Layer.provide(options)
)

const dataOf = ({ data }: ToolResult): JsonObject => (data !== undefined && isObject(data) ? data : {})
const query = (sql: string) => Effect.suspend(() => server.current.query(sql))
const pg = (more: JsonObject): JsonObject => ({ type: "postgres", ...server.current.settings, ...more })
const transfer = (config: JsonObject) => runTool(aCall("transfer", config))
const duckdb = (database: string, sql: string) =>
  Effect.map(runTool(aCall("duckdb", { database, query: sql })), (result) => {
    assert.strictEqual(result.status, "success", result.error?.message)
    return dataOf(result)["rows"]
  })
const moved = (config: JsonObject) =>
  Effect.map(transfer(config), (result) => {
    assert.strictEqual(result.status, "success", result.error?.message)
    return dataOf(result)
  })
const quiet = until(
  Effect.suspend(() => server.current.busy),
  (rows) => rows.length === 0
)
const count = (table: string) =>
  Effect.map(query(`SELECT count(*)::int AS n FROM ${table}`), (rows) => rows[0]?.["n"])
const invalidAt = (exit: Exit.Exit<ToolResult, unknown>): ReadonlyArray<string> => {
  const error = Exit.findErrorOption(exit)
  return error._tag === "Some" &&
    error.value instanceof ToolError &&
    error.value.reason._tag === "InvalidConfig"
    ? error.value.reason.issues.map((issue) => issue.at)
    : []
}
/** A small disk of its own takes rights that only root has. */
const canMount = (() => {
  const path = mkdtempSync(join(tmpdir(), "mount-"))
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path], { stdio: "ignore" })
    execFileSync("umount", [path])
    return true
  } catch {
    return false
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
})()
const nasty = "tab\t line\n return\r back\\slash \\N \\. quote' \" ü \u{1f600}"

suite("TransferTool", TransferTool, TransferTool.layer.pipe(Layer.provide(options)), {
  kind: "transfer",
  works: () => ({ source: pg({ query: "SELECT 1 AS a WHERE false" }), target: pg({ query: "SELECT :a" }) }),
  broken: [
    { config: {}, at: "source" },
    { config: { source: {}, target: {} }, at: "source.type" },
    { config: { source: { type: "oracle" }, target: {} }, at: "source.type" },
    { config: { source: { type: "duckdb" }, target: { type: "http" } }, at: "target.type" },
    { config: { source: { type: "duckdb" }, target: { type: "duckdb" } }, at: "source.query" },
    {
      config: { source: { type: "duckdb", query: "DROP TABLE x" }, target: { type: "duckdb" } },
      at: "source.query"
    },
    { config: { source: { type: "http" }, target: { type: "duckdb" } }, at: "source.url" },
    {
      config: { source: { type: "csv", path: "/etc/passwd" }, target: { type: "duckdb" } },
      at: "source.path"
    },
    { config: { source: { type: "postgres", port: "x" }, target: { type: "duckdb" } }, at: "source.port" },
    { config: { source: {}, target: {}, chunk_size: 0 }, at: "chunk_size" },
    { config: { source: {}, target: {}, mode: "destroy" }, at: "mode" },
    { config: { source: {}, target: {}, commit: "never" }, at: "commit" },
    {
      config: {
        source: { type: "duckdb", database: ":memory:", query: "SELECT 1 AS a" },
        target: { type: "csv" }
      },
      at: "target.path"
    }
  ],
  endless: () => ({
    source: pg({ query: "SELECT pg_sleep(0.01) FROM generate_series(1, 100000)" }),
    target: pg({ query: "SELECT :pg_sleep" })
  })
})

const everyType = `SELECT 1::int2 AS a_int2, 2 AS a_int4, 9223372036854775807 AS a_int8, 1.50::numeric(10,2) AS a_numeric,
  0.1::float4 AS a_float4, 0.1::float8 AS a_float8, true AS a_bool, 'x'::text AS a_text, '\\x00ff5c'::bytea AS a_bytea,
  '2024-02-29'::date AS a_date, '03:04:05.5'::time AS a_time, '2024-01-02 03:04:05.123456'::timestamp AS a_timestamp,
  '2024-01-02 03:04:05.5+02'::timestamptz AS a_timestamptz, '1 day 02:00'::interval AS a_interval,
  '6e9e2d1c-7c3c-4b6b-9b9b-000000000001'::uuid AS a_uuid, '{"a": [1, "x"]}'::jsonb AS a_json,
  ARRAY[1, NULL, 3] AS a_ints, ARRAY['a,b', '"', NULL, '\\'] AS a_texts
  UNION ALL SELECT ${Array.from({ length: 18 }, () => "NULL").join(", ")}`

testLayer(toolbox, { excludeTestServices: true })("TransferTool", (it) => {
  describe("from PostgreSQL to PostgreSQL", () => {
    it.effect("copies every row and says what it did", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE copied (n int, t text, extra text DEFAULT 'd')")
        progress.length = 0
        const { duration_ms, bytes, ...data } = yield* moved({
          source: pg({ query: "SELECT g AS n, 'row ' || g AS t FROM generate_series(1, 2500) g -- all" }),
          target: pg({ table: "public.copied" })
        })
        assert.deepStrictEqual<unknown>(data, {
          direction: "postgres_to_postgres",
          source_type: "postgres",
          target_type: "postgres",
          mode: "append",
          commit: "all",
          rows_transferred: 2500,
          rows_read: 2500,
          chunks_processed: 3,
          committed_rows: 2500,
          target_table: "public.copied",
          columns: ["n", "t"]
        })
        assert.isAbove(Number(bytes), 20_000)
        assert.isAtLeast(Number(duration_ms), 0)
        assert.deepStrictEqual(
          yield* query("SELECT count(*)::int AS n, sum(n)::int AS s, min(extra) AS e FROM copied"),
          [{ n: 2500, s: 3_126_250, e: "d" }]
        )
        assert.deepInclude(progress.at(-1), { rows: 2500, committedRows: 2500, target: "public.copied" })
      })
    )

    it.effect("keeps every type and every character", () =>
      Effect.gen(function* () {
        yield* query(`CREATE TABLE typed AS ${everyType} LIMIT 0; CREATE TABLE nasty (t text)`)
        yield* moved({ source: pg({ query: everyType }), target: pg({ table: "typed" }) })
        assert.deepStrictEqual(
          yield* query(`SELECT count(*)::int AS n FROM (${everyType} EXCEPT SELECT * FROM typed) d`),
          [{ n: 0 }]
        )
        yield* moved({
          source: pg({ query: "SELECT $1::text AS t", params: [nasty] }),
          target: pg({ table: "nasty" })
        })
        assert.deepStrictEqual(yield* query("SELECT t FROM nasty"), [{ t: nasty }])
      })
    )

    it.effect("maps columns, with constants, and lets the target's types decide", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE mapped (id bigint, doc jsonb, origin text, at timestamptz)")
        yield* moved({
          source: pg({
            query: "SELECT '7' AS \"Key\", '{\"a\": 1}'::text AS body, '2024-01-02'::text AS day"
          }),
          target: pg({ table: "mapped" }),
          mapping: { id: "Key", doc: "body", at: "day", origin: { value: "it's\ta \\ place" } }
        })
        assert.deepStrictEqual(yield* query("SELECT id, doc, origin, at::date::text AS at FROM mapped"), [
          { id: "7", doc: { a: 1 }, origin: "it's\ta \\ place", at: "2024-01-02" }
        ])
      })
    )

    it.effect("replaces, also by nothing, and makes a table on request", () =>
      Effect.gen(function* () {
        const to = { source: pg({ query: "SELECT g AS n FROM generate_series(1, 3) g" }), mode: "replace" }
        yield* moved({ ...to, target: pg({ table: "replaced", create_table: true }) })
        yield* moved({ ...to, target: pg({ table: "replaced" }) })
        assert.strictEqual(yield* count("replaced"), 3)
        const nothing = pg({ query: "SELECT 1 AS n WHERE false" })
        yield* moved({ source: nothing, target: pg({ table: "replaced" }), mode: "overwrite" })
        assert.strictEqual(yield* count("replaced"), 0)
      })
    )

    it.effect("makes no table unless it is asked to, at the target or beside it", () =>
      Effect.gen(function* () {
        const config = (name: string) => ({
          source: pg({ query: "SELECT 1 AS n" }),
          target: pg({ table: name })
        })
        const refused = yield* Effect.exit(transfer(config("unasked")))
        assert.include(JSON.stringify(refused), 'relation \\"unasked\\" does not exist')
        yield* moved({ ...config("asked_beside"), create_table: "true" })
        assert.strictEqual(yield* count("asked_beside"), 1)
        const both = { ...config("asked_twice"), create_table: true }
        const exit = yield* Effect.exit(
          transfer({ ...both, target: { ...both.target, create_table: false } })
        )
        assert.include(JSON.stringify(exit), 'relation \\"asked_twice\\" does not exist')
      })
    )

    it.effect("upserts, the last row of a key winning", () =>
      Effect.gen(function* () {
        yield* query(
          "CREATE TABLE upserted (k int PRIMARY KEY, v text, kept text); INSERT INTO upserted VALUES (1, 'old', 'k')"
        )
        const data = yield* moved({
          source: pg({ query: "VALUES (1, 'new'), (2, 'two'), (1, 'newest')" }),
          target: pg({ table: "upserted", mode: "upsert", key: "k" }),
          mapping: { k: "column1", v: "column2" }
        })
        assert.strictEqual(data["rows_transferred"], 3)
        assert.deepStrictEqual(yield* query("SELECT * FROM upserted ORDER BY k"), [
          { k: 1, v: "newest", kept: "k" },
          { k: 2, v: "two", kept: null }
        ])
      })
    )

    it.effect("runs a statement for each row", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE stated (k int, v text)")
        const source = pg({ query: "SELECT 1 AS k, $1::text AS v UNION ALL SELECT 2, NULL", params: [nasty] })
        const data = yield* moved({
          source,
          target: pg({ query: "INSERT INTO stated SELECT :k::int * 10, :v::text" })
        })
        yield* moved({ source, target: pg({ query: "INSERT INTO stated VALUES (%s::int, %s)" }) })
        assert.strictEqual(data["mode"], "custom")
        assert.deepStrictEqual(yield* query("SELECT * FROM stated ORDER BY k"), [
          { k: 1, v: nasty },
          { k: 2, v: null },
          { k: 10, v: nasty },
          { k: 20, v: null }
        ])
      })
    )

    it.effect("names a column that its statement wants and nobody has", () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(
          transfer({
            source: pg({ query: "SELECT 1 AS k" }),
            target: pg({ query: "SELECT $1::int, $7::int" })
          })
        )
        const result = Exit.isSuccess(exit) ? exit.value : undefined
        assert.include(result?.error?.message ?? String(exit), "no column for $7")
      })
    )

    it.effect(
      "runs a statement for 20,000 rows without waiting for each, and keeps none where one fails",
      () =>
        Effect.gen(function* () {
          yield* query("CREATE TABLE piped (k int PRIMARY KEY, v text)")
          const statement = (bad: string) => ({
            source: pg({ query: `SELECT ${bad} AS k, 'x' || g AS v FROM generate_series(1, 20000) g` }),
            target: pg({ query: "INSERT INTO piped VALUES (:k, :v) RETURNING *" })
          })
          yield* moved(statement("g"))
          assert.strictEqual(yield* count("piped"), 20_000)
          yield* query("TRUNCATE piped")
          const result = yield* transfer(statement("g % 15000"))
          assert.deepStrictEqual([result.error?.sqlstate, result.error?.kind], ["23505", "db_constraint"])
          yield* quiet
          assert.strictEqual(yield* count("piped"), 0)
        })
    )

    it.effect("goes both ways at once into one table", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE shared (k int PRIMARY KEY, v int)")
        const one = (v: number, order: string) =>
          moved({
            source: pg({
              query: `SELECT g AS k, ${v} AS v FROM generate_series(1, 20000) g ORDER BY g ${order}`
            }),
            target: pg({ table: "shared" }),
            mode: "upsert",
            keys: ["k"],
            commit: "chunk",
            chunk_size: 5000
          })
        yield* Effect.all([one(1, "ASC"), one(2, "ASC")], { concurrency: 2 })
        assert.strictEqual(yield* count("shared"), 20_000)
        const replace = (v: number) =>
          moved({
            source: pg({ query: `SELECT g AS k, ${v} AS v FROM generate_series(1, 5000) g` }),
            target: pg({ table: "shared" }),
            mode: "replace"
          })
        yield* Effect.all([replace(3), replace(4)], { concurrency: 2 })
        assert.deepStrictEqual(
          yield* query("SELECT count(*)::int AS n, count(DISTINCT v)::int AS v FROM shared"),
          [{ n: 5000, v: 1 }]
        )
      })
    )
  })

  describe("with transaction: none", () => {
    it.effect("keeps the chunks that came before a row that is refused", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE loose (n int CHECK (n < 25))")
        const result = yield* transfer({
          source: pg({ query: "SELECT g AS n FROM generate_series(1, 40) g" }),
          target: pg({ table: "loose" }),
          transaction: "none",
          chunk_size: 10
        })
        assert.strictEqual(result.status, "error")
        assert.deepInclude(dataOf(result), { commit: "chunk", committed_rows: 20, failed_chunk: 3 })
        assert.strictEqual(yield* count("loose"), 20)
      })
    )
  })

  describe("with secrets of DuckDB's", () => {
    const keys = { key_id: "AKIA", secret: "s3cret-key", database: "/elsewhere" }
    const credential = (type: string): Credential => ({ name: "lake", type, data: Redacted.make(keys) })
    const end = (table: string): JsonObject => ({
      type: "duckdb",
      database: join(folder, "lake.duckdb"),
      table
    })

    it.effect.each(["source", "source.lake", "target", "target.lake"])(
      "that are named at %s, an end says what it needs for them, and no secret",
      (name) =>
        Effect.gen(function* () {
          yield* duckdb(join(folder, "lake.duckdb"), "CREATE TABLE IF NOT EXISTS a AS SELECT 1 AS n")
          const exit = yield* Effect.exit(
            runTool(
              aCall(
                "transfer",
                { source: end("a"), target: end("b") },
                { auth: { primary: undefined, named: new Map([[name, credential("s3")]]) } }
              )
            )
          )
          assert.deepStrictEqual(invalidAt(exit), [`${name.split(".")[0]}.auth.lake`])
          assert.include(String(exit), "needs DuckDB's extension httpfs")
          assert.notInclude(String(exit), "s3cret-key")
        })
    )
  })

  describe("with on_error: skip", () => {
    const source = () =>
      pg({
        query: `SELECT g AS k, CASE WHEN g IN (1, 777, 2500) THEN 'x' ELSE g::text END AS v
                FROM generate_series(1, 2500) g UNION ALL SELECT 5, '5'`
      })

    it.effect.each<readonly [string, string, string]>([
      ["postgres", "append", "CREATE TABLE skip_append (k int PRIMARY KEY, v int)"],
      ["postgres", "upsert", "CREATE TABLE skip_upsert (k int PRIMARY KEY, v int CHECK (k <> 5))"],
      ["postgres", "replace", "CREATE TABLE skip_replace (k int PRIMARY KEY, v int)"],
      ["duckdb", "append", "CREATE TABLE skip_append (k int PRIMARY KEY, v int)"],
      ["duckdb", "replace", "CREATE TABLE skip_replace (k int PRIMARY KEY, v int)"]
    ])("keeps every row that a target takes, and says which it does not: %s, %s", ([type, mode, make]) =>
      Effect.gen(function* () {
        const database = join(folder, "skip.duckdb")
        const run = (sql: string) => (type === "duckdb" ? duckdb(database, sql) : query(sql))
        const table = `skip_${mode}`
        yield* run(`${make}; INSERT INTO ${table} VALUES (9999, 9)`)
        const data = yield* moved({
          source: source(),
          target: type === "duckdb" ? { type, database, table } : pg({ table }),
          mode,
          key: "k",
          on_error: "skip",
          chunk_size: 600
        })
        const bad = mode === "upsert" ? [1, 5, 777, 2500, 2501] : [1, 777, 2500, 2501]
        assert.deepInclude(data, {
          skipped_rows: bad.length,
          rows_transferred: 2501 - bad.length,
          rows_read: 2501
        })
        const said = data["skipped"] as ReadonlyArray<{ readonly row: number; readonly message: string }>
        assert.deepStrictEqual(
          said.map(({ row }) => row),
          bad
        )
        assert.isTrue(said.every(({ message }) => message.length > 10))
        const found = (yield* run(
          `SELECT k FROM ${table} WHERE k IN (1, 2, 5, 777, 778, 2500, 9999) ORDER BY k`
        )) as unknown
        const there =
          mode === "upsert" ? [2, 778, 9999] : mode === "replace" ? [2, 5, 778] : [2, 5, 778, 9999]
        assert.deepStrictEqual(
          found,
          there.map((k) => ({ k }))
        )
      })
    )

    it.effect("goes on to fail where it is not the rows, and where nothing can be kept in part", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE skip_fails (k int, v int)")
        const skip = (config: JsonObject) =>
          transfer({ source: source(), target: pg({ table: "skip_fails" }), on_error: "skip", ...config })
        assert.deepStrictEqual(invalidAt(yield* Effect.exit(skip({ commit: "all" }))), ["on_error"])
        const file = yield* skip({ target: { type: "csv", path: join(folder, "skip.csv") } })
        assert.strictEqual(file.status, "error")
        const broken = yield* skip({
          source: pg({ query: "SELECT g AS k, 1 / (g - 900) AS v FROM generate_series(1, 2000) g" }),
          chunk_size: 400
        })
        assert.strictEqual(broken.error?.sqlstate, "22012")
        assert.deepInclude(dataOf(broken), { committed_rows: 800, skipped_rows: 0 })
        yield* quiet
        assert.strictEqual(yield* count("skip_fails"), 800)
      })
    )
  })

  describe("that fails", () => {
    const slow =
      "SELECT g AS n, repeat('x', 4000) || pg_sleep(0.001)::text AS x FROM generate_series(1, 100000) g"
    const failing = (bad: string, commit: string) => ({
      source: pg({
        query: `SELECT CASE WHEN g = 2500 THEN ${bad} ELSE g::text END AS n FROM generate_series(1, 5000) g`
      }),
      commit,
      chunk_size: 1000
    })

    it.effect("keeps nothing with commit: all", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE none_kept (n int)")
        const result = yield* transfer({ ...failing("'x'", "all"), target: pg({ table: "none_kept" }) })
        assert.strictEqual(result.status, "error")
        assert.deepStrictEqual([result.error?.sqlstate, result.error?.retryable], ["22P02", false])
        assert.deepInclude(dataOf(result), { committed_rows: 0, rows_transferred: 0 })
        assert.include(String(dataOf(result)["resume"]), "nothing was kept")
        yield* quiet
        assert.strictEqual(yield* count("none_kept"), 0)
      })
    )

    it.effect("keeps the chunks before with commit: chunk, and says how many", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE some_kept (n int)")
        const result = yield* transfer({ ...failing("'x'", "chunk"), target: pg({ table: "some_kept" }) })
        assert.deepInclude(dataOf(result), { committed_rows: 2000, failed_chunk: 3 })
        assert.include(String(dataOf(result)["resume"]), "2000 rows")
        yield* quiet
        assert.strictEqual(yield* count("some_kept"), 2000)
      })
    )

    it.effect("in the source's query in the middle is the source's error", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE source_failed (n text)")
        const result = yield* transfer({
          ...failing("(1 / (g - 2500))::text", "all"),
          target: pg({ table: "source_failed" })
        })
        assert.strictEqual(result.error?.sqlstate, "22012")
        yield* quiet
        assert.strictEqual(yield* count("source_failed"), 0)
      })
    )

    it.effect("because a backend was killed can be tried again and leaves nothing open", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE killed (n int, x text)")
        for (const end of ["source", "target"]) {
          const fiber = yield* Effect.forkChild(
            transfer({
              source: pg({ query: slow }),
              target: pg({ table: "killed" })
            }),
            { startImmediately: true }
          )
          const kill = query(
            `SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity WHERE application_name = 'noetl-worker transfer ${end}' AND query LIKE 'COPY%'`
          )
          yield* until(kill, (rows) => rows.length > 0)
          const { error } = yield* Fiber.join(fiber)
          assert.deepStrictEqual([error?.kind, error?.retryable], ["db_connection", true], error?.message)
          yield* quiet
        }
        assert.strictEqual(yield* count("killed"), 0)
      })
    )

    it.effect("because two append what only one may leaves all rows of one and none of the other", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE contended (k int PRIMARY KEY, who int)")
        const one = (who: number) =>
          transfer({
            source: pg({ query: `SELECT g AS k, ${who} AS who FROM generate_series(1, 20000) g` }),
            target: pg({ table: "contended" })
          })
        const results = yield* Effect.all([one(1), one(2)], { concurrency: 2 })
        assert.deepStrictEqual(results.map(({ status }) => status).toSorted(), ["error", "success"])
        assert.deepStrictEqual(
          results.flatMap(({ error }) => (error === undefined ? [] : [error.sqlstate])),
          ["23505"]
        )
        yield* quiet
        assert.deepStrictEqual(
          yield* query("SELECT count(*)::int AS n, count(DISTINCT who)::int AS who FROM contended"),
          [{ n: 20_000, who: 1 }]
        )
      })
    )

    it.effect("because of a zero byte is the target's error, and nothing is cut", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE zeroes (t text)")
        const result = yield* transfer({
          source: { type: "duckdb", database: ":memory:", query: "SELECT 'a' || chr(0) || 'b' AS t" },
          target: pg({ table: "zeroes" })
        })
        assert.deepStrictEqual([result.error?.sqlstate, result.error?.retryable], ["22021", false])
        yield* quiet
        assert.strictEqual(yield* count("zeroes"), 0)
      })
    )

    it.effect.skipIf(!canMount)("because the server's disk is full keeps nothing, and says so", () =>
      Effect.gen(function* () {
        const disk = yield* Effect.acquireRelease(
          Effect.sync(() => {
            const path = join(server.current.folder, "tiny")
            mkdirSync(path)
            execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", path])
            execFileSync("chown", ["postgres", path])
            return path
          }),
          (path) =>
            Effect.andThen(
              Effect.andThen(query("DROP TABLE IF EXISTS filled"), query("DROP TABLESPACE IF EXISTS tiny")),
              Effect.sync(() => execFileSync("umount", [path]))
            )
        )
        yield* query(`CREATE TABLESPACE tiny LOCATION '${disk}'`)
        yield* query("CREATE TABLE filled (t text) TABLESPACE tiny")
        const result = yield* transfer({
          source: pg({ query: "SELECT repeat(md5(g::text), 30) AS t FROM generate_series(1, 20000) g" }),
          target: pg({ table: "filled" })
        })
        assert.deepStrictEqual([result.error?.sqlstate, result.error?.kind], ["53100", "storage_quota"])
        assert.deepInclude(dataOf(result), { committed_rows: 0 })
        yield* quiet
        assert.strictEqual(yield* count("filled"), 0)
        // The server goes on.
        yield* query("DROP TABLE filled")
        yield* query("CREATE TABLE filled (t text) TABLESPACE tiny; INSERT INTO filled VALUES ('x')")
        assert.strictEqual(yield* count("filled"), 1)
      }).pipe(Effect.scoped)
    )

    it.effect("because it was interrupted leaves what its commits say and no connection busy", () =>
      Effect.gen(function* () {
        yield* query("CREATE TABLE stopped (n int, x text)")
        for (const [commit, chunk] of [
          ["all", 1000],
          ["chunk", 10]
        ] as const) {
          progress.length = 0
          const fiber = yield* Effect.forkChild(
            transfer({
              source: pg({ query: slow }),
              target: pg({ table: "stopped" }),
              commit,
              chunk_size: chunk
            }),
            { startImmediately: true }
          )
          yield* until(
            Effect.sync(() => progress.at(-1)),
            (one) => one !== undefined && (commit === "all" ? one.rows : one.committedRows) > 0
          )
          yield* Fiber.interrupt(fiber)
          yield* quiet
          const kept = Number(yield* count("stopped"))
          if (commit === "all") assert.strictEqual(kept, 0)
          else {
            assert.isAbove(kept, 0)
            assert.strictEqual(kept % 10, 0)
          }
        }
      })
    )

    it.effect("many times has as many connections open as before", () =>
      Effect.gen(function* () {
        const pools = yield* Pools
        yield* query("CREATE TABLE leaky (n int)")
        const good = transfer({ source: pg({ query: "SELECT 1 AS n" }), target: pg({ table: "leaky" }) })
        yield* Effect.all(
          Array.from({ length: 12 }, () => good),
          { concurrency: 4 }
        )
        const before = yield* pools.open
        const bad = transfer({ ...failing("'x'", "chunk"), target: pg({ table: "leaky" }) })
        const results = yield* Effect.all(
          Array.from({ length: 20 }, () => bad),
          { concurrency: 4 }
        )
        assert.isTrue(results.every((result) => result.status === "error"))
        yield* quiet
        assert.isAtMost(yield* pools.open, before)
      })
    )

    it.effect.each<readonly [string, () => JsonObject, string]>([
      [
        "a column that the target lacks",
        () => ({ source: pg({ query: "SELECT 1 AS zz" }), target: pg({ table: "pg_am" }) }),
        "mapping"
      ],
      [
        "a column that the source lacks",
        () => ({
          source: pg({ query: "SELECT 1 AS a" }),
          target: pg({ table: "pg_am" }),
          mapping: { oid: "b" }
        }),
        "mapping.oid"
      ],
      [
        "a key that is no column",
        () => ({
          source: pg({ query: "SELECT 1 AS oid" }),
          target: pg({ table: "pg_am" }),
          mode: "upsert",
          key: "k"
        }),
        "key"
      ],
      [
        "an upsert without keys",
        () => ({ source: pg({ query: "SELECT 1 AS oid" }), target: pg({ table: "pg_am" }), mode: "upsert" }),
        "key"
      ]
    ])("before it begins says where: %s", ([, config, at]) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(invalidAt(yield* Effect.exit(transfer(config()))), [at])
      })
    )

    it.effect("never says a password", () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(
          transfer({
            source: {
              type: "postgres",
              connection: "postgresql://u:s3cret-wrong@127.0.0.1:1/x",
              query: "SELECT 1"
            },
            target: pg({ table: "pg_am" })
          })
        )
        const error = Exit.findErrorOption(exit)
        assert.strictEqual(error._tag, "Some")
        assert.notInclude(stringify(error), "s3cret-wrong")
      })
    )
  })

  describe("with DuckDB", () => {
    it.effect("takes every type there and back", () =>
      Effect.gen(function* () {
        const database = join(folder, "types.duckdb")
        yield* moved({
          source: pg({ query: everyType }),
          target: { type: "duckdb", database, table: "types" }
        })
        assert.deepStrictEqual(
          yield* duckdb(
            database,
            "SELECT column_type FROM (DESCRIBE types) WHERE column_name IN ('a_int8', 'a_numeric', 'a_bytea', 'a_ints', 'a_json', 'a_timestamptz')"
          ),
          ["BIGINT", "VARCHAR", "BLOB", "TIMESTAMP WITH TIME ZONE", "JSON", "INTEGER[]"].map(
            (column_type) => ({ column_type })
          )
        )
        yield* query(`CREATE TABLE back AS ${everyType} LIMIT 0`)
        yield* moved({ source: { type: "duckdb", database, table: "types" }, target: pg({ table: "back" }) })
        assert.deepStrictEqual(yield* query(`SELECT * FROM (${everyType}) a EXCEPT SELECT * FROM back`), [])
        assert.strictEqual(yield* count("back"), 2)
      })
    )

    it.effect("takes every character there and back", () =>
      Effect.gen(function* () {
        const database = join(folder, "nasty.duckdb")
        const all = `SELECT n, chr(n) || 'x' || chr(n) AS t FROM generate_series(1, 300) n UNION ALL SELECT 1000, '' UNION ALL SELECT 1001, NULL`
        yield* query(
          `CREATE TABLE chars (n int, t text); CREATE TABLE chars_back (n int, t text); INSERT INTO chars ${all}`
        )
        yield* moved({ source: pg({ table: "chars" }), target: { type: "duckdb", database, table: "chars" } })
        yield* moved({
          source: { type: "duckdb", database, table: "chars" },
          target: pg({ table: "chars_back" })
        })
        assert.deepStrictEqual(yield* query("SELECT * FROM chars EXCEPT SELECT * FROM chars_back"), [])
        assert.strictEqual(yield* count("chars_back"), 302)
      })
    )

    it.effect("runs a statement for each row, with values of their types", () =>
      Effect.gen(function* () {
        const database = join(folder, "own.duckdb")
        yield* duckdb(
          database,
          "CREATE TABLE own (k INT, n BIGINT, f DOUBLE, b BOOLEAN, x BLOB, d DATE, t VARCHAR)"
        )
        const data = yield* moved({
          source: pg({
            query: `SELECT g AS k, g::int8 * 1000000007 AS n, g / 2.0::float8 AS f, g % 2 = 0 AS b, '\\x00ff'::bytea AS x,
                      date '2024-02-29' AS d, CASE WHEN g = 2 THEN NULL ELSE $1::text END AS t
                    FROM generate_series(1, 3000) g`,
            params: [nasty]
          }),
          target: {
            type: "duckdb",
            database,
            query: "INSERT INTO own SELECT :k + 1, :n, :f, :b, :x, :d, :t WHERE :k <> 3"
          }
        })
        assert.deepInclude(data, { mode: "custom", rows_transferred: 3000 })
        assert.deepStrictEqual<unknown>(
          yield* duckdb(
            database,
            "SELECT count(*) AS rows, sum(k) AS k, max(n) AS n, max(f)::INT AS f, count(*) FILTER (b) AS b, max(hex(x)) AS x, max(d) AS d, max(t) AS t, count(t) AS ts FROM own"
          ),
          [
            {
              rows: 2999,
              k: 4_504_496,
              n: 3_000_000_021_000,
              f: 1500,
              b: 1500,
              x: "00FF",
              d: "2024-02-29",
              t: nasty,
              ts: 2998
            }
          ]
        )
      })
    )

    it.effect("runs no statement that writes to a link out of the allowed directories", () =>
      Effect.gen(function* () {
        const end = `${folder}-end.csv`
        const link = join(folder, "link.csv")
        yield* Effect.acquireRelease(
          Effect.sync(() => symlinkSync(end, link)),
          () => Effect.sync(() => rmSync(link))
        )
        const into = (statement: string) =>
          transfer({
            source: pg({ query: "SELECT 1 AS a" }),
            target: { type: "duckdb", database: ":memory:", query: statement }
          })
        const exit = yield* Effect.exit(into(`COPY (SELECT :a) TO ('${folder}/link' || '.csv')`))
        assert.deepStrictEqual([invalidAt(exit), existsSync(end)], [["target.query"], false])
        const zero = yield* into("SELECT :a\0")
        assert.include(zero.error?.message, "zero byte")
      })
    )

    it.effect("appends, replaces, upserts and keeps chunks", () =>
      Effect.gen(function* () {
        const database = join(folder, "modes.duckdb")
        const target = { type: "duckdb", database, table: "m" }
        const rows = (n: number) =>
          pg({ query: `SELECT g AS k, 'v' || g AS v FROM generate_series(1, ${n}) g` })
        yield* duckdb(database, "CREATE TABLE m (k INTEGER PRIMARY KEY, v VARCHAR)")
        yield* moved({ source: rows(2500), target })
        yield* moved({
          source: pg({ query: "VALUES (1, 'a'), (9999, 'b'), (1, 'c')" }),
          target,
          mode: "upsert",
          key: "k",
          mapping: { k: "column1", v: "column2" }
        })
        assert.deepStrictEqual(
          yield* duckdb(database, "SELECT count(*) AS n, min(v) FILTER (k = 1) AS v FROM m"),
          [{ n: 2501, v: "c" }]
        )
        yield* moved({ source: rows(10), target, mode: "replace" })
        assert.deepStrictEqual(yield* duckdb(database, "SELECT count(*) AS n FROM m"), [{ n: 10 }])
        const bad = {
          source: pg({
            query:
              "SELECT CASE g WHEN 250 THEN 'x' ELSE (g + 100)::text END AS k FROM generate_series(1, 500) g"
          }),
          target,
          chunk_size: 100
        }
        const all = yield* transfer(bad)
        assert.strictEqual(dataOf(all)["committed_rows"], 0)
        assert.deepStrictEqual(yield* duckdb(database, "SELECT count(*) AS n FROM m"), [{ n: 10 }])
        const some = yield* transfer({ ...bad, commit: "chunk" })
        assert.strictEqual(dataOf(some)["committed_rows"], 200)
        assert.deepStrictEqual(yield* duckdb(database, "SELECT count(*) AS n FROM m"), [{ n: 210 }])
      })
    )
  })

  describe("with files", () => {
    it.effect.each(["csv", "parquet", "jsonl"])("writes and reads %s", (format) =>
      Effect.gen(function* () {
        const path = join(folder, `rows.${format}`)
        const rows = pg({
          query:
            "SELECT g AS n, 'x,\"' || g AS t, g * 1.5 AS d, NULL::text AS e FROM generate_series(1, 5000) g"
        })
        yield* moved({ source: rows, target: { type: "file", path } })
        yield* moved({ source: rows, target: { type: format, path } })
        yield* query(`CREATE TABLE from_${format} (n int, t text, d numeric, e text)`)
        yield* moved({ source: { type: "file", path }, target: pg({ table: `from_${format}` }) })
        assert.deepStrictEqual(
          yield* query(
            `SELECT count(*)::int AS n, sum(n)::int AS s, min(t) AS t, count(e)::int AS e, max(d)::text AS d FROM from_${format}`
          ),
          [
            {
              n: 10_000,
              s: 25_005_000,
              t: 'x,"1',
              e: 0,
              d: "7500.0"
            }
          ]
        )
      })
    )

    it.effect("takes text as it is written, and its type from the target", () =>
      Effect.gen(function* () {
        const csv = join(folder, "written.csv")
        writeFileSync(csv, 'at,day,d,t,e\n2024-01-02T03:04:05+05:30,infinity,1.10,"",\n')
        const jsonl = join(folder, "written.jsonl")
        writeFileSync(
          jsonl,
          '{"at":"2024-01-02T03:04:05+05:30","day":"infinity","d":"1.10","t":"","e":null}\n'
        )
        yield* query("CREATE TABLE written (at timestamptz, day date, d text, t text, e text)")
        for (const path of [csv, jsonl])
          yield* moved({ source: { type: "file", path }, target: pg({ table: "written" }) })
        const row = { at: "2024-01-01 21:34:05", day: "infinity", d: "1.10", t: "", e: null }
        assert.deepStrictEqual(
          yield* query(`SELECT (at AT TIME ZONE 'UTC')::text AS at, day::text AS day, d, t, e FROM written`),
          [row, row]
        )
      })
    )

    it.effect.each<readonly [string, string, string]>([
      ["csv", 'b,a\n"1.10",  x  \n', 'b,a\n"1.10",  x  \n2,new\n'],
      ["csv", "b,a\n01,", "b,a\n01,\n2,new\n"],
      ["jsonl", '{"b": 1.10, "z": "2024-01-01"}\n', '{"b": 1.10, "z": "2024-01-01"}\n{"a":"new","b":2}\n'],
      ["json", '[ {"b": 1.10} ]\n', '[ {"b": 1.10},\n\t{"a":"new","b":2}\n]\n'],
      ["json", "[]", '[\n\t{"a":"new","b":2}\n]\n']
    ])("appends to %s and leaves the rows that are there as they are", ([format, before, after]) =>
      Effect.gen(function* () {
        const path = join(folder, `appended.${format}`)
        writeFileSync(path, before)
        const rows = pg({ query: "SELECT 'new' AS a, 2 AS b" })
        yield* moved({ source: rows, target: { type: "file", path } })
        assert.strictEqual(readFileSync(path, "utf8"), after)
      })
    )

    it.effect.each(["jsonl", "json"])("keeps every digit and every member of %s", (format) =>
      Effect.gen(function* () {
        const path = join(folder, `digits.${format}`)
        const digits = "12345678901234567890.1234567890"
        const rows = [
          String.raw`{"d": 1.10, "D": 2e0, "n": ${digits}, "t": "1.10 \"2.50\", -3", "a/b~": "\\", "j": {"x 1.10": [1.10, "1.10"]}}`,
          String.raw`{"d": null, "n": -0.0, "t": "", "late": "ü 😀"}`
        ]
        writeFileSync(path, format === "json" ? `[${rows.join(",\n")}]` : rows.join("\n"))
        const made = `file_digits_${format}`
        yield* query(
          `CREATE TABLE ${made} (d numeric, d_1 text, n numeric, t text, "a/b~" text, j json, late text)`
        )
        yield* moved({ source: { type: "file", path }, target: pg({ table: made }) })
        assert.deepStrictEqual(
          yield* query(
            `SELECT d::text AS d, d_1, n::text AS n, t, "a/b~" AS k, j::text AS j, late FROM ${made}`
          ),
          [
            {
              d: "1.10",
              d_1: "2e0",
              n: digits,
              t: '1.10 "2.50", -3',
              k: "\\",
              j: '{"x 1.10":[1.10,"1.10"]}',
              late: null
            },
            { d: null, d_1: null, n: "0.0", t: "", k: null, j: null, late: "ü 😀" }
          ]
        )
      })
    )

    it.effect.each<readonly [string, string]>([
      ["csv", ""],
      ["csv", "a\n"],
      ["jsonl", ""],
      ["json", "[]"]
    ])("moves no row of an empty %s", ([format, text]) =>
      Effect.gen(function* () {
        const path = join(folder, `empty.${format}`)
        writeFileSync(path, text)
        yield* query("CREATE TABLE IF NOT EXISTS from_empty (a int)")
        const data = yield* moved({ source: { type: "file", path }, target: pg({ table: "from_empty" }) })
        assert.strictEqual(data["rows_transferred"], 0)
      })
    )

    it.effect("writes what its name says is compressed compressed, and appends nothing to it", () =>
      Effect.gen(function* () {
        for (const [name, magic] of [
          ["rows.csv.gz", "1f8b"],
          ["rows.jsonl.zst", "28b52ffd"]
        ] as const) {
          const path = join(folder, name)
          const config = { source: pg({ query: "SELECT 7 AS n, 'x' AS t" }), target: { type: "file", path } }
          yield* moved(config)
          const written = readFileSync(path)
          assert.isTrue(written.toString("hex").startsWith(magic))
          const read = yield* duckdb(":memory:", `SELECT n, t FROM '${path}'`)
          assert.deepStrictEqual(stringify(read), '[{"n":7,"t":"x"}]')
          const again = yield* transfer(config)
          assert.include(again.error?.message, `${path} is compressed as a whole and takes no more rows`)
          assert.deepStrictEqual(readFileSync(path), written)
          yield* moved({ ...config, mode: "replace" })
        }
      })
    )

    it.effect("appends no column that a file does not have", () =>
      Effect.gen(function* () {
        const path = join(folder, "narrow.csv")
        writeFileSync(path, "a\n1\n")
        const result = yield* Effect.result(
          transfer({ source: pg({ query: "SELECT 1 AS a, 2 AS more" }), target: { type: "file", path } })
        )
        assert.include(JSON.stringify(result), "has no column more")
        assert.strictEqual(readFileSync(path, "utf8"), "a\n1\n")
      })
    )

    it.effect.skipIf(!canMount)("keeps the old file when the disk is full, and says so", () =>
      Effect.gen(function* () {
        const small = yield* Effect.acquireRelease(
          Effect.sync(() => {
            const path = mkdtempSync(join(folder, "small-"))
            execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path])
            return path
          }),
          (path) => Effect.sync(() => execFileSync("umount", [path]))
        )
        const path = join(small, "full.csv")
        writeFileSync(path, "n\n1\n")
        const result = yield* transfer({
          source: pg({ query: "SELECT md5(g::text) AS n FROM generate_series(1, 200000) g" }),
          target: { type: "csv", path },
          mode: "replace"
        })
        assert.deepStrictEqual(
          [result.error?.kind, result.error?.code],
          ["storage_quota", "DUCKDB_DISK_FULL"]
        )
        assert.deepStrictEqual([readFileSync(path, "utf8"), readdirSync(small)], ["n\n1\n", ["full.csv"]])
      })
    )

    it.effect("leaves a file as it was when it fails", () =>
      Effect.gen(function* () {
        const path = join(folder, "kept.csv")
        writeFileSync(path, "n\n1\n")
        const result = yield* transfer({
          source: pg({ query: "SELECT 1 / (g - 500) AS n FROM generate_series(1, 1000) g" }),
          target: { type: "csv", path },
          mode: "replace"
        })
        assert.strictEqual(result.error?.sqlstate, "22012")
        assert.strictEqual(readFileSync(path, "utf8"), "n\n1\n")
      })
    )
  })

  describe("from HTTP", () => {
    const items = Array.from({ length: 35 }, (_, i) => ({
      id: i + 1,
      title: `it's ${i} \t;`,
      tags: ["a", `"${i}`],
      meta: { n: i }
    }))
    const table = (name: string) =>
      query(
        `CREATE TABLE ${name} (id int, title text, tags text[], meta jsonb, at timestamptz DEFAULT now())`
      )

    it.effect.each<readonly [string, JsonObject, number]>([
      ["page", { type: "page", size: 10, size_param: "size" }, 4],
      ["offset", { type: "offset", size: 10, size_param: "size" }, 4],
      ["cursor", { type: "cursor", next_path: "next", param: "offset" }, 4],
      ["next_url", { type: "next_url", next_path: "url" }, 4],
      ["link", { type: "link" }, 4]
    ])("reads all pages: %s", ([name, pagination, pages]) =>
      Effect.gen(function* () {
        const stub = yield* HttpStub.make(({ query: asked }, response) => {
          const start = asked.has("page")
            ? (Number(asked.get("page")) - 1) * 10
            : Number(asked.get("offset") ?? 0)
          const next = start + 10
          const url = next < items.length ? `/items?offset=${next}` : null
          response.setHeader("content-type", "application/json")
          if (url !== null) response.setHeader("link", `<${url}>; rel="next"`)
          response.end(
            JSON.stringify({
              result: { items: items.slice(start, next) },
              next: url === null ? null : next,
              url
            })
          )
        })
        yield* table(`http_${name}`)
        const data = yield* moved({
          source: { type: "http", url: `${stub.url}/items`, data_path: "result.items", pagination },
          target: pg({ table: `http_${name}` })
        })
        assert.deepInclude(data, { direction: "http_to_postgres", rows_transferred: 35, chunks_processed: 1 })
        assert.strictEqual(stub.asked.length, pages)
        assert.deepStrictEqual(
          yield* query(
            `SELECT count(*)::int AS n, sum(id)::int AS s, max(tags[2]) AS t, max(meta->>'n') AS m, count(at)::int AS at FROM http_${name}`
          ),
          [{ n: 35, s: 630, t: '"9', m: "9", at: 35 }]
        )
      })
    )

    it.effect("keeps every digit of a decimal, and an integer that is written as one", () =>
      Effect.gen(function* () {
        const digits = "123456789012345678901234567890.123456789012345678901234567890"
        const rows = `[{"d": 1.10, "n": 20.0, "f": 1e2, "t": 1.50, "l": [2.0, 3], "m": [1.10], "j": {"x": 1.10}},
          {"d": ${digits}, "n": 9007199254740993, "f": 0.1, "t": "1.50", "l": null, "m": null, "j": -0.0}]`
        const stub = yield* HttpStub.make((_, response) => void response.end(rows))
        yield* query(
          "CREATE TABLE digits (d numeric, n int8, f float8, t text, l int[], m numeric[], j json)"
        )
        const source = { type: "http", url: `${stub.url}/` }
        yield* moved({ source, target: pg({ table: "digits" }) })
        const texts = "d::text, n::text, f::text, t, l::text, m::text, j::text"
        assert.deepStrictEqual(yield* query(`SELECT ${texts} FROM digits`), [
          { d: "1.10", n: "20", f: "100", t: "1.50", l: "{2,3}", m: "{1.10}", j: '{"x":1.10}' },
          { d: digits, n: "9007199254740993", f: "0.1", t: "1.50", l: null, m: null, j: "-0.0" }
        ])
        yield* moved({ source, target: pg({ table: "digits_made" }), create_table: true })
        assert.deepStrictEqual(
          yield* query("SELECT pg_typeof(d)::text AS d, max(d)::text AS max FROM digits_made GROUP BY 1"),
          [{ d: "numeric", max: digits }]
        )
      })
    )

    it.effect("maps paths, and fails where the answer is not what was meant", () =>
      Effect.gen(function* () {
        const stub = yield* HttpStub.make(({ path }, response) => {
          if (path === "/bad") response.statusCode = 503
          response.end(
            path === "/text"
              ? "<html>"
              : JSON.stringify(path === "/zero" ? [{ id: 1, title: "a\0b" }] : items)
          )
        })
        yield* table("http_mapped")
        const to = { target: pg({ table: "http_mapped", mapping: { id: "id", title: "meta.n" } }) }
        yield* moved({ ...to, source: { tool: "http", endpoint: `${stub.url}/` } })
        assert.strictEqual(yield* count("http_mapped WHERE title = (id - 1)::text"), 35)
        const failures = yield* Effect.forEach(["bad", "text", "zero"], (path) =>
          Effect.exit(
            transfer({
              ...to,
              source: { type: "http", url: `${stub.url}/${path}` },
              mapping: { id: "id", title: "title" }
            })
          )
        )
        const kinds = failures.map((exit) => {
          if (Exit.isSuccess(exit)) return [exit.value.error?.kind, exit.value.error?.sqlstate]
          const error = Exit.findErrorOption(exit)
          return error._tag === "Some" && error.value instanceof ToolError ? [error.value.failure.kind] : []
        })
        assert.deepStrictEqual<unknown>(kinds, [["server_error"], ["parse"], ["db_error", "22021"]])
        assert.strictEqual(yield* count("http_mapped"), 35)
      })
    )
  })
})

describe("TransferTool, when it ends", () => {
  it.live("closes every connection and leaves no file", () =>
    Effect.gen(function* () {
      yield* query("CREATE TABLE ended (n int)")
      yield* transfer({ source: pg({ query: "SELECT 1 AS n" }), target: pg({ table: "ended" }) }).pipe(
        Effect.provide(toolbox, { local: true })
      )
      yield* until(
        Effect.suspend(() => server.current.connections),
        (n) => n === 0
      )
      assert.strictEqual(yield* Effect.suspend(() => server.current.connections), 0)
      assert.isTrue(existsSync(folder))
    })
  )
})
