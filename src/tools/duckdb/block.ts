/** A block of statements on one DuckDB connection, one after the other until one fails. */
import type { DuckDBPreparedStatement, DuckDBResult, DuckDBValue } from "@duckdb/node-api"
import { Effect } from "effect"
import * as Failure from "../../domain/Failure.ts"
import { doubleOf, isExact } from "../../domain/ExactNumber.ts"
import * as JsonText from "../../domain/Json.ts"
import type { Json } from "../../domain/Json.ts"
import { type Limits, type Row, rowMaker, type StatementResult, uniqueNames } from "../Rows.ts"
import type { Ended, Mode } from "../sql/block.ts"
import type { Params } from "../sql/placeholders.ts"
import { mayHaveEffects } from "../sql/effects.ts"
import { lineOf, split, type Statement } from "../sql/split.ts"
import type { Session } from "./Databases.ts"
import { failureOf, isBroken } from "./failure.ts"
import { converterOf, type Duckdb, type Forms, isFloat, nameable } from "./values.ts"

export interface Block {
  readonly text: string
  readonly params: Params | undefined
  readonly mode: Mode
  readonly source: string
}

export interface Reading {
  readonly limits: Limits
  readonly asObjects: boolean
  readonly forms: Forms
}

export const runBlock = Effect.fnUntraced(function* (session: Session, block: Block, reading: Reading) {
  const results: Array<StatementResult> = []
  const unsayable = new Set<string>()
  const parsed = yield* Effect.result(session.run(() => session.connection.extractStatements(block.text)))
  if (parsed._tag === "Failure") return ended(failureOf(parsed.failure, block.source), undefined)
  const texts = split(block.text)
  // DuckDB's own parser is right; ours only adds lines and words where both agree.
  const known = texts.length === parsed.success.count ? texts : []
  const single = isSingle(block.mode, parsed.success.count, known)
  const own = (sql: string) => session.run(() => session.connection.run(sql))
  if (single) yield* Effect.ignore(own("BEGIN"))
  for (let i = 0; i < parsed.success.count; i++) {
    const statement = known[i]
    if (statement !== undefined && isLoaded(statement, session)) {
      results.push({ command: "LOAD", affectedRows: 0 })
      continue
    }
    const ran = yield* Effect.result(
      session.run(async () => {
        const prepared = await parsed.success.prepare(i)
        bindAll(session.duckdb, prepared, block.params)
        const effects = mayHaveEffects(statement?.text ?? block.text) || (await viewsMayHaveEffects(session))
        const result = await prepared.stream()
        return await read(session.duckdb, result, reading, unsayable, effects)
      })
    )
    if (ran._tag === "Failure") {
      if (single) yield* Effect.ignore(own("ROLLBACK"))
      if (isBroken(ran.failure)) yield* session.discard
      return ended(problemOf(ran.failure, block, i, statement), single ? "rolled_back" : undefined)
    }
    results.push(ran.success)
  }
  if (single) {
    const committed = yield* Effect.result(own("COMMIT"))
    if (committed._tag === "Failure") return ended(failureOf(committed.failure, block.source), "rolled_back")
  }
  return ended(undefined, single ? "committed" : undefined)

  function ended(error: Failure.Failure | undefined, transaction: Ended["transaction"]): Ended {
    return { results, unsayable, error, transaction }
  }
})

/** Drawing from a sequence is all that a view can do; a view need not show it, where it calls a macro. */
const viewsMayHaveEffects = async ({ connection }: Session): Promise<boolean> => {
  const found = await connection.runAndReadAll(
    "SELECT EXISTS (FROM duckdb_sequences()) AND EXISTS (FROM duckdb_views() WHERE NOT internal)"
  )
  return found.getRows()[0]?.[0] === true
}

const problemOf = (
  cause: unknown,
  block: Block,
  statement: number,
  known: Statement | undefined
): Failure.Failure =>
  cause instanceof Unbound
    ? Failure.make("config", `Database error: ${cause.message}`, {
        source: block.source,
        detail: { statement }
      })
    : failureOf(cause, block.source, {
        statement,
        ...(known === undefined ? {} : { line: lineOf(block.text, known.offset) })
      })

/** Statements that have transactions of their own, or touch what a transaction cannot hold together. */
const alone = new Set(
  "BEGIN START COMMIT END ROLLBACK ABORT ATTACH DETACH USE CHECKPOINT FORCE VACUUM PRAGMA LOAD INSTALL EXPORT IMPORT SET RESET COPY".split(
    " "
  )
)

const isSingle = (mode: Mode, count: number, known: ReadonlyArray<Statement>): boolean =>
  mode === "single" ||
  (mode === "auto" &&
    count > 1 &&
    known.length === count &&
    !known.some(({ words }) => alone.has(words[0] ?? "")))

