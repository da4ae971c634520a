/** Runs SQL in Snowflake. Its driver is loaded when the first command comes. */
import { Clock, Effect, Layer, Schema } from "effect"
import type { Binds } from "snowflake-sdk"
import * as JsonText from "../domain/Json.ts"
import type { Json, JsonObject } from "../domain/Json.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import * as Coerced from "./Coerced.ts"
import { ScriptSource } from "./python/ScriptSource.ts"
import * as Rows from "./Rows.ts"
import { execute } from "./snowflake/execute.ts"
import { failureOf } from "./snowflake/failure.ts"
import { Sessions } from "./snowflake/Sessions.ts"
import * as Account from "./snowflake/settings.ts"
import { SnowflakeOptions, type SnowflakeSettings } from "./snowflake/SnowflakeOptions.ts"
import * as Block from "./sql/block.ts"
import * as Source from "./sql/source.ts"
import { traced } from "./sql/traced.ts"
import { credentialFields } from "./snowflake/credential.ts"
import * as Tool from "./Tool.ts"
import { invalid, withDeadline } from "../domain/ToolError.ts"

const Config = Schema.Struct({
  ...Source.fields,
  ...Block.fields,
  ...Account.fields,
  async: Coerced.optional(Coerced.Boolean),
  statement_timeout: Coerced.optional(Coerced.Seconds),
  query_tag: Coerced.optional(Coerced.Text)
})
type Config = typeof Config.Type

const uses = Effect.all({ settings: SnowflakeOptions, sessions: Sessions, scripts: ScriptSource })

export class SnowflakeTool extends Tool.Service<SnowflakeTool>()("noetl-worker/tools/SnowflakeTool", {
  kind: "snowflake",
  credentials: { fields: credentialFields },
  config: Config,
  uses,
  run: (made, config, call) => run(made, config, call),
  deps: Layer.mergeAll(Sessions.layer, ScriptSource.layer)
}) {}

const run = Effect.fnUntraced(function* (
  { scripts, sessions, settings }: Effect.Success<typeof uses>,
  config: Config,
  call: Tool.ToolCall
) {
  const text = yield* Source.textOf(scripts, config, call)
  if (text.trim() === "") return yield* invalid(call, "command", "There is no statement in it")
  const binds = yield* bindsOf(config, call)
  const account = yield* Account.accountOf(config, call, settings.allowedUrls)
  const started = yield* Clock.currentTimeMillis
  const statements: Array<Rows.StatementResult & { readonly queryId: string }> = []
  const work = Effect.gen(function* () {
    const session = yield* sessions.session(account, call.kind)
    const block = {
      text: traced(text, call.traceparent),
      binds,
      parameters: parametersOf(config, call),
      async: config.async === true
    }
    const ended = yield* Effect.result(
      execute(session, block, readingOf(settings, config), settings, (one) => statements.push(one))
    )
    if (ended._tag === "Failure" || changesSession.test(text)) yield* session.spoil
    return ended._tag === "Failure" ? failureOf(ended.failure.cause, call.kind) : undefined
  })
  const error = yield* withDeadline(call.kind, config.timeout ?? config.timeout_seconds)(work)
  const durationMs = (yield* Clock.currentTimeMillis) - started
  const data = dataOf(statements)
  return error === undefined
    ? ToolResult.success(data, { durationMs })
    : ToolResult.failure(error, { data, durationMs })
})

/** Statements whose effect the next command of the session would see. A needless match costs a login; a missed one corrupts the next command. */
const changesSession =
  /\b(USE|ALTER\s+SESSION|SET|UNSET|BEGIN|START\s+TRANSACTION|CREATE\s+(OR\s+REPLACE\s+)?TEMP)/i

const readingOf = (settings: SnowflakeSettings, config: Config) => ({
  limits: Block.limitsOf(config, settings),
  asObjects: config.as_objects ?? true,
  forms: { decimal: config.numeric_as ?? "string" } as const
})

const parametersOf = (config: Config, call: Tool.ToolCall): Readonly<Record<string, Json>> => {
  const seconds = config.statement_timeout ?? config.timeout ?? config.timeout_seconds
  return {
    ...config.session_parameters,
    QUERY_TAG: config.query_tag ?? `noetl-worker ${call.executionId}/${call.step}`,
    ...(typeof seconds === "number" && seconds > 0
      ? { STATEMENT_TIMEOUT_IN_SECONDS: Math.ceil(seconds) + 5 }
      : {})
  }
}

const bindsOf = Effect.fnUntraced(function* (config: Config, call: Tool.ToolCall) {
  const params = yield* Source.paramsOf(config, call)
  if (params === undefined) return undefined
  if (!Array.isArray(params)) return yield* invalid(call, "params", "Expected a list, for ? or :1, :2, …")
  return (params as ReadonlyArray<Json>).map(bindOf) as Binds
})

const bindOf = (value: Json) => {
  if (typeof value === "bigint") return String(value)
  return typeof value === "object" && value !== null ? JsonText.stringify(value) : value
}

/** `statement_<n>` beside `command_<n>`: both have readers. */
const dataOf = (
  statements: ReadonlyArray<Rows.StatementResult & { readonly queryId: string }>
): JsonObject => {
  const data = Rows.dataOf(statements)
  return {
    ...data,
    ...Object.fromEntries(
      statements.map((one, i): [string, JsonObject] => [
        `statement_${i}`,
        {
          status: "success",
          query_id: one.queryId,
          row_count: one.table?.rows.length ?? one.affectedRows ?? 0,
          ...(one.table === undefined ? {} : { columns: one.table.columns, result: one.table.rows })
        }
      ])
    )
  }
}
