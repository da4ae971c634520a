/** What went wrong at a PostgreSQL server, in the words that policy rules branch on. */
import * as Failure from "../../domain/Failure.ts"
import { messageOf } from "../../domain/messageOf.ts"
import { lineOf } from "../sql/split.ts"
import { ToolError } from "../../domain/ToolError.ts"
import { CopyRefused, isServerError, type ServerError } from "./Statement.ts"

/** Where a statement stands in its block, so that a position can be said in the author's terms. */
export interface Place {
  readonly statement: number
  readonly block: string
  readonly offset: number
  readonly length: number
}

/** The failure of a statement. */
export const failureOf = (cause: unknown, source: string, place?: Place): Failure.Failure => {
  if (isServerError(cause)) return serverFailure(cause, source, "Query failed", place)
  if (cause instanceof CopyRefused)
    return Failure.make("config", `Database error: ${cause.message}`, { source })
  const { code, message } = codeOf(cause)
  const kind = Failure.ofSocketCode(code, `Database error: connection lost: ${message}`, source)
  return kind.kind === "timeout" ? kind : { ...kind, kind: "db_connection" }
}

/** The failure of a connection that could not be made. Nothing of its settings but host and port is said. */
export const connectFailure = (cause: unknown, source: string, where: string): ToolError => {
  if (isServerError(cause)) {
    return ToolError.ofFailure(source, serverFailure(cause, source, `Failed to get connection: ${where}`))
  }
  const { code, message } = codeOf(cause)
  const text = `Database error: Failed to get connection: ${where}: ${message}`
  // The driver's words for a pool whose connections are all in use: the server may be well.
  const waited = message.startsWith("timeout exceeded when trying to connect")
  const failure = /timeout/i.test(message)
    ? Failure.make("timeout", text, { code: waited ? "POOL_TIMEOUT" : "CONN_TIMEOUT", source })
    : Failure.ofSocketCode(code, text, source)
  return ToolError.ofFailure(source, isPermanent(code, message) ? { ...failure, retryable: false } : failure)
}

export const refused = (source: string, message: string, code: string): ToolError =>
  ToolError.ofFailure(source, Failure.make("db_error", `Database error: ${message}`, { code, source }))

// --- helpers ---

const serverFailure = (
  cause: ServerError,
  source: string,
  context: string,
  place?: Place
): Failure.Failure => {
  const text =
    `Database error: ${context}: ${cause.severity}: ${cause.message} (SQLSTATE ${cause.code})` +
    (cause.detail === undefined ? "" : ` | DETAIL: ${cause.detail}`) +
    (cause.hint === undefined ? "" : ` | HINT: ${cause.hint}`)
  const failure = Failure.ofSqlState(cause.code, text, source)
  const kind = kindOf(cause.code) ?? failure.kind
  return {
    ...failure,
    kind,
    retryable: isTransient(cause.code),
    detail: { ...fieldsOf(cause), ...placeOf(cause, place) }
  }
}

const kindOf = (code: string): Failure.FailureKind | undefined => {
  if (code.startsWith("28")) return "auth"
  if (code.startsWith("57P") || code === "53300") return "db_connection"
  if (code === "53100") return "storage_quota"
  return code.startsWith("40") ? "db_deadlock" : undefined
}

/** Classes in which the same statement may work when it is sent again. 57014 is a cancelled or timed-out query, 53100 a full disk. */
const isTransient = (code: string): boolean =>
  /^(08|40|53|57)/.test(code) && code !== "57P04" && code !== "53100"

const fieldsOf = (cause: ServerError) =>
  Object.fromEntries(
    (["detail", "hint", "where", "schema", "table", "column", "constraint"] as const).flatMap((key) =>
      cause[key] === undefined ? [] : [[key, cause[key]]]
    )
  )

const placeOf = (cause: ServerError, place: Place | undefined) => {
  if (place === undefined) return {}
  // What ends too early is said to end behind the comment that we put there.
  const position =
    cause.position === undefined ? undefined : Math.min(Number(cause.position), place.length + 1)
  const offset = place.offset + Math.max(0, (position ?? 1) - 1)
  return {
    statement: place.statement,
    line: lineOf(place.block, offset),
    ...(position === undefined ? {} : { position })
  }
}

const codeOf = (cause: unknown): { readonly code: string | undefined; readonly message: string } => {
  const error = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause
  const message = messageOf(error)
  const code =
    typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
      ? error.code
      : undefined
  return { code: code ?? (/terminated/i.test(message) ? "ECONNRESET" : undefined), message }
}

/** A certificate or a missing password does not get better by trying again. */
const isPermanent = (code: string | undefined, message: string): boolean =>
  (code !== undefined && /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) ||
  /SASL|password must be a string|does not support SSL|self-signed|certificate/i.test(message)
