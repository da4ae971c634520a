/** The kinds that metrics tell apart. A playbook chooses the text of a kind, so every other one is `other`: the number of series has a bound. */
export const toolKinds = [
  "artifact",
  "duckdb",
  "http",
  "noop",
  "playbook",
  "postgres",
  "python",
  "result_fetch",
  "rhai",
  "script",
  "shell",
  "snowflake",
  "task_sequence",
  "transfer",
  "workbook"
] as const
