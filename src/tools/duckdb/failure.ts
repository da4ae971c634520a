/** What DuckDB says that went wrong, in the words that policy rules branch on. */
import * as Failure from "../../domain/Failure.ts"
import { messageOf } from "../../domain/messageOf.ts"
import { ToolError } from "../../domain/ToolError.ts"

export const failureOf = (
  cause: unknown,
  source: string,
  detail?: Failure.Failure["detail"]
): Failure.Failure => {
  const text = messageOf(cause).replace(/^Failed to extract statements: /, "")
  const type = /^([A-Z][\w ]*?) Error: /.exec(text)?.[1] ?? ""
  const { code, kind, retryable } = classOf(type, text)
  const hint = /extension/i.test(text) ? hintOfExtensions : code === "OUT_OF_MEMORY" ? hintOfMemory : ""
  return Failure.make(kind, `Database error: Query failed: ${cleaned(text)}${hint}`, {
    source,
    code: `DUCKDB_${code}`,
    retryable,
    ...(detail === undefined ? {} : { detail })
  })
}

export const failed = (tool: string, cause: unknown): ToolError =>
  ToolError.ofFailure(tool, failureOf(cause, tool))

export const missing = (tool: string): ToolError =>
  ToolError.notInstalled(tool, "DuckDB", "@duckdb/node-api", "DUCKDB_MISSING")

/** After such an error no statement works any more until the database is opened anew. */
export const isBroken = (cause: unknown): boolean =>
  /database has been invalidated|^(FATAL|INTERNAL) Error/i.test(messageOf(cause))

// --- helpers ---

interface Class {
  readonly kind: Failure.FailureKind
  readonly code: string
  readonly retryable: boolean
}

const classOf = (type: string, text: string): Class => {
  if (/No space left on device|max_temp_directory_size/i.test(text)) return one("storage_quota", "DISK_FULL")
  if (/Could not set lock on file/.test(text)) return one("db_connection", "LOCKED", true)
  if (/conflict/i.test(text) && type.startsWith("Transaction")) return one("db_deadlock", "CONFLICT", true)
  switch (type) {
    case "Constraint":
      return one("db_constraint", "CONSTRAINT")
    case "Permission":
      return one("storage_access", "PERMISSION")
    case "Out of Memory":
      return one("limit", "OUT_OF_MEMORY")
    default:
      return one("db_error", type === "" ? "ERROR" : type.toUpperCase().replaceAll(" ", "_"))
  }
}

const one = (kind: Failure.FailureKind, code: string, retryable = false): Class => ({ kind, code, retryable })

const hintOfExtensions =
  " | HINT: extensions are not downloaded here; the operator installs them and names them in the worker's options"

/** DuckDB's text names the limit in bytes, and its advice is to raise a setting that is closed here. */
const hintOfMemory =
  " | HINT: this is the share of one database in the worker's memory; the operator raises it with the container's memory or NOETL_DUCKDB_MEMORY_MB"

/**
 * The advice to download an extension is no advice here. A line of the statement that DuckDB has cut may show a piece of
 * a secret, which no redactor knows.
 */
const cleaned = (text: string): string =>
  text
    .replace(/\n+(Please try installing|Install it first|For more info)[\s\S]*?(?=\n\nLINE |$)/, "")
    .replace(/\n+LINE \d+: (\.\.\.[^\n]*|[^\n]*\.\.\.)(\n *\^[^\n]*)?/, "")
