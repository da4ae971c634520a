/**
 * Runs SQL on a PostgreSQL server: one statement or a block of them, with or without parameters.
 *
 * A block is one transaction unless something in it forbids that (`transaction: auto`). What the server refuses is a
 * result of status error, with what ran before it.
 */
import { Clock, Effect, Layer, Schema } from "effect"
import type { Json, JsonObject } from "../domain/Json.ts"
import { shortened } from "../domain/OutputMask.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import * as Coerced from "./Coerced.ts"
import { runBlock } from "./postgres/block.ts"
import { simple } from "./postgres/execute.ts"
import { failureOf } from "./postgres/failure.ts"
import { Pools, type Session } from "./postgres/Pools.ts"
import { PostgresOptions, type PostgresSettings } from "./postgres/PostgresOptions.ts"
import * as Connection from "./postgres/settings.ts"
import type { NumberForms } from "./postgres/types.ts"
import { ScriptSource } from "./python/ScriptSource.ts"
import * as Rows from "./Rows.ts"
import * as Block from "./sql/block.ts"
import * as Source from "./sql/source.ts"
import { split } from "./sql/split.ts"
import { quoteName, quoteText } from "./sql/tokens.ts"
import { credentialFields } from "./postgres/credential.ts"
import * as Tool from "./Tool.ts"
import { invalid, ToolError, withDeadline } from "../domain/ToolError.ts"

const Config = Schema.Struct({
  ...Source.fields,
  ...Block.fields,
  ...Connection.fields,
  schema: Coerced.optional(Coerced.TextList),
  transaction: Coerced.optional(Schema.Literals(Block.modes)),
  statement_timeout: Coerced.optional(Coerced.Seconds),
  bigint_as: Coerced.optional(Schema.Literals(["string", "number"]))
})
type Config = typeof Config.Type

const uses = Effect.all({ settings: PostgresOptions, pools: Pools, scripts: ScriptSource })

export class PostgresTool extends Tool.Service<PostgresTool>()("noetl-worker/tools/PostgresTool", {
  kind: "postgres",
  credentials: { fields: credentialFields },
  config: Config,
  uses,
  run: (made, config, call) => run(made, config, call),
  deps: Layer.mergeAll(Pools.layer, ScriptSource.layer)
}) {}

const run = Effect.fnUntraced(function* (
  { pools, scripts, settings }: Effect.Success<typeof uses>,
  config: Config,
  call: Tool.ToolCall
) {
  const text = yield* Source.textOf(scripts, config, call)
  const params = yield* Source.paramsOf(config, call)
  const statements = split(text)
  if (statements.length === 0) return yield* invalid(call, "command", "There is no statement in it")
  const target = yield* Connection.targetOf(config, call, settings.filesRoot)
  const started = yield* Clock.currentTimeMillis
  const work = Effect.gen(function* () {
    const session = yield* pools.session(target, call.kind)
    const notices = collectNotices(session)
    yield* simple(session, prologueOf(settings, config, call)).pipe(
      Effect.mapError(({ cause }) => unusable(cause, call))
    )
    const mode = config.transaction ?? "auto"
    const ended = yield* runBlock(
      session,
      { text, statements, params, mode, source: call.kind, traceparent: call.traceparent },
      readingOf(settings, config),
      settings
    )
    return { ended, notices }
  })
  const { ended, notices } = yield* withDeadline(call.kind, deadlineOf(config))(work)
  yield* Block.warnOfUnsayable(ended)
  return resultOf(ended, yield* Effect.forEach(notices, noticeOf), (yield* Clock.currentTimeMillis) - started)
})

const readingOf = (settings: PostgresSettings, config: Config) => ({
  limits: Block.limitsOf(config, settings),
  asObjects: config.as_objects ?? true,
  numbers: {
    numeric: config.numeric_as ?? "string",
    int8: config.bigint_as ?? "number"
  } satisfies NumberForms
})

/** What the session is told before the block. All of it is gone when the connection comes back. */
const prologueOf = (settings: PostgresSettings, config: Config, call: Tool.ToolCall): string => {
  const name = config.application_name ?? `${settings.applicationName} ${call.executionId}/${call.step}`
  const deadline = deadlineOf(config)
  const timeout =
    config.statement_timeout ?? (deadline === undefined ? undefined : deadline + serverGraceSeconds)
  return [
    `SET application_name = ${quoteText(name.replaceAll("\0", "").slice(0, 63))}`,
    ...(timeout === undefined
      ? []
      : [`SET statement_timeout = ${Math.min(maxTimeoutMs, Math.ceil(timeout * 1000))}`]),
    ...(config.schema === undefined || config.schema === null || config.schema.length === 0
      ? []
      : [`SET search_path = ${config.schema.flatMap(schemasOf).map(quoteName).join(", ")}`])
  ].join(";")
}

/** Above the deadline itself, for a server that does not get the cancellation. */
const serverGraceSeconds = 5
const maxTimeoutMs = 2_147_483_647

const schemasOf = (text: string): ReadonlyArray<string> =>
  text.split(",").map((one) => one.trim().replace(/^"(.*)"$/, "$1"))

const deadlineOf = ({ timeout, timeout_seconds }: Config): number | undefined => {
  const seconds = timeout ?? timeout_seconds ?? undefined
  return seconds === 0 ? undefined : seconds
}

const unusable = (cause: unknown, call: Tool.ToolCall): ToolError =>
  invalid(call, "schema", failureOf(cause, call.kind).message)

// --- the result ---

const maxNotices = 100

const collectNotices = (session: Session): ReadonlyArray<Notice> => {
  const notices: Array<Notice> = []
  session.client.on("notice", (notice) => {
    if (notices.length < maxNotices) notices.push(notice)
  })
  return notices
}

type Notice = Partial<Record<"severity" | "message" | "code" | "detail" | "hint", string | undefined>>

const noticeOf = Effect.fnUntraced(function* (notice: Notice) {
  const shown: Record<string, Json> = {}
  for (const key of ["severity", "message", "code", "detail", "hint"] as const) {
    const value = notice[key]
    if (value !== undefined) shown[key] = yield* shortened(value, 4096)
  }
  return shown
})

const resultOf = (
  ended: Block.Ended,
  notices: ReadonlyArray<JsonObject>,
  durationMs: number
): ToolResult.ToolResult => {
  const data = Rows.dataOf(ended.results, {
    ...(notices.length === 0 ? {} : { notices }),
    ...(ended.transaction === undefined ? {} : { transaction: ended.transaction })
  })
  return ended.error === undefined
    ? ToolResult.success(data, { durationMs })
    : ToolResult.failure(ended.error, { data, durationMs })
}
