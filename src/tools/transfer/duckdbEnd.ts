/** DuckDB as the source and as the target of a transfer. Lines are made and taken apart inside of DuckDB. */
import type { DuckDBResult } from "@duckdb/node-api"
import { Effect, Schema, type Scope } from "effect"
import * as Coerced from "../Coerced.ts"
import type { ResolvedAuth } from "../../domain/Credential.ts"
import { Databases, type Session } from "../duckdb/Databases.ts"
import type { Place } from "../duckdb/openDatabase.ts"
import { checkLinks, placeOf } from "../duckdb/place.ts"
import { createSecrets, secretsOf } from "../duckdb/secrets.ts"
import { quoteName, quotePath } from "../sql/tokens.ts"
import { duckdbError, run } from "./duckdbSql.ts"
import { duckdbName, lineSql, typeOfDuckdb } from "./duckdbTypes.ts"
import { openWriter } from "./duckdbWriter.ts"
import type { Batch, Column, Pull, Source, Target } from "./Ends.ts"
import { queryFields, queryOf } from "./sqlText.ts"
import { invalid, type ToolError } from "../../domain/ToolError.ts"

const place = {
  database: Coerced.optional(Schema.String),
  db_path: Coerced.optional(Schema.String),
  connection: Coerced.optional(Schema.String)
}

export const PlaceConfig = Schema.Struct(place)

export const SourceConfig = Schema.Struct({
  ...place,
  ...queryFields
})

export const TargetConfig = Schema.Struct({
  ...place,
  table: Coerced.optional(Schema.String),
  query: Coerced.optional(Schema.String),
  create_table: Coerced.optional(Coerced.Boolean)
})

interface Call {
  readonly kind: string
  readonly executionId: string
}

export const source = Effect.fnUntraced(function* (
  settings: typeof SourceConfig.Type,
  call: Call,
  secrets: ResolvedAuth
) {
  const query = yield* queryOf(settings, call)
  const session = yield* sessionFor(settings, call, "source", secrets)
  return yield* sourceOf(session, query, "duckdb", call)
})

/** Any query of a session as a source; files are read this way too. */
export const sourceOf = Effect.fnUntraced(function* (
  session: Session,
  query: string,
  type: string,
  call: Call
) {
  const columns = yield* describe(session, `SELECT * FROM (${query}\n) q LIMIT 0`, call)
  return {
    type,
    columns,
    read: (fields, { chunkRows }) =>
      Effect.gen(function* () {
        const text = `SELECT ${lineSql(fields)} FROM (${query}\n) q`
        const result = yield* Effect.mapError(
          session.run(() => session.connection.stream(text)),
          (cause) => duckdbError(cause, call)
        )
        return linesOf(session, result, chunkRows, call)
      })
  } satisfies Source
})

export const target = Effect.fnUntraced(function* (
  settings: typeof TargetConfig.Type,
  call: Call,
  columnsIfNew: ReadonlyArray<Column>,
  secrets: ResolvedAuth
) {
  const table = settings.table ?? ""
  const custom = typeof settings.query === "string" && settings.query !== "" ? settings.query : undefined
  if (table === "" && custom === undefined) {
    return yield* invalid(call, "target.table", "Missing: one of table, query")
  }
  if (custom !== undefined)
    yield* checkLinks(
      yield* Databases,
      yield* placeIn(settings, call, "target"),
      { text: custom, at: "target.query" },
      call
    )
  const session = yield* sessionFor(settings, call, "target", secrets)
  if (custom === undefined && settings.create_table !== false && columnsIfNew.length > 0) {
    const list = columnsIfNew.map((one) => `${quoteName(one.name)} ${duckdbName(one.type)}`)
    yield* run(session, `CREATE TABLE IF NOT EXISTS ${quotePath(table)} (${list.join(", ")})`, call)
  }
  const columns =
    custom === undefined
      ? yield* describe(session, `SELECT * FROM ${quotePath(table)} LIMIT 0`, call)
      : undefined
  return {
    type: "duckdb",
    name: table === "" ? "(statement)" : table,
    columns,
    framed: false,
    custom: custom !== undefined,
    open: (fields, writing) => openWriter({ session, table, custom, fields, writing, call })
  } satisfies Target
})

/** The database that an end names. */
export const placeIn = (
  settings: typeof PlaceConfig.Type,
  call: Call,
  end: "source" | "target"
): Effect.Effect<Place, ToolError, Databases> =>
  Effect.flatMap(Databases, (databases) => {
    const path = settings.database ?? settings.db_path ?? settings.connection?.replace(/^duckdb:(\/\/)?/, "")
    return placeOf(databases, path, call, `${end}.database`)
  })

// --- helpers ---

const sessionFor = (
  settings: typeof PlaceConfig.Type,
  call: Call,
  end: "source" | "target",
  secrets: ResolvedAuth
): Effect.Effect<Session, ToolError, Databases | Scope.Scope> =>
  Effect.gen(function* () {
    const databases = yield* Databases
    const at = yield* placeIn(settings, call, end)
    const session = yield* databases.session(at, call.kind, secretsOf(secrets).length > 0)
    yield* createSecrets(session, secrets, call, `${end}.auth`)
    return session
  })

export const describe = Effect.fnUntraced(function* (session: Session, text: string, call: Call) {
  const result = yield* Effect.mapError(
    session.run(() => session.connection.run(text)),
    (cause) => duckdbError(cause, call)
  )
  const names = result.columnNames()
  return result
    .columnTypes()
    .map((type, i): Column => ({ name: names[i] ?? "", type: typeOfDuckdb(session.duckdb, type) }))
})

const linesOf = (session: Session, result: DuckDBResult, chunkRows: number, call: Call): Pull => {
  let waiting: ReadonlyArray<string> = []
  let inChunk = 0
  const fetch = Effect.mapError(
    session.run(async () => {
      const chunk = await result.fetchChunk()
      return chunk === null || chunk.rowCount === 0 ? [] : (chunk.getColumnValues(0) as ReadonlyArray<string>)
    }),
    (cause) => duckdbError(cause, call)
  )
  return Effect.gen(function* () {
    if (waiting.length === 0) waiting = yield* fetch
    if (waiting.length === 0) return undefined
    const room = chunkRows === 0 ? waiting.length : chunkRows - inChunk
    const lines = waiting.slice(0, room)
    waiting = waiting.slice(room)
    inChunk = chunkRows === 0 ? 0 : (inChunk + lines.length) % chunkRows
    return { bytes: Buffer.from(`${lines.join("\n")}\n`), rows: lines.length, framed: false } satisfies Batch
  })
}
