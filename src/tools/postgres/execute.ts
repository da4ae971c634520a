/** Runs statements on a session. What the server refuses is a value of type `SqlFailure`, with its cause. */
import { Data, Duration, Effect } from "effect"
import { doubleOf, isExact } from "../../domain/ExactNumber.ts"
import type { Json } from "../../domain/Json.ts"
import * as JsonText from "../../domain/Json.ts"
import type { StatementResult, Table } from "../Rows.ts"
import { bind, type Params } from "../sql/placeholders.ts"
import { literalOf } from "./arrays.ts"
import type { Session } from "./Pools.ts"
import { type Answer, type Request, Statement } from "./Statement.ts"
import { builtin, isJsonType, parserOf, type PgType } from "./types.ts"

/** `cause` is the driver's error, never shown as it is. */
export class SqlFailure extends Data.TaggedError("SqlFailure")<{ readonly cause: unknown }> {}

export type Options = Omit<Request, "text" | "values" | "types">

export interface Ran {
  readonly result: StatementResult
  /** Columns in which a value that JSON cannot say became null. */
  readonly unsayable: ReadonlySet<string>
}

/** One statement with its parameters. */
export const execute = Effect.fnUntraced(function* (
  session: Session,
  text: string,
  params: Params | undefined,
  options: Options,
  grace: Duration.Duration
) {
  const bound = bind(text, params)
  if (bound.missing.length > 0) {
    return yield* new SqlFailure({ cause: new Error(`no value for ${bound.missing.join(", ")}`) })
  }
  // A list is an array to most types and JSON to two, and 20.0 is an integer to some: only the server knows which.
  const types = bound.values.some((value) => Array.isArray(value) || isExact(value))
    ? yield* parameterTypes(session, bound.text)
    : []
  const values = bound.values.map((value, i) => textOf(value, types[i]))
  const answer = yield* run(
    session,
    { ...options, text: bound.text, values, types: (oid) => builtin.get(oid) ?? session.types.get(oid) },
    grace
  )
  const table = answer.columns === undefined ? undefined : yield* tableOf(session, answer, options)
  return { result: resultOf(answer, table), unsayable: answer.unsayable } satisfies Ran
})

/** What the session knows of types, after asking for those that it does not. */
export const learnTypes = (
  session: Session,
  oids: ReadonlyArray<number>
): Effect.Effect<(oid: number) => PgType | undefined, SqlFailure> => {
  const known = (oid: number) => builtin.get(oid) ?? session.types.get(oid)
  const unknown = [...new Set(oids)].filter((oid) => known(oid) === undefined)
  return unknown.length === 0 ? Effect.succeed(known) : Effect.as(learn(session, unknown), known)
}

/** A statement of ours, whose result does not matter. */
export const simple = (session: Session, text: string): Effect.Effect<void, SqlFailure> =>
  Effect.asVoid(
    Effect.tryPromise({ try: () => session.client.query(text), catch: (cause) => new SqlFailure({ cause }) })
  )

// --- helpers ---

/** Interruption asks the server to stop and waits for it; a server that does not loses its connection. */
const run = (
  session: Session,
  request: Request,
  grace: Duration.Duration
): Effect.Effect<Answer, SqlFailure> =>
  Effect.callback((resume) => {
    const ended = Promise.withResolvers<void>()
    const statement = new Statement(request, session.wire, (error, answer) => {
      ended.resolve()
      resume(answer === undefined ? Effect.fail(new SqlFailure({ cause: error })) : Effect.succeed(answer))
    })
    session.client.query(statement)
    return Effect.promise(() => ended.promise).pipe(
      Effect.raceFirst(Effect.andThen(session.cancel, Effect.never)),
      Effect.timeoutOrElse({ duration: grace, orElse: () => Effect.sync(session.spoil) })
    )
  })

const resultOf = (answer: Answer, table: Table | undefined): StatementResult => {
  const [, command = "", count] = /^(.*?)(?: (?:\d+ )?(\d+))?$/.exec(answer.tag ?? "") ?? []
  const writes = /^(INSERT|UPDATE|DELETE|MERGE|COPY)/.test(command)
  // The tag counts the rows of the last batch only
  const rows = table === undefined ? Number(count ?? 0) : answer.seen
  const affected = table === undefined || writes ? { affectedRows: rows } : {}
  return {
    command: command === "" ? "EMPTY" : command,
    ...affected,
    ...(table === undefined ? {} : { table })
  }
}

