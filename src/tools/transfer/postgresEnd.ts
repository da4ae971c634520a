/** PostgreSQL as the source and as the target of a transfer, both by COPY. */
import { Effect, Schema, type Scope } from "effect"
import type { JsonObject } from "../../domain/Json.ts"
import * as Coerced from "../Coerced.ts"
import { copyOut, type Frames } from "../postgres/copy.ts"
import { Pools, type Session } from "../postgres/Pools.ts"
import { PostgresOptions } from "../postgres/PostgresOptions.ts"
import { release } from "../postgres/release.ts"
import * as Connection from "../postgres/settings.ts"
import { learnTypes } from "../postgres/execute.ts"
import { quoteName, quotePath, quoteText } from "../sql/tokens.ts"
import { invalid, type ToolError } from "../../domain/ToolError.ts"
import { columnOf, Deframer } from "./copyText.ts"
import type { Batch, Column, Field, Pull, Source, Target } from "./Ends.ts"
import { type Call, sql, sqlError } from "./postgresSql.ts"
import { openWriter } from "./postgresWriter.ts"
import { postgresName, typeOfOid } from "./postgresTypes.ts"
import { queryFields, queryOf } from "./sqlText.ts"

export const SourceConfig = Schema.Struct({
  ...Connection.fields,
  ...queryFields,
  schema: Coerced.optional(Schema.String)
})

export const TargetConfig = Schema.Struct({
  ...Connection.fields,
  table: Coerced.optional(Schema.String),
  query: Coerced.optional(Schema.String),
  schema: Coerced.optional(Schema.String),
  create_table: Coerced.optional(Coerced.Boolean)
})

/** Both ends of many transfers may be one server: pools apart keep the ones from waiting for the others. */
const sessionFor = Effect.fnUntraced(function* (
  settings: Connection.Settings & { readonly schema?: string | null },
  call: Call,
  end: "source" | "target"
) {
  const options = yield* PostgresOptions
  const pools = yield* Pools
  const target = yield* Connection.targetOf(settings, call, options.filesRoot, `${end}.`)
  const session = yield* pools.session({ ...target, pool: `transfer-${end} ${target.pool}` }, call.kind)
  yield* sql(
    session,
    call,
    `SET application_name = ${quoteText(`${options.applicationName} transfer ${end}`)}`
  )
  if (typeof settings.schema === "string" && settings.schema !== "") {
    yield* sql(session, call, `SET search_path = ${quoteName(settings.schema)}`)
  }
  return { session, where: Connection.shown(target) }
})

export const source = Effect.fnUntraced(function* (settings: typeof SourceConfig.Type, call: Call) {
  const query = yield* queryOf(settings, call)
  const { session } = yield* sessionFor(settings, call, "source")
  const columns = yield* describe(session, call, `SELECT * FROM (${query}\n) q LIMIT 0`)
  return {
    type: "postgres",
    columns,
    read: (fields, { chunkRows, framed }) =>
      Effect.gen(function* () {
        const list = fields.map(fieldSql).join(", ")
        yield* abandoned(session)
        const take = yield* copyOut(session, `COPY (SELECT ${list} FROM (${query}\n) q) TO STDOUT`, chunkRows)
        const failed = Effect.mapError(take, (cause) => sqlError(cause, call))
        return framed ? Effect.map(failed, (one) => one && { ...one, framed: true }) : linesOf(failed)
      })
  } satisfies Source
})

export const target = Effect.fnUntraced(function* (
  settings: typeof TargetConfig.Type,
  call: Call,
  columnsIfNew: ReadonlyArray<Column>
) {
  const custom = typeof settings.query === "string" && settings.query !== "" ? settings.query : undefined
  const table = settings.table ?? ""
  if (table === "" && custom === undefined) {
    return yield* invalid(call, "target.table", "Missing: one of table, query")
  }
  const { session } = yield* sessionFor(settings, call, "target")
  const name = table === "" ? "(statement)" : table
  if (custom === undefined && settings.create_table === true && columnsIfNew.length > 0) {
    const list = columnsIfNew.map((one) => `${quoteName(one.name)} ${postgresName(one.type)}`)
    yield* sql(session, call, `CREATE TABLE IF NOT EXISTS ${quotePath(table)} (${list.join(", ")})`)
  }
  const columns =
    custom === undefined
      ? yield* describe(session, call, `SELECT * FROM ${quotePath(table)} LIMIT 0`)
      : undefined
  return {
    type: "postgres",
    name,
    columns,
    framed: custom === undefined,
    custom: custom !== undefined,
    open: (fields, writing) =>
      Effect.andThen(abandoned(session), openWriter({ session, table, custom, fields, writing, call }))
  } satisfies Target
})

// --- helpers ---

/** A COPY that does not come to its end cannot be ended politely: the server notices it by its connection closing. */
const abandoned = (session: Session): Effect.Effect<void, never, Scope.Scope> =>
  Effect.addFinalizer(() =>
    session.client.getTransactionStatus() === "I" && session.wire.copy === undefined && isQuiet(session)
      ? Effect.void
      : Effect.andThen(session.cancel, Effect.sync(session.spoil))
  )

const isQuiet = (session: Session): boolean =>
  (session.client as unknown as { readonly readyForQuery: boolean }).readyForQuery

interface Described {
  readonly name: string
  readonly dataTypeID: number
  readonly dataTypeModifier: number
}

const describe = Effect.fnUntraced(function* (session: Session, call: Call, text: string) {
  const { fields } = yield* Effect.tryPromise({
    try: () => session.client.query<JsonObject>(text),
    catch: (cause) => sqlError(cause, call)
  })
  const types = yield* Effect.mapError(
    learnTypes(
      session,
      fields.map((one: Described) => one.dataTypeID)
    ),
    ({ cause }) => sqlError(cause, call)
  )
  return fields.map(({ dataTypeID, dataTypeModifier, name }: Described): Column => ({
    name,
    type: typeOfOid(dataTypeID, dataTypeModifier, types)
  }))
})

/** To another PostgreSQL a value goes as its own text. Others read JSON for lists. */
const fieldSql = ({ arrays, from, to, type }: Field): string => {
  if ("value" in from) {
    return from.value === null ? "NULL::text" : `${quoteText(unescapedText(from.value, to))}::text`
  }
  const name = `q.${quoteName(from.name)}`
  return type.kind === "list" && (!arrays || to.type.kind === "json") ? `to_json(${name})::text` : name
}

const unescapedText = (
  value: Exclude<Field["from"], { readonly name: string }>["value"],
  { type }: Column
): string =>
  typeof value === "string" && type.kind !== "json" ? value : columnOf(value, type).replaceAll("\\\\", "\\")

const linesOf = (take: Effect.Effect<Frames | undefined, ToolError>): Pull => {
  const deframer = new Deframer()
  return Effect.map(take, (frames): Batch | undefined => {
    if (frames === undefined) return undefined
    const bytes = deframer.take(frames.bytes)
    release(frames.bytes)
    return { bytes, rows: frames.rows, framed: false }
  })
}
