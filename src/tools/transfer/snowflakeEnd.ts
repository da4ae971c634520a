/** Snowflake as the source and as the target of a transfer: rows come as a stream, and go as binds of many rows. */
import { Effect, Schema, type Scope } from "effect"
import type { Column as DriverColumn, RowStatement } from "snowflake-sdk"
import type { Json } from "../../domain/Json.ts"
import * as Coerced from "../Coerced.ts"
import { type Session, Sessions } from "../snowflake/Sessions.ts"
import * as Account from "../snowflake/settings.ts"
import { SnowflakeOptions } from "../snowflake/SnowflakeOptions.ts"
import { asText, converterOf } from "../snowflake/values.ts"
import { pathOf, quoteName } from "../sql/tokens.ts"
import { invalid, type ToolError } from "../../domain/ToolError.ts"
import { columnOf } from "./copyText.ts"
import type { Batch, Column, Field, Pull, Source, Target } from "./Ends.ts"
import { type Call, plainly, snowflakeError } from "./snowflakeSql.ts"
import { openWriter } from "./snowflakeWriter.ts"
import { kindOfSnowflake, snowflakeName } from "./snowflakeTypes.ts"
import { queryFields, queryOf } from "./sqlText.ts"

export const SourceConfig = Schema.Struct({
  ...Account.fields,
  ...queryFields
})

export const TargetConfig = Schema.Struct({
  ...Account.fields,
  table: Coerced.optional(Schema.String),
  create_table: Coerced.optional(Coerced.Boolean)
})

export const source = Effect.fnUntraced(function* (settings: typeof SourceConfig.Type, call: Call) {
  const written = settings.query ?? settings.command ?? settings.sql ?? ""
  // Unquoted names are capital letters there, so a table's name is not quoted for its author.
  const query = yield* written === "" && settings.table
    ? Effect.succeed(`SELECT * FROM ${tableOf(settings.table)}`)
    : queryOf(settings, call)
  const session = yield* sessionFor(settings, call, "source")
  const statement = yield* started(session, query, call)
  const columns = statement.getColumns() ?? []
  return {
    type: "snowflake",
    columns: columns.map(columnFor),
    // The query is running already: its columns are known by it alone.
    read: (fields, { chunkRows }) =>
      Effect.map(rowsOf(statement), (rows) => batches(rows, columns, fields, chunkRows, call))
  } satisfies Source
})

export const target = Effect.fnUntraced(function* (
  settings: typeof TargetConfig.Type,
  call: Call,
  columnsIfNew: ReadonlyArray<Column>
) {
  const name = settings.table ?? ""
  if (name === "") return yield* invalid(call, "target.table", "Missing")
  const table = tableOf(name)
  const options = yield* SnowflakeOptions
  const session = yield* sessionFor(settings, call, "target")
  if (settings.create_table === true && columnsIfNew.length > 0) {
    const list = columnsIfNew.map((one) => `${quoteName(one.name.toUpperCase())} ${snowflakeName(one.type)}`)
    yield* plainly(session, options, call, `CREATE TABLE IF NOT EXISTS ${table} (${list.join(", ")})`)
  }
  const statement = yield* started(session, `SELECT * FROM ${table} LIMIT 0`, call)
  return {
    type: "snowflake",
    name,
    columns: (statement.getColumns() ?? []).map(columnFor),
    framed: false,
    open: (fields, writing) => openWriter({ session, options, table, fields, writing, call })
  } satisfies Target
})

// --- helpers ---

/** A name as it is written where it can stand so; else quoted. */
const tableOf = (path: string): string =>
  pathOf(path)
    .map((part) => (/^[A-Za-z_][\w$]*$/.test(part) && !path.includes('"') ? part : quoteName(part)))
    .join(".")

const sessionFor = Effect.fnUntraced(function* (
  settings: Account.Settings,
  call: Call,
  end: "source" | "target"
) {
  const options = yield* SnowflakeOptions
  const sessions = yield* Sessions
  const account = yield* Account.accountOf(settings, call, options.allowedUrls, `${end}.`)
  const session = yield* sessions.session(account, call.kind)
  // What a transfer leaves in a session (a table, an open transaction) goes with it.
  yield* Effect.addFinalizer(() => session.spoil)
  return session
})

const started = (session: Session, query: string, call: Call): Effect.Effect<RowStatement, ToolError> =>
  Effect.callback((resume) => {
    const statement = session.connection.execute({
      sqlText: query,
      parameters: { TIME_OUTPUT_FORMAT: "HH24:MI:SS.FF9" },
      fetchAsString: [...asText],
      rowMode: "array",
      streamResult: true,
      complete: (error, ended) =>
        resume(
          error === undefined || error === null
            ? Effect.succeed(ended)
            : Effect.fail(snowflakeError(error, call))
        )
    })
    return Effect.callback<void>((done) => {
      statement.cancel(() => done(Effect.void))
    }).pipe(Effect.timeoutOption("5 seconds"), Effect.asVoid)
  })

const columnFor = (column: DriverColumn): Column => ({
  name: column.getName(),
  type: kindOfSnowflake(column)
})

type Rows = AsyncIterator<ReadonlyArray<unknown>>

const rowsOf = (statement: RowStatement): Effect.Effect<Rows, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => statement.streamRows()),
      (stream) => Effect.sync(() => stream.destroy())
    ),
    (stream) => stream[Symbol.asyncIterator]() as Rows
  )

const batchRows = 1000

const batches = (
  rows: Rows,
  columns: ReadonlyArray<DriverColumn>,
  fields: ReadonlyArray<Field>,
  chunkRows: number,
  call: Call
): Pull => {
  const converters = columns.map((column) => converterOf(column, { decimal: "string" }))
  const places = fields.map(({ from }) =>
    "value" in from ? -1 : columns.findIndex((one) => one.getName() === from.name)
  )
  const lineOf = (row: ReadonlyArray<unknown>): string =>
    `${fields.map((field, i) => cellOf(field, converters[places[i] ?? -1], row[places[i] ?? -1])).join("\t")}\n`
  let inChunk = 0
  return Effect.tryPromise({
    try: async (): Promise<Batch | undefined> => {
      const room = chunkRows === 0 ? batchRows : Math.min(batchRows, chunkRows - inChunk)
      const lines: Array<string> = []
      while (lines.length < room) {
        const { done, value } = await rows.next()
        if (done === true) break
        lines.push(lineOf(value))
      }
      inChunk = chunkRows === 0 ? 0 : (inChunk + lines.length) % chunkRows
      return lines.length === 0
        ? undefined
        : { bytes: Buffer.from(lines.join("")), rows: lines.length, framed: false }
    },
    catch: (cause) => snowflakeError(cause, call)
  })
}

const cellOf = (
  { arrays, from, to, type }: Field,
  convert: ((value: unknown) => Json) | undefined,
  cell: unknown
): string => {
  if ("value" in from) return columnOf(from.value, to.type, arrays)
  const value = convert?.(cell) ?? null
  // Base64 is for JSON. A database wants its bytes.
  return type.kind === "bytes" && typeof value === "string"
    ? String.raw`\\x` + Buffer.from(value, "base64").toString("hex")
    : columnOf(value, to.type, arrays)
}
