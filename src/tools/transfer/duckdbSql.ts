/** Statements of a transfer's own on a DuckDB session. */
import { Effect } from "effect"
import type { Session } from "../duckdb/Databases.ts"
import { failureOf } from "../duckdb/failure.ts"
import { ExecutionFailed, ToolError } from "../../domain/ToolError.ts"

interface Call {
  readonly kind: string
}

export const run = (session: Session, text: string, call: Call): Effect.Effect<void, ToolError> =>
  Effect.asVoid(
    Effect.mapError(
      session.run(() => session.connection.run(text)),
      (cause) => duckdbError(cause, call)
    )
  )

export const duckdbError = (cause: unknown, call: Call): ToolError =>
  new ToolError({ tool: call.kind, reason: new ExecutionFailed({ failure: failureOf(cause, call.kind) }) })
