/**
 * Moves rows from one place to another without holding them: databases, files and HTTP services.
 *
 * `commit: all` (the default) keeps everything or nothing; `commit: chunk` keeps every `chunk_size` rows as they come. A
 * transfer that fails half-way is a result of status error that says how many rows stayed.
 */
import { Clock, Context, Effect, Layer, Schema, Scope } from "effect"
import { type JsonObject, JsonValue } from "../../domain/Json.ts"
import * as ToolResult from "../../domain/ToolResult.ts"
import * as Coerced from "../Coerced.ts"
import { Databases } from "../duckdb/Databases.ts"
import { SafeHttp } from "../http/SafeHttp.ts"
import { Pools } from "../postgres/Pools.ts"
import { Sessions } from "../snowflake/Sessions.ts"
import * as Tool from "../Tool.ts"
import { invalid, withDeadline } from "../../domain/ToolError.ts"
import type { Field, Mode, Source, Target, Writing } from "./Ends.ts"
import { endOf, openSource, openTarget, reserve, type Services } from "./openEnds.ts"
import { move, type Moved } from "./move.ts"
import { fieldsOf } from "./plan.ts"
import { TransferProgress } from "./Progress.ts"

const Config = Schema.Struct({
  source: Coerced.JsonMap,
  target: Coerced.JsonMap,
  mode: Coerced.optional(Schema.Literals(["append", "insert", "replace", "overwrite", "upsert", "merge"])),
  key: Coerced.optional(Coerced.TextList),
  keys: Coerced.optional(Coerced.TextList),
  conflict_columns: Coerced.optional(Coerced.TextList),
  mapping: Coerced.optional(Coerced.JsonMap),
  chunk_size: Coerced.optional(Coerced.Integer.check(Schema.isBetween({ minimum: 1, maximum: 100_000_000 }))),
  commit: Coerced.optional(Schema.Literals(["all", "chunk"])),
  transaction: Coerced.optional(Schema.Literals(["all", "chunk", "none"])),
  on_error: Coerced.optional(Schema.Literals(["fail", "skip"])),
  timeout: Coerced.optional(Coerced.Seconds),
  /** The target's, written beside it. */
  create_table: Coerced.optional(Coerced.Boolean),
  options: Schema.optionalKey(JsonValue)
})
type Config = typeof Config.Type

// Not the scope of the layer: what a call acquires ends with the call.
const uses = Effect.map(Effect.context<Services | Scope.Scope>(), (services): Context.Context<Services> =>
  Context.omit(Scope.Scope)(services)
)

export class TransferTool extends Tool.Service<TransferTool>()("noetl-worker/tools/transfer/TransferTool", {
  kind: "transfer",
  connections: ["source", "target"],
  config: Config,
  uses,
  run: (services, config, call) => Effect.provide(run(config, call), services),
  deps: Layer.mergeAll(Pools.layer, Databases.layer, Sessions.layer, SafeHttp.layer)
}) {}

const defaultChunk = 1000

const run = Effect.fnUntraced(function* (config: Config, call: Tool.ToolCall) {
  const started = yield* Clock.currentTimeMillis
  const work = Effect.gen(function* () {
    const from = yield* endOf(config.source, call, "source")
    const to = yield* endOf(targetIn(config), call, "target")
    yield* reserve([from, to], call)
    const source = yield* openSource(from, call)
    const mapping = config.mapping ?? mappingIn(config.target)
    const columnsIfNew = columnsOf(source, mapping)
    const target = yield* openTarget(to, call, columnsIfNew)
    const writing = yield* writingOf(config, target, call)
    const fields = yield* fieldsOf(source, target, mapping, call)
    const keys = yield* keysOf(fields, writing, call)
    const chunkRows = config.chunk_size ?? defaultChunk
    const moved = yield* move(
      source,
      target,
      fields,
      { ...writing, keys },
      chunkRows,
      yield* TransferProgress
    )
    return { source, target, writing, fields, moved }
  })
  const { fields, moved, source, target, writing } = yield* withDeadline(call.kind, config.timeout)(work)
  const durationMs = (yield* Clock.currentTimeMillis) - started
  return resultOf(statisticsOf(source, target, writing, fields, moved, durationMs), moved, durationMs)
})

// --- settings ---

const targetIn = ({ create_table: createTable, target }: Config): JsonObject =>
  createTable === undefined || createTable === null ? target : { create_table: createTable, ...target }

