/** The SQL of real playbooks, command after command, as their steps would send it. */
import { assert, layer as testLayer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parse } from "yaml"
import { isObject, type Json, type JsonObject } from "../../../src/domain/Json.ts"
import type { ToolResult } from "../../../src/domain/ToolResult.ts"
import { Template } from "../../../src/template/Template.ts"
import { aCall, runTool } from "../../../src/testing/ToolSuite.ts"
import { DuckdbTool } from "../../../src/tools/DuckdbTool.ts"
import { PostgresTool } from "../../../src/tools/PostgresTool.ts"
import { ScriptSourceOptions } from "../../../src/tools/python/ScriptSource.ts"
import { Toolbox } from "../../../src/tools/Toolbox.ts"
import { serverOfFile } from "../../support/PostgresServer.ts"

const server = serverOfFile()
const folder = fileURLToPath(new URL("./playbooks", import.meta.url))
const toolbox = Toolbox.layer(PostgresTool, DuckdbTool).pipe(
  Layer.provide([PostgresTool.layer, DuckdbTool.layer]),
  Layer.provide(
    Layer.succeed(ScriptSourceOptions, { root: folder, maxBytes: 1_000_000, timeout: Duration.seconds(5) })
  ),
  Layer.merge(Template.layer)
)

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
        layers: [{ execution_id: "613000000000000001", ...values }, workload]
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

  it.effect("json_serialization_save gets its JSON back", () =>
    Effect.gen(function* () {
      const json_data = { data: { text: "it's", number_field: 42, array_field: [1, 2, 3, 4, 5] } }
      const at = yield* playbook("json_serialization_save", { ctx: { json_data } })
      assert.deepStrictEqual<unknown>(at("verify_save").data["rows"], [{ id: 1, payload: json_data }])
    })
  )

  it.effect("iterator_save_test upserts what an iteration has", () =>
    Effect.gen(function* () {
      const transformed = { item_name: "item1", item_value: 100 }
      for (const _ of [1, 2]) yield* playbook("iterator_save_test", { transformed })
      assert.deepStrictEqual(
        yield* query("SELECT count(*)::int AS n, min(item_name) AS name FROM iterator_save_test"),
        [{ n: 1, name: "item1" }]
      )
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
