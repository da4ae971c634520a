/** Statements of a transfer's own on a PostgreSQL session. */
import { Effect } from "effect"
import { simple, SqlFailure } from "../postgres/execute.ts"
import { failureOf } from "../postgres/failure.ts"
import type { Session } from "../postgres/Pools.ts"
import { ExecutionFailed, ToolError } from "../../domain/ToolError.ts"

export interface Call {
  readonly kind: string
}

export const sql = (session: Session, call: Call, text: string): Effect.Effect<void, ToolError> =>
  Effect.mapError(simple(session, text), ({ cause }) => sqlError(cause, call))

export const sqlError = (cause: unknown, call: Call): ToolError =>
  new ToolError({
    tool: call.kind,
    reason: new ExecutionFailed({
      failure: failureOf(cause instanceof SqlFailure ? cause.cause : cause, call.kind)
    })
  })
