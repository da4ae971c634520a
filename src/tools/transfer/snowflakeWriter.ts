/**
 * Writes into a Snowflake table. Rows go as binds into a temporary table of text, and from there into the target with
 * one statement a commit: VALUES takes no PARSE_JSON, and a merge compares all rows at once.
 */
import { Effect } from "effect"
import type { Binds } from "snowflake-sdk"
import type { Session } from "../snowflake/Sessions.ts"
import type { SnowflakeSettings } from "../snowflake/SnowflakeOptions.ts"
import { quoteName } from "../sql/tokens.ts"
import { rowsOf } from "./copyText.ts"
import type { Field, Writer, Writing } from "./Ends.ts"
import { makeEmptying } from "./emptying.ts"
import { type Call, plainly } from "./snowflakeSql.ts"
import { valueSql } from "./snowflakeTypes.ts"

export interface Into {
  readonly session: Session
  readonly options: SnowflakeSettings
  readonly table: string
  readonly fields: ReadonlyArray<Field>
  readonly writing: Writing
  readonly call: Call
}

/** Snowflake takes 16,384 rows of binds well below its limit for a request. */
const bindRows = 10_000

export const openWriter = Effect.fnUntraced(function* (into: Into) {
  const { writing } = into
  const run = (text: string, binds?: Binds) => plainly(into.session, into.options, into.call, text, binds)
  const columns = into.fields.map((_, i) => `C${i} VARCHAR`).join(", ")
  // Making a table ends a transaction, so it comes first.
  yield* run(`CREATE OR REPLACE TEMPORARY TABLE NOETL_STAGE (N NUMBER(19,0), ${columns})`)
  const state = {
    rows: 0,
    waiting: [] as Array<ReadonlyArray<string | null>>
  }
  const emptying = makeEmptying(writing.mode === "replace")
  const marks = ["?", ...into.fields.map(() => "?")].join(", ")
  const flush = Effect.suspend(() => {
    const binds = state.waiting
    state.waiting = []
    return binds.length === 0
      ? Effect.void
      : run(`INSERT INTO NOETL_STAGE VALUES (${marks})`, binds as unknown as Binds)
  })
  return {
    write: (batch) =>
      Effect.gen(function* () {
        for (const row of rowsOf(batch)) state.waiting.push([String(state.rows++), ...row])
        if (state.waiting.length >= bindRows) yield* flush
      }),
    commit: Effect.gen(function* () {
      yield* flush
      yield* run("BEGIN")
      if (emptying.isDue()) yield* run(`DELETE FROM ${into.table}`)
      yield* run(writing.mode === "upsert" ? mergeSql(into) : insertSql(into))
      yield* run("DELETE FROM NOETL_STAGE")
      yield* run("COMMIT")
      emptying.committed()
    }),
    undo: Effect.gen(function* () {
      state.waiting = []
      emptying.undone()
      yield* run("ROLLBACK")
      yield* run("DELETE FROM NOETL_STAGE")
    })
  } satisfies Writer
})

// --- helpers ---

const names = ({ fields }: Into): ReadonlyArray<string> => fields.map(({ to }) => quoteName(to.name))

const selected = (into: Into): string =>
  into.fields.map(({ to }, i) => `${valueSql(`C${i}`, to.type)} AS ${quoteName(to.name)}`).join(", ")

const insertSql = (into: Into): string =>
  `INSERT INTO ${into.table} (${names(into).join(", ")}) SELECT ${selected(into)} FROM NOETL_STAGE ORDER BY N`

const mergeSql = (into: Into): string => {
  const keys = into.writing.keys.map(quoteName)
  const all = names(into)
  const others = all.filter((name) => !keys.includes(name))
  const columns = into.writing.keys
    .map((key) => `C${into.fields.findIndex(({ to }) => to.name === key)}`)
    .join(", ")
  const update =
    others.length === 0
      ? ""
      : `WHEN MATCHED THEN UPDATE SET ${others.map((name) => `${name} = s.${name}`).join(", ")}`
  return `MERGE INTO ${into.table} t USING (SELECT ${selected(into)} FROM NOETL_STAGE
      QUALIFY ROW_NUMBER() OVER (PARTITION BY ${columns} ORDER BY N DESC) = 1) s
    ON ${keys.map((key) => `t.${key} = s.${key}`).join(" AND ")} ${update}
    WHEN NOT MATCHED THEN INSERT (${all.join(", ")}) VALUES (${all.map((name) => `s.${name}`).join(", ")})`
}
