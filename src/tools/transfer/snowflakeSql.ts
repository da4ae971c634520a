/** Statements of a transfer's own in a Snowflake session. */
import { Effect } from "effect"
import type { Binds } from "snowflake-sdk"
import { execute } from "../snowflake/execute.ts"
import { failureOf } from "../snowflake/failure.ts"
import type { Session } from "../snowflake/Sessions.ts"
import type { SnowflakeSettings } from "../snowflake/SnowflakeOptions.ts"
import { ExecutionFailed, ToolError } from "../../domain/ToolError.ts"

export interface Call {
  readonly kind: string
}

const reading = {
  limits: { maxRows: 1, maxBytes: 1024 },
  asObjects: false,
  forms: { decimal: "string" }
} as const

export const plainly = (
  session: Session,
  options: SnowflakeSettings,
  call: Call,
  text: string,
  binds?: Binds
): Effect.Effect<void, ToolError> =>
  execute(session, { text, binds, parameters: {}, async: false }, reading, options, () => undefined).pipe(
    Effect.mapError(({ cause }) => snowflakeError(cause, call))
  )

export const snowflakeError = (cause: unknown, call: Call): ToolError =>
  new ToolError({ tool: call.kind, reason: new ExecutionFailed({ failure: failureOf(cause, call.kind) }) })
