/** The SQL of real playbooks, command after command, as their steps would send it. */
import { assert, layer as testLayer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parse } from "yaml"
import { isObject, type Json, type JsonObject } from "../../../src/domain/Json.ts"
import type { ToolResult } from "../../../src/domain/ToolResult.ts"
import { Template } from "../../../src/template/Template.ts"
import { aCall, runTool } from "../../../src/testing/suites/ToolSuite.ts"
import { DuckdbTool } from "../../../src/tools/DuckdbTool.ts"
import { PostgresTool } from "../../../src/tools/PostgresTool.ts"
import { ScriptSourceOptions } from "../../../src/tools/python/ScriptSource.ts"
import { Toolbox } from "../../../src/tools/Toolbox.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { DuckdbOptions } from "../../../src/tools/duckdb/DuckdbOptions.ts"
import { serverOfFile } from "../../support/PostgresServer.ts"

const server = serverOfFile()
const folder = fileURLToPath(new URL("./playbooks", import.meta.url))
/** Files that playbooks name, shared with the comparison. */
const scripts = fileURLToPath(new URL("../../fixtures/playbooks/script_execution", import.meta.url))
const toolbox = Toolbox.layer(PostgresTool, DuckdbTool).pipe(
  Layer.provide([PostgresTool.layer, DuckdbTool.layer]),
  Layer.provide([EgressOptions.layerDevelopment, DuckdbOptions.layerDevelopment]),
  Layer.provide(
    Layer.succeed(ScriptSourceOptions, { root: scripts, maxBytes: 1_000_000, timeout: Duration.seconds(5) })
  ),
  Layer.merge(Template.layer)
)

const execution_id = "613000000000000001"

interface Step {
  readonly step: string
  readonly tool: JsonObject | ReadonlyArray<JsonObject>
}

/** Every SQL tool of a playbook, in the order in which they stand there, with the step's name. */
const toolsOf = (file: string) => {
  const playbook = parse(readFileSync(`${folder}/${file}.yaml`, "utf8")) as {
    readonly workload?: JsonObject
    readonly workflow: ReadonlyArray<Step>
  }
  const tools = playbook.workflow.flatMap(({ step, tool }) =>
    (Array.isArray(tool) ? (tool as ReadonlyArray<JsonObject>) : [tool as JsonObject])
      .filter((one) => one["kind"] === "postgres" || one["kind"] === "duckdb")
      .map((one) => ({ step, tool: one }))
  )
  return { workload: playbook.workload ?? {}, tools }
}

/** Runs them all; `values` stand for what other steps would have set. */
const playbook = (file: string, values: JsonObject = {}) =>
  Effect.gen(function* () {
    const template = yield* Template
    const { tools, workload } = toolsOf(file)
    const results = new Map<string, ToolResult>()
    for (const { step, tool } of tools) {
      const { auth: _, credential: __, ...config } = tool
      const rendered = (yield* template.render(config, {
        layers: [{ execution_id, ...values }, workload]
      })) as JsonObject
      const kind = String(tool["kind"])
      const settings = kind === "postgres" ? server.current.settings : {}
      results.set(step, yield* runTool(aCall(kind, { ...settings, ...rendered }, { step })))
    }
    return (step: string) => {
      const result = results.get(step)
      const data = result?.data
      return { result, data: data !== undefined && isObject(data) ? data : {} }
    }
  })
const query = (sql: string) => Effect.suspend(() => server.current.query(sql))
const rows = (value: Json | undefined) => value as ReadonlyArray<JsonObject>

