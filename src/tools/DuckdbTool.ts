/**
 * Runs SQL in DuckDB, inside of this process.
 *
 * `database` names a file or `:memory:`; without it a command works on its execution's own database, so that the next
 * step finds the tables of the last one.
 */
import { Clock, Effect, Layer, Schema } from "effect"
import * as ToolResult from "../domain/ToolResult.ts"
import * as Coerced from "./Coerced.ts"
import { runBlock } from "./duckdb/block.ts"
import { Databases } from "./duckdb/Databases.ts"
import { DuckdbOptions } from "./duckdb/DuckdbOptions.ts"
import type { Place } from "./duckdb/openDatabase.ts"
import { checkLinks, placeOf } from "./duckdb/place.ts"
import { createSecrets, secretsOf } from "./duckdb/secrets.ts"
import { ScriptSource } from "./python/ScriptSource.ts"
import * as Rows from "./Rows.ts"
import * as Block from "./sql/block.ts"
import * as Source from "./sql/source.ts"
import * as Tool from "./Tool.ts"
import { invalid, withDeadline } from "../domain/ToolError.ts"
import type { Params } from "./sql/placeholders.ts"

const Config = Schema.Struct({
  ...Source.fields,
  ...Block.fields,
  database: Coerced.optional(Schema.String),
  db_path: Coerced.optional(Schema.String),
  transaction: Coerced.optional(Schema.Literals(Block.modes))
})
type Config = typeof Config.Type

const uses = Effect.all({ settings: DuckdbOptions, databases: Databases, scripts: ScriptSource })

export class DuckdbTool extends Tool.Service<DuckdbTool>()("noetl-worker/tools/DuckdbTool", {
  kind: "duckdb",
  config: Config,
  uses,
  run: (made, config, call) => run(made, config, call),
  deps: Layer.mergeAll(Databases.layer, ScriptSource.layer)
}) {}

const run = Effect.fnUntraced(function* (
  { databases, scripts, settings }: Effect.Success<typeof uses>,
  config: Config,
  call: Tool.ToolCall
) {
  const text = yield* Source.textOf(scripts, config, call)
  if (text.trim() === "") return yield* invalid(call, "command", "There is no statement in it")
  const params = yield* Source.paramsOf(config, call)
  const at = typeof config.database === "string" ? "database" : "db_path"
  const place = yield* placeOf(databases, config.database ?? config.db_path ?? undefined, call, at)
  yield* checkLinks(databases, place, { text, values: textsIn(params), at: "command" }, call)
  const started = yield* Clock.currentTimeMillis
  const work = Effect.gen(function* () {
    const session = yield* databases.session(place, call.kind, leavesTraces(place, text, call))
    yield* createSecrets(session, call.auth, call)
    const mode = config.transaction ?? "auto"
    const ended = yield* runBlock(
      session,
      { text, params, mode, source: call.kind },
      {
        limits: Block.limitsOf(config, settings),
        asObjects: config.as_objects ?? true,
        forms: { decimal: config.numeric_as ?? "string" }
      }
    )
    return { ended, path: session.path }
  })
  const { ended, path } = yield* withDeadline(call.kind, config.timeout ?? config.timeout_seconds)(work)
  yield* Block.warnOfUnsayable(ended)
  return resultOf(ended, path, (yield* Clock.currentTimeMillis) - started)
})

const textsIn = (params: Params | undefined): ReadonlyArray<string> =>
  Object.values(params ?? {}).filter((value): value is string => typeof value === "string")

/** An execution's database is its own, so what its author attaches there may stay. */
const leavesTraces = (place: Place, text: string, { auth }: Tool.ToolCall): boolean =>
  secretsOf(auth).length > 0 || (place._tag === "File" && /\b(attach|secret)\b/i.test(text))

const resultOf = (ended: Block.Ended, path: string, durationMs: number): ToolResult.ToolResult => {
  const data = Rows.dataOf(ended.results, {
    database_path: path,
    ...(ended.transaction === undefined ? {} : { transaction: ended.transaction })
  })
  return ended.error === undefined
    ? ToolResult.success(data, { durationMs })
    : ToolResult.failure(ended.error, { data, durationMs })
}
