/** The words of the language: kinds of tools, features, versions. */

/** Every kind of tool that the language knows, whether a runtime has it or not. */
export const kinds: ReadonlyArray<string> = [
  "http",
  "postgres",
  "duckdb",
  "ducklake",
  "python",
  "workbook",
  "playbook",
  "playbooks",
  "secrets",
  "iterator",
  "container",
  "script",
  "snowflake",
  "transfer",
  "snowflake_transfer",
  "gcs",
  "gateway",
  "nats",
  "agent",
  "mcp",
  "shell",
  "artifact",
  "result_fetch",
  "noop",
  "task_sequence",
  "rhai",
  "subscription",
  "auth",
  "sink"
]

/** Tools that this runtime has. */
export const ownKinds: ReadonlyArray<string> = [
  "shell",
  "http",
  "rhai",
  "duckdb",
  "postgres",
  "python",
  "snowflake",
  "transfer",
  "script",
  "playbook",
  "workbook",
  "noop",
  "artifact",
  "result_fetch"
]

export const ownFeatures: ReadonlyArray<string> = [
  "router_v2",
  "pipeline_v2",
  "policy_v2",
  "loop_v1",
  "loop_v2",
  "cursor_loop",
  "admit",
  "result_storage",
  "workbook",
  "keychain",
  "jinja2",
  "case_v1",
  "case_v2",
  "vars_v1"
]

export const versions: ReadonlyArray<string> = ["noetl.io/v2", "noetl.io/v10"]
export const contract = "noetl-runtime/1"