const mappingIn = (target: JsonObject): JsonObject | undefined => {
  const mapping = target["mapping"]
  return typeof mapping === "object" && mapping !== null && !Array.isArray(mapping)
    ? (mapping as JsonObject)
    : undefined
}

/** What a table would have that is made for this transfer. */
const columnsOf = (source: Source, mapping: JsonObject | undefined) =>
  mapping === undefined
    ? source.columns
    : Object.entries(mapping).map(([name, from]) => ({
        name,
        type: source.columns.find((one) => one.name === from)?.type ?? { kind: "text" as const }
      }))

const writingOf = Effect.fnUntraced(function* (config: Config, target: Target, call: Tool.ToolCall) {
  const keys = config.keys ?? config.key ?? config.conflict_columns ?? keysIn(config.target) ?? []
  const wanted = config.mode ?? config.target["mode"] ?? "append"
  const mode = typeof wanted === "string" ? modeNames.get(wanted) : undefined
  if (mode === undefined) {
    return yield* invalid(call, "target.mode", `Expected one of ${[...modeNames.keys()].join(", ")}`)
  }
  if (mode === "upsert" && keys.length === 0)
    return yield* invalid(call, "key", "Missing: an upsert needs keys")
  const skipRows = config.on_error === "skip"
  const commit = config.commit ?? config.transaction ?? (skipRows ? "chunk" : "all")
  if (skipRows && commit === "all") {
    return yield* invalid(call, "on_error", "skip keeps what can be kept, so it goes with commit: chunk")
  }
  // A statement of the author's own does what it says.
  return {
    mode: target.custom === true ? "custom" : mode,
    keys,
    commitChunks: commit !== "all",
    skipRows
  } satisfies Writing
})

const modeNames: ReadonlyMap<string, Mode> = new Map([
  ["append", "append"],
  ["insert", "append"],
  ["replace", "replace"],
  ["overwrite", "replace"],
  ["upsert", "upsert"],
  ["merge", "upsert"]
])

const keysIn = (target: JsonObject): ReadonlyArray<string> | undefined => {
  const keys = target["keys"] ?? target["key"] ?? target["conflict_columns"]
  if (typeof keys === "string") return [keys]
  return Array.isArray(keys) ? (keys as ReadonlyArray<unknown>).map(String) : undefined
}

/** The keys as the target spells them. */
const keysOf = (fields: ReadonlyArray<Field>, { keys }: Writing, call: Tool.ToolCall) =>
  Effect.forEach(keys, (key) => {
    const named = (test: (name: string) => boolean) => fields.find(({ to }) => test(to.name))?.to.name
    const found = named((name) => name === key) ?? named((name) => name.toLowerCase() === key.toLowerCase())
    return found === undefined
      ? Effect.fail(invalid(call, "key", `${key} is not among the columns`))
      : Effect.succeed(found)
  })

// --- the result ---

const statisticsOf = (
  source: Source,
  target: Target,
  writing: Writing,
  fields: ReadonlyArray<Field>,
  moved: Moved,
  durationMs: number
): JsonObject => ({
  direction: `${source.type}_to_${target.type}`,
  source_type: source.type,
  target_type: target.type,
  mode: writing.mode,
  commit: writing.commitChunks ? "chunk" : "all",
  rows_transferred: moved.settled.committed,
  rows_read: moved.rows,
  bytes: moved.bytes,
  chunks_processed: moved.chunks,
  committed_rows: moved.settled.committed,
  ...(writing.skipRows ? { skipped_rows: moved.settled.skipped, skipped: moved.settled.errors } : {}),
  target_table: target.name,
  columns: fields.map(({ to }) => to.name),
  duration_ms: durationMs
})

const resultOf = (statistics: JsonObject, moved: Moved, durationMs: number): ToolResult.ToolResult => {
  if (moved.error === undefined) return ToolResult.success(statistics, { durationMs })
  const { failure } = moved.error
  const { committed, skipped } = moved.settled
  const leftOut = skipped === 0 ? "" : `, but for ${skipped} that were left out`
  const resume =
    committed === 0
      ? "nothing was kept: the transfer can be run again as it is"
      : `the first ${committed + skipped} rows are kept${leftOut}: run it again from there, or with mode upsert`
  return ToolResult.failure(
    { ...failure, message: `Transfer failed after ${moved.rows} rows: ${failure.message}` },
    { data: { ...statistics, failed_chunk: moved.chunks + 1, resume }, durationMs }
  )
}