testLayer(toolbox, { excludeTestServices: true })("The SQL of the playbook", (it) => {
  it.effect("provision_auth_schema makes its tables and counts them", () =>
    Effect.gen(function* () {
      const at = yield* playbook("provision_auth_schema")
      const command = at("verify_schema").data["command_0"] as JsonObject
      assert.deepStrictEqual<unknown>(rows(command["rows"])[0], {
        table_count: 8,
        role_count: 4,
        permission_count: 7
      })
    })
  )

  it.effect("broken_sql is an error of syntax, in its line", () =>
    Effect.gen(function* () {
      const { result } = (yield* playbook("broken_sql"))("verify_pg_data")
      assert.strictEqual(result?.error?.sqlstate, "42601")
      assert.deepInclude(result?.error?.detail, { line: 3 })
    })
  )

  it.effect("duckdb_test answers with the rows of its last statement", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>((yield* playbook("duckdb_test"))("start").data["rows"], [
        { name: "Alice", age: 30 },
        { name: "Charlie", age: 35 }
      ])
    })
  )

  it.effect.each(["json_serialization_save", "json_serialization_save_rules"])(
    "%s gets its JSON back",
    (file) =>
      Effect.gen(function* () {
        const json_data = { data: { text: "it's", number_field: 42, array_field: [1, 2, 3, 4, 5] } }
        const at = yield* playbook(file, { ctx: { json_data } })
        assert.deepStrictEqual<unknown>(at("verify_save").data["rows"], [{ id: 1, payload: json_data }])
      })
  )

  it.effect.each(["iterator_save_test", "iterator_save_test_iter"])(
    "%s upserts what its iterations have",
    (file) =>
      Effect.gen(function* () {
        for (const n of [1, 2, 3, 1]) {
          const item = { item_name: `item${n}`, item_value: n * 100 }
          yield* playbook(file, { transformed: item, iter: { processed_item: item } })
        }
        assert.deepStrictEqual(
          yield* query("SELECT execution_id, item_name, item_value FROM iterator_save_test ORDER BY 2"),
          [1, 2, 3].map((n) => ({ execution_id, item_name: `item${n}`, item_value: n * 100 }))
        )
        yield* query("DROP TABLE iterator_save_test")
      })
  )

  it.effect("save_edge_cases saves every kind of value, and special characters verbatim", () =>
    Effect.gen(function* () {
      const special = {
        quotes: `This has 'single' and "double" quotes`,
        unicode: "Unicode: \u03b1\u03b2\u03b3, \u4e2d\u6587, \u{1f680}",
        sql_injection: "'; DROP TABLE test; --",
        newlines: "Line 1\nLine 2\r\nLine 3",
        backslashes: String.raw`C:\path\to\file`,
        json_string: '{"embedded": "json", "value": 123}'
      }
      const mixed = {
        string_field: "test_string",
        integer_field: 12_345,
        float_field: 2.5,
        boolean_field: true,
        null_field: null,
        datetime_field: "2026-01-02T03:04:05.000006",
        list_field: [1, 2, 3, "mixed", true],
        dict_field: { nested: "value", count: 42 },
        decimal_field: 99.99
      }
      const at = yield* playbook("save_edge_cases", {
        generate_mixed: mixed,
        generate_special: special,
        generate_large: { metadata: { test_type: "large_payload", record_count: 100 } }
      })
      for (const step of ["start", "test_mixed_types", "test_special_characters", "test_large_payload"]) {
        assert.strictEqual(at(step).result?.status, "success", at(step).result?.error?.message)
      }
      assert.deepStrictEqual(yield* query("SELECT * FROM test_special_chars"), [{ execution_id, ...special }])
      const [saved] = yield* query(
        "SELECT *, list_field::json AS list, dict_field::json AS dict FROM test_mixed_types"
      )
      assert.deepInclude(saved, {
        integer_field: 12_345,
        float_field: 2.5,
        boolean_field: true,
        null_field: null,
        list: mixed.list_field,
        dict: mixed.dict_field,
        decimal_field: 99.99
      })
      assert.deepInclude(rows(at("test_large_payload").data["rows"])[0], { record_count: 100, execution_id })
    })
  )

  it.effect("tradedb_bootstrap answers with a row behind a comment, twice", () =>
    Effect.gen(function* () {
      const at = yield* playbook("tradedb_bootstrap")
      for (const [step, what] of [
        ["run_schema", "ddl"],
        ["run_dictionaries", "dictionaries"]
      ] as const) {
        const { data } = at(step)
        assert.strictEqual(data["row_count"], 1)
        assert.include(String(rows(data["rows"])[0]?.["note"]), `tradedb ${what} placeholder`)
      }
    })
  )

  it.effect("create_test_schema and create_tables run whole", () =>
    Effect.gen(function* () {
      yield* playbook("create_test_schema")
      assert.deepStrictEqual(
        yield* query(
          "SELECT count(*)::int AS n FROM information_schema.tables WHERE table_schema = 'noetl_test'"
        ),
        [{ n: 3 }]
      )
      yield* playbook("create_tables")
      assert.deepStrictEqual(
        yield* query(
          "SELECT to_regclass('simple_test_flat') IS NOT NULL AND to_regclass('simple_test_nested') IS NOT NULL AND to_regclass('test_summary') IS NOT NULL AS made"
        ),
        [{ made: true }]
      )
    })
  )

  it.effect("postgres_file_example reads its statements from a file", () =>
    Effect.gen(function* () {
      const at = yield* playbook("postgres_file_example")
      assert.strictEqual(at("run_postgres_from_file").result?.status, "success")
      assert.strictEqual(rows(at("verify_records").data["rows"]).length, 3)
      assert.deepStrictEqual(yield* query("SELECT to_regclass('script_test') AS t"), [{ t: null }])
    })
  )

  it.effect("postgres_test counts what the catalog has", () =>
    Effect.gen(function* () {
      yield* query(
        "CREATE SCHEMA noetl; CREATE TABLE noetl.catalog (kind text); INSERT INTO noetl.catalog VALUES ('Playbook'), ('Credential'), ('Playbook')"
      )
      const found = rows((yield* playbook("postgres_test"))("start").data["rows"])
      assert.deepStrictEqual(
        found.map((row) => row["kind"]),
        ["Playbook", "Credential"]
      )
    })
  )
})
