/** Writes into a PostgreSQL table, or runs a statement for each row, in transactions of the wanted size. */
import { Effect } from "effect"
import { copyIn, type CopyIn } from "../postgres/copy.ts"
import { runForEach } from "../postgres/pipeline.ts"
import type { Session } from "../postgres/Pools.ts"
import { quoteName, quotePath } from "../sql/tokens.ts"
import type { ToolError } from "../../domain/ToolError.ts"
import { frameOf } from "./copyText.ts"
import { type Emptying, makeEmptying } from "./emptying.ts"
import type { Field, Writer, Writing } from "./Ends.ts"
import { compile, valuesOf } from "./ownStatement.ts"
import { sql, sqlError } from "./postgresSql.ts"

export interface Into {
  readonly session: Session
  readonly table: string
  /** A statement to be run for each row instead. */
  readonly custom: string | undefined
  readonly fields: ReadonlyArray<Field>
  readonly writing: Writing
  readonly call: { readonly kind: string }
}

export const openWriter = Effect.fnUntraced(function* (into: Into) {
  if (into.writing.mode === "upsert") yield* createStage(into)
  const own = into.custom === undefined ? undefined : yield* compile(into.custom, into.fields, into.call)
  const failed = <A>(effect: Effect.Effect<A, unknown>) =>
    Effect.mapError(effect, (cause) => sqlError(cause, into.call))
  const emptying = makeEmptying(into.writing.mode === "replace")
  const state: State = { begun: false, emptying, copy: undefined }
  return {
    write: (batch) =>
      Effect.gen(function* () {
        yield* begin(into, state)
        if (own !== undefined) return yield* failed(runForEach(into.session, own.text, valuesOf(own, batch)))
        state.copy ??= yield* failed(copyIn(into.session, copySql(into)))
        yield* failed(state.copy.write(batch.framed ? batch.bytes : frameOf(batch.bytes)))
      }),
    commit: Effect.gen(function* () {
      // A target that is to be replaced by nothing is empty.
      if (into.writing.mode === "replace") yield* begin(into, state)
      if (!state.begun) return
      if (state.copy !== undefined) {
        const { finish } = state.copy
        state.copy = undefined
        yield* failed(finish)
      }
      if (into.writing.mode === "upsert") yield* sql(into.session, into.call, mergeSql(into))
      yield* sql(into.session, into.call, "COMMIT")
      state.begun = false
      emptying.committed()
    }),
    undo: Effect.suspend(() => {
      state.copy = undefined
      state.begun = false
      emptying.undone()
      return sql(into.session, into.call, "ROLLBACK")
    })
  } satisfies Writer
})

// --- helpers ---

interface State {
  begun: boolean
  readonly emptying: Emptying
  copy: CopyIn | undefined
}

const begin = (into: Into, state: State): Effect.Effect<void, ToolError> =>
  Effect.suspend(() => {
    if (state.begun) return Effect.void
    const replaces = state.emptying.isDue()
    state.begun = true
    return sql(into.session, into.call, replaces ? `BEGIN; TRUNCATE ${quotePath(into.table)}` : "BEGIN")
  })

const names = ({ fields }: Into): string => fields.map(({ to }) => quoteName(to.name)).join(", ")

const copySql = (into: Into): string =>
  `COPY ${into.writing.mode === "upsert" ? stage : quotePath(into.table)} (${names(into)}) FROM STDIN`

const stage = `pg_temp."noetl_stage"`

/** Columns of the target's types, and the order in which rows came, so that the last of a key wins. */
const createStage = (into: Into) =>
  sql(
    into.session,
    into.call,
    `CREATE TEMP TABLE "noetl_stage" ON COMMIT DELETE ROWS AS SELECT ${names(into)} FROM ${quotePath(into.table)} WITH NO DATA;
     ALTER TABLE ${stage} ADD COLUMN "noetl_n" bigserial`
  )

/** Always in the order of the keys: two upserts into one table wait for each other instead of locking each other out. */
const mergeSql = (into: Into): string => {
  const keys = into.writing.keys.map(quoteName).join(", ")
  const others = into.fields.map(({ to }) => to.name).filter((name) => !into.writing.keys.includes(name))
  const sets = others.map((name) => `${quoteName(name)} = EXCLUDED.${quoteName(name)}`).join(", ")
  const action = sets === "" ? "DO NOTHING" : `DO UPDATE SET ${sets}`
  return `INSERT INTO ${quotePath(into.table)} (${names(into)})
    SELECT ${names(into)} FROM (SELECT DISTINCT ON (${keys}) * FROM ${stage} ORDER BY ${keys}, "noetl_n" DESC) s
    ON CONFLICT (${keys}) ${action}`
}