const tableOf = Effect.fnUntraced(function* (session: Session, answer: Answer, options: Options) {
  const columns = answer.columns ?? []
  if (answer.unread.length > 0) {
    yield* learn(session, [...new Set(answer.unread.map((i) => columns[i]?.oid ?? 0))])
    reread(session, answer, options)
  }
  const nameOf = (oid: number) => builtin.get(oid)?.name ?? session.types.get(oid)?.name ?? String(oid)
  return {
    columns: columns.map(({ name }) => name),
    columnTypes: columns.map(({ oid }) => nameOf(oid)),
    rows: answer.rows,
    ...(answer.truncated === undefined ? {} : { truncated: answer.truncated })
  } satisfies Table
})

/** Values of types that were not known when they came are text; some of them are arrays. */
const reread = (session: Session, answer: Answer, { asObjects, numbers }: Options): void => {
  const types = (oid: number) => builtin.get(oid) ?? session.types.get(oid)
  for (const i of answer.unread) {
    const column = answer.columns?.[i]
    if (column === undefined || types(column.oid)?.element === undefined) continue
    const parse = parserOf(column.oid, types, numbers)
    const key = asObjects ? column.name : i
    for (const row of answer.rows as ReadonlyArray<Record<string | number, Json>>) {
      const text = row[key]
      if (typeof text === "string") row[key] = parse(text)
    }
  }
}

/** The types and what they are made of: elements of arrays, and what domains are domains of. */
const describe = `WITH RECURSIVE reached(oid) AS (
    SELECT unnest($1::oid[])
    UNION
    SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END
    FROM reached JOIN pg_catalog.pg_type t USING (oid) WHERE t.typtype = 'd' OR t.typcategory = 'A'
  )
  SELECT t.oid::int8 AS oid, t.typname AS name, a.oid::int8 AS element, a.typname AS of, a.typdelim AS delimiter,
    CASE t.typtype WHEN 'd' THEN t.typbasetype::int8 END AS base
  FROM reached JOIN pg_catalog.pg_type t USING (oid)
    LEFT JOIN pg_catalog.pg_type a ON a.oid = t.typelem AND a.typarray = t.oid`

interface Described {
  readonly oid: string
  readonly name: string
  readonly element: string | null
  readonly of: string | null
  readonly delimiter: string | null
  readonly base: string | null
}

const learn = Effect.fnUntraced(function* (session: Session, oids: ReadonlyArray<number>) {
  const { rows } = yield* Effect.tryPromise({
    try: () => session.client.query<Described>(describe, [oids]),
    catch: (cause) => new SqlFailure({ cause })
  })
  for (const { base, delimiter, element, name, of, oid } of rows) {
    const made = base === null ? { name } : { name, base: Number(base) }
    const type: PgType =
      element === null ? made : { name: `${of}[]`, element: Number(element), delimiter: delimiter ?? "," }
    session.types.set(Number(oid), type)
  }
})

const textOf = (value: Json, oid: number | undefined): string | null => {
  if (value === null) return null
  if (Array.isArray(value)) {
    return oid !== undefined && isJsonType(oid)
      ? JsonText.stringify(value)
      : literalOf(value as ReadonlyArray<Json>)
  }
  if (isExact(value) && oid !== undefined && integerTypes.has(oid) && Number.isSafeInteger(doubleOf(value)))
    return String(doubleOf(value))
  return typeof value === "object" ? JsonText.stringify(value) : String(value)
}

/** int8, int2, int4, oid */
const integerTypes: ReadonlySet<number> = new Set([20, 21, 23, 26])

/** What the server takes the parameters of a statement for. */
const parameterTypes = (session: Session, text: string): Effect.Effect<ReadonlyArray<number>, SqlFailure> =>
  Effect.callback((resume) => {
    let types: ReadonlyArray<number> = []
    let failed = false
    const { connection } = session.client as unknown as { connection: import("node:events").EventEmitter }
    const onDescription = (message: { readonly dataTypeIDs: ReadonlyArray<number> }) => {
      types = message.dataTypeIDs
    }
    connection.once("parameterDescription", onDescription)
    const end = (effect: Effect.Effect<ReadonlyArray<number>, SqlFailure>) => {
      connection.removeListener("parameterDescription", onDescription)
      resume(effect)
    }
    session.client.query({
      submit: (wire: unknown) => {
        const connected = wire as import("./Wire.ts").Connection
        connected.parse({ name: "", text, types: [] })
        connected.describe({ type: "S", name: "" })
        connected.sync()
      },
      handleRowDescription: () => undefined,
      handleError: (cause: unknown) => {
        failed = true
        end(Effect.fail(new SqlFailure({ cause })))
      },
      handleReadyForQuery: () => {
        if (!failed) end(Effect.succeed(types))
      }
    } as import("pg").Submittable)
  })