const isLoaded = ({ text, words }: Statement, { extensions }: Session): boolean => {
  if (words[0] !== "LOAD" && words[0] !== "INSTALL") return false
  const name = /(\w+)'?\s*$/.exec(text)?.[1]?.toLowerCase() ?? ""
  return extensions.has(name)
}

// --- parameters ---

class Unbound extends Error {}

const bindAll = (duckdb: Duckdb, prepared: DuckDBPreparedStatement, params: Params | undefined): void => {
  for (let i = 1; i <= prepared.parameterCount; i++) {
    const name = prepared.parameterName(i)
    const value = valueNamed(params, name)
    if (value === undefined) throw new Unbound(`no value for $${name}`)
    const [native, type] = nativeOf(duckdb, value)
    prepared.bindValue(i, native, type)
  }
}

const valueNamed = (params: Params | undefined, name: string): Json | undefined => {
  if (params === undefined) return undefined
  if (Array.isArray(params)) return (params as ReadonlyArray<Json>)[Number(name) - 1]
  const map = params as JsonText.JsonObject
  return Object.hasOwn(map, name) ? map[name] : undefined
}

const nativeOf = (duckdb: Duckdb, value: Json) => {
  if (isExact(value)) return [doubleOf(value), duckdb.DOUBLE] as const
  switch (typeof value) {
    case "boolean":
      return [value, duckdb.BOOLEAN] as const
    case "number":
      return Number.isSafeInteger(value)
        ? ([BigInt(value), duckdb.BIGINT] as const)
        : ([value, duckdb.DOUBLE] as const)
    case "bigint":
      return [value, BigInt.asIntN(64, value) === value ? duckdb.BIGINT : duckdb.HUGEINT] as const
    case "string":
      return [value as DuckDBValue, duckdb.VARCHAR] as const
    default:
      return value === null
        ? ([null, duckdb.SQLNULL] as const)
        : ([JsonText.stringify(value), duckdb.VARCHAR] as const)
  }
}

// --- rows ---

const read = async (
  duckdb: Duckdb,
  result: DuckDBResult,
  { asObjects, forms, limits }: Reading,
  unsayable: Set<string>,
  hasEffects: boolean
): Promise<StatementResult> => {
  const command = duckdb.StatementType[result.statementType] ?? "UNKNOWN"
  if (result.returnType !== duckdb.ResultReturnType.QUERY_RESULT) {
    return { command, affectedRows: result.rowsChanged }
  }
  const columns = uniqueNames(result.columnNames())
  const types = result.columnTypes()
  const converters = types.map((type) => converterOf(duckdb, type, forms))
  const floats = types.map((type) => isFloat(duckdb, type))
  const make = rowMaker(columns, asObjects)
  const rows: Array<Row> = []
  let truncated: "rows" | "bytes" | undefined
  let bytes = 0
  let count = 0
  for (;;) {
    // What has effects runs to its end, and rows beyond the limits are dropped
    const chunk = truncated === undefined || hasEffects ? await result.fetchChunk() : null
    if (chunk === null || chunk.rowCount === 0) break
    count += chunk.rowCount
    if (truncated !== undefined) continue
    for (let i = 0; i < columns.length; i++) nameable(duckdb, chunk.getColumnVector(i).type)
    for (const values of chunk.getRows()) {
      if (limits.maxRows > 0 && rows.length >= limits.maxRows) truncated = "rows"
      else if (bytes >= limits.maxBytes) truncated = "bytes"
      if (truncated !== undefined) break
      const row = values.map((value, i) => {
        const json = converters[i]?.(value) ?? null
        if (json === null && value !== null && floats[i] === true) unsayable.add(columns[i] ?? "")
        bytes += sizeOf(json)
        return json
      })
      if (bytes > limits.maxBytes) truncated = "bytes"
      else rows.push(make(row))
    }
  }
  const table = {
    columns,
    columnTypes: types.map((type) => type.alias ?? String(type)),
    rows,
    ...(truncated === undefined ? {} : { truncated })
  }
  return { command, table, ...(writes.has(command) ? { affectedRows: count } : {}) }
}

const writes = new Set(["INSERT", "UPDATE", "DELETE", "MERGE_INTO"])

/** About as many bytes as its JSON text has. */
const sizeOf = (value: Json): number => {
  if (typeof value === "string") return value.length + 2
  if (typeof value !== "object" || value === null) return 8
  return Array.isArray(value)
    ? (value as ReadonlyArray<Json>).reduce<number>((sum, one) => sum + sizeOf(one), 2)
    : Object.entries(value).reduce((sum, [key, one]) => sum + key.length + 3 + sizeOf(one), 2)
}
