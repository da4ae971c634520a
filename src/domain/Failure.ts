/** Why a tool failed, in the words that policy rules branch on (`output.error` in a rule). */
import { Schema } from "effect"

export const FailureKind = Schema.Literals([
  "rate_limit",
  "auth",
  "not_found",
  "client_error",
  "server_error",
  "timeout",
  "connection",
  "db_deadlock",
  "db_connection",
  "db_timeout",
  "db_constraint",
  "db_error",
  "parse",
  "schema",
  "transform",
  "storage_quota",
  "storage_access",
  "credential",
  "template",
  "config",
  "limit",
  "missing_reference",
  "unsupported_tool",
  "child_failed",
  "tool_error",
  "unknown"
])
export type FailureKind = typeof FailureKind.Type

export const Failure = Schema.Struct({
  kind: FailureKind,
  message: Schema.String,
  /** Whether the same task may succeed when it is tried again, unchanged. */
  retryable: Schema.Boolean,
  /** `HTTP_503`, `PG_40P01`, `CONN_REFUSED`, … */
  code: Schema.optionalKey(Schema.String),
  /** Which tool said it. */
  source: Schema.optionalKey(Schema.String),
  /** HTTP status, when an HTTP answer is the cause. */
  status: Schema.optionalKey(Schema.Int),
  /** Seconds the other side asked to wait. */
  retryAfter: Schema.optionalKey(Schema.Finite),
  /** SQLSTATE, when a database is the cause. */
  sqlstate: Schema.optionalKey(Schema.String),
  /** Class of the exception, when a program raised one. */
  exception: Schema.optionalKey(Schema.String),
  /** Stack or traceback. */
  traceback: Schema.optionalKey(Schema.String),
  /** What the author's program attached to its error: a thrown value, a hint, a position. */
  detail: Schema.optionalKey(Schema.Unknown)
})
export type Failure = typeof Failure.Type

export const make = (
  kind: FailureKind,
  message: string,
  more: Partial<Omit<Failure, "kind" | "message">> = {}
): Failure => ({ kind, message, retryable: retryableKinds.has(kind), ...more })

/** The failure of an HTTP answer that is not 2xx. `retryAfter` in seconds. */
export const ofHttpStatus = (status: number, source: string, retryAfter?: number): Failure => ({
  ...make(kindOfHttpStatus(status), `HTTP ${status} response`),
  code: `HTTP_${status}`,
  status,
  source,
  ...(retryAfter === undefined ? {} : { retryAfter })
})

/** The failure of a SQL statement that the database refused. */
export const ofSqlState = (sqlstate: string, message: string, source: string): Failure => ({
  ...make(kindOfSqlState(sqlstate), message),
  code: `PG_${sqlstate}`,
  sqlstate,
  source
})

/** The failure of a connection, from the code that Node gives a socket error. */
export const ofSocketCode = (code: string | undefined, message: string, source: string): Failure => {
  if (code !== undefined && timeoutCodes.has(code)) {
    return { ...make("timeout", message), code: "CONN_TIMEOUT", source }
  }
  const known = code === undefined ? undefined : socketCodes.get(code)
  return { ...make("connection", message), code: known ?? code ?? "CONN_FAILED", source }
}

const retryableKinds: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "rate_limit",
  "server_error",
  "timeout",
  "connection",
  "db_deadlock",
  "db_connection",
  "db_timeout",
  "missing_reference"
])

const socketCodes: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "CONN_REFUSED"],
  ["ECONNRESET", "CONN_RESET"],
  ["EPIPE", "CONN_RESET"],
  ["ENOTFOUND", "DNS_ERROR"],
  ["EAI_AGAIN", "DNS_ERROR"],
  ["UND_ERR_SOCKET", "CONN_RESET"],
  // A compressed answer that ends too early.
  ["Z_BUF_ERROR", "CONN_RESET"],
  ["ERR_STREAM_PREMATURE_CLOSE", "CONN_RESET"]
])

const timeoutCodes: ReadonlySet<string> = new Set([
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT"
])

const kindOfHttpStatus = (status: number): FailureKind => {
  if (status === 429) return "rate_limit"
  if (status === 401 || status === 403) return "auth"
  if (status === 404) return "not_found"
  if (status >= 500) return "server_error"
  return status >= 400 ? "client_error" : "unknown"
}

const kindOfSqlState = (sqlstate: string): FailureKind => {
  if (sqlstate === "40001" || sqlstate === "40P01") return "db_deadlock"
  if (sqlstate.startsWith("08")) return "db_connection"
  if (sqlstate === "57014") return "db_timeout"
  return sqlstate.startsWith("23") ? "db_constraint" : "db_error"
}
