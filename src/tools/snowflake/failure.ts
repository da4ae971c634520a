/** What went wrong at Snowflake, in the words that policy rules branch on. */
import * as Failure from "../../domain/Failure.ts"
import { ToolError } from "../../domain/ToolError.ts"

/** The driver's errors, as far as they are read. */
interface DriverError {
  readonly code?: string | number | undefined
  readonly sqlState?: unknown
  readonly message: string
  readonly data?: { readonly queryId?: unknown; readonly line?: unknown; readonly pos?: unknown } | undefined
  readonly cause?: unknown
}

export const failureOf = (cause: unknown, source: string, context = "Query failed"): Failure.Failure => {
  const error = cause as DriverError
  const code = error.code === undefined ? undefined : String(error.code).padStart(6, "0")
  const sqlstate = typeof error.sqlState === "string" && error.sqlState !== "" ? error.sqlState : undefined
  const text = `Database error: ${context}: ${clean(error.message)}${sqlstate === undefined ? "" : ` (SQLSTATE ${sqlstate})`}`
  const socket = socketCodeOf(cause)
  if (socket !== undefined) return Failure.ofSocketCode(socket, text, source)
  const kind = kindOf(code ?? "", sqlstate ?? "")
  return Failure.make(kind, text, {
    source,
    ...(code === undefined ? {} : { code: `SF_${code}` }),
    ...(sqlstate === undefined ? {} : { sqlstate }),
    detail: detailOf(error)
  })
}

export const connectFailure = (cause: unknown, tool: string, account: string): ToolError =>
  ToolError.ofFailure(tool, failureOf(cause, tool, `Failed to get connection: ${account}`))

export const missing = (tool: string): ToolError =>
  ToolError.notInstalled(tool, "Snowflake's driver", "snowflake-sdk", "SNOWFLAKE_MISSING")

// --- helpers ---

const kindOf = (code: string, sqlstate: string): Failure.FailureKind => {
  // Wrong password, locked user, a token or key that does not fit.
  if (/^39(01|04)|^390[13]/.test(code) || sqlstate === "08004" || sqlstate.startsWith("28")) return "auth"
  if (code === "000604" || code === "000630" || sqlstate === "57014") return "db_timeout"
  // A lock that was waited for, a transaction that another one undid.
  if (code === "000625" || code === "000628" || sqlstate.startsWith("40")) return "db_deadlock"
  if (sqlstate.startsWith("08") || /^4010\d\d|^4020\d\d|^00040[01]$/.test(code)) return "db_connection"
  return sqlstate.startsWith("23") ? "db_constraint" : "db_error"
}

const detailOf = ({ data }: DriverError) => ({
  ...(typeof data?.queryId === "string" ? { query_id: data.queryId } : {}),
  ...(typeof data?.line === "number" && data.line > 0 ? { line: data.line, position: data.pos } : {})
})

const socketCodeOf = (cause: unknown, depth = 0): string | undefined => {
  if (typeof cause !== "object" || cause === null || depth > 4) return undefined
  const { cause: inner, code } = cause as { readonly code?: unknown; readonly cause?: unknown }
  return typeof code === "string" && /^E[A-Z]+$/.test(code) ? code : socketCodeOf(inner, depth + 1)
}

const clean = (message: string): string => message.replaceAll(/\s+/g, " ")
