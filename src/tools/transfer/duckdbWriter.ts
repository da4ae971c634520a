/** Writes into a DuckDB table: blocks of lines go into a table of this connection, and are taken apart there. */
import type { DuckDBAppender } from "@duckdb/node-api"
import { Effect } from "effect"
import type { Session } from "../duckdb/Databases.ts"
import { quoteName, quotePath } from "../sql/tokens.ts"
import type { ToolError } from "../../domain/ToolError.ts"
import { duckdbError, run } from "./duckdbSql.ts"
import { columnSql } from "./duckdbTypes.ts"
import { type Emptying, makeEmptying } from "./emptying.ts"
import type { Batch, Field, Writer, Writing } from "./Ends.ts"
import { runForEach } from "./duckdbStatement.ts"
import { compile } from "./ownStatement.ts"

export interface Into {
  readonly session: Session
  readonly table: string
  /** A statement to be run for each row instead. */
  readonly custom: string | undefined
  readonly fields: ReadonlyArray<Field>
  readonly writing: Writing
  readonly call: { readonly kind: string }
}

/** So much is collected before it is taken apart: enough for all threads, little for the memory. */
const flushBytes = 8 * 1024 * 1024

export const openWriter = Effect.fnUntraced(function* (into: Into) {
  const { call, session, writing } = into
  yield* run(session, `CREATE OR REPLACE TEMP TABLE ${stage} (n BIGINT, t VARCHAR)`, call)
  yield* Effect.addFinalizer(() => Effect.ignore(run(session, "ROLLBACK", call)))
  const own = into.custom === undefined ? undefined : yield* compile(into.custom, into.fields, call)
  const emptying = makeEmptying(into.writing.mode === "replace")
  const state: State = {
    begun: false,
    emptying,
    appender: undefined,
    blocks: 0n,
    bytes: 0
  }
  return {
    write: (batch) =>
      Effect.gen(function* () {
        yield* begin(into, state)
        if (batch.rows === 0) return
        if (own !== undefined) return yield* runForEach(session, own, into.fields, batch, call)
        yield* append(into, state, batch)
        // An upsert compares all rows of a commit at once: the last of a key wins.
        if (state.bytes >= flushBytes && writing.mode !== "upsert") yield* flush(into, state)
      }),
    commit: Effect.gen(function* () {
      if (writing.mode === "replace") yield* begin(into, state)
      if (!state.begun) return
      yield* flush(into, state)
      yield* run(session, "COMMIT", call)
      state.begun = false
      emptying.committed()
    }),
    undo: Effect.suspend(() => {
      state.appender?.closeSync()
      state.appender = undefined
      state.bytes = 0
      state.begun = false
      emptying.undone()
      return run(session, "ROLLBACK", call)
    })
  } satisfies Writer
})

// --- helpers ---

interface State {
  begun: boolean
  readonly emptying: Emptying
  appender: DuckDBAppender | undefined
  blocks: bigint
  bytes: number
}

const stage = `"noetl_stage"`

const begin = (into: Into, state: State): Effect.Effect<void, ToolError> =>
  Effect.suspend(() => {
    if (state.begun) return Effect.void
    state.begun = true
    const replaces = state.emptying.isDue()
    return run(into.session, replaces ? `BEGIN; DELETE FROM ${quotePath(into.table)}` : "BEGIN", into.call)
  })

const append = (into: Into, state: State, batch: Batch): Effect.Effect<void, ToolError> =>
  Effect.tryPromise({
    try: async () => {
      state.appender ??= await into.session.connection.createAppender("noetl_stage", null, "temp")
      // Without the last line's end, which would be one more line.
      state.appender.appendBigInt(state.blocks++)
      state.appender.appendVarchar(batch.bytes.toString("utf8", 0, batch.bytes.length - 1))
      state.appender.endRow()
      state.bytes += batch.bytes.length
    },
    catch: (cause) => duckdbError(cause, into.call)
  })

const flush = Effect.fnUntraced(function* (into: Into, state: State) {
  if (state.appender === undefined) return
  const { appender } = state
  state.appender = undefined
  state.bytes = 0
  yield* Effect.try({
    try: () => {
      appender.flushSync()
      appender.closeSync()
    },
    catch: (cause) => duckdbError(cause, into.call)
  })
  yield* run(into.session, into.writing.mode === "upsert" ? upsertSql(into) : insertSql(into), into.call)
  yield* run(into.session, `DELETE FROM ${stage}`, into.call)
})

const names = ({ fields }: Into): string => fields.map(({ to }) => quoteName(to.name)).join(", ")
const values = ({ fields }: Into): string =>
  fields.map(({ to }, i) => `${columnSql(i + 1, to)} AS ${quoteName(to.name)}`).join(", ")

const insertSql = (into: Into): string =>
  `INSERT INTO ${quotePath(into.table)} (${names(into)}) SELECT ${values(into)}
   FROM (SELECT string_split(l, chr(9)) AS f FROM (SELECT unnest(string_split(t, chr(10))) AS l FROM ${stage}))`

const upsertSql = (into: Into): string => {
  const keys = into.writing.keys.map(quoteName).join(", ")
  const others = into.fields.map(({ to }) => to.name).filter((name) => !into.writing.keys.includes(name))
  const sets = others.map((name) => `${quoteName(name)} = EXCLUDED.${quoteName(name)}`).join(", ")
  return `INSERT INTO ${quotePath(into.table)} (${names(into)}) SELECT ${names(into)} FROM (
      SELECT ${values(into)}, n AS "noetl_n", p AS "noetl_p" FROM (
        SELECT n, p, string_split(l, chr(9)) AS f FROM (
          SELECT n, unnest(string_split(t, chr(10))) AS l, generate_subscripts(string_split(t, chr(10)), 1) AS p
          FROM ${stage})))
    QUALIFY row_number() OVER (PARTITION BY ${keys} ORDER BY "noetl_n" DESC, "noetl_p" DESC) = 1
    ON CONFLICT (${keys}) ${sets === "" ? "DO NOTHING" : `DO UPDATE SET ${sets}`}`
}
