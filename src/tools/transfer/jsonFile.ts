/**
 * Files of JSON as a view of text columns. DuckDB's JSON keeps no number that is no double, so numbers are texts with a mark
 * until they are taken out, and reach the target as they are written.
 */
import { Effect } from "effect"
import type { Session } from "../duckdb/Databases.ts"
import { invalid } from "../../domain/ToolError.ts"
import { quoteName, quoteText } from "../sql/tokens.ts"
import { duckdbError } from "./duckdbSql.ts"

const mark = "⟦number⟧"

/** The query for a file's rows; undefined for a file without any value. `options` are those of `read_json_objects`. */
export const jsonRows = Effect.fnUntraced(function* (
  session: Session,
  file: string,
  options: string,
  call: { readonly kind: string }
) {
  const objects = `read_json_objects(${quoteText(file)}${options})`
  const rowsOf = (text: string) =>
    Effect.mapError(
      session.run(async () => (await session.connection.runAndReadAll(text)).getRows()),
      (cause) => duckdbError(cause, call)
    )
  const [counts = []] = yield* rowsOf(
    `SELECT count(*), count(*) FILTER (json_type(json) = 'OBJECT') FROM ${objects}`
  )
  const [rows, maps] = counts.map(Number)
  if (rows === 0) return undefined
  if (maps === 0) return `SELECT ${textSql("v")} AS json FROM (SELECT ${marked}::JSON AS v FROM ${objects})`
  if (maps !== rows) return yield* invalid(call, "source.path", `not every row of ${file} is an object`)
  const keys = yield* rowsOf(
    `SELECT k FROM (SELECT unnest(keys) AS k, unnest(range(len(keys))) AS i, n FROM (
       SELECT json_keys(json) AS keys, row_number() OVER () AS n FROM ${objects})) GROUP BY k ORDER BY min(n), min(i)`
  )
  const names = keys.map(([key]) => String(key))
  const members = (json: string) =>
    `(SELECT json_extract(${json}, [${names.map(pointer).join(", ")}]) AS v FROM ${objects})`
  // Where every value is a container the column is JSON, else it is text
  const containers = names.map(
    (_, i) => `bool_and(json_type(v[${i + 1}]) IN ('ARRAY', 'OBJECT', 'NULL'))
    AND bool_or(json_type(v[${i + 1}]) <> 'NULL')`
  )
  const [isJson = []] =
    names.length === 0 ? [] : yield* rowsOf(`SELECT ${containers.join(", ")} FROM ${members("json")}`)
  const columns = uniqueOf(names).map(
    (name, i) => `(${textSql(`v[${i + 1}]`)})${isJson[i] === true ? "::JSON" : ""} AS ${quoteName(name)}`
  )
  return columns.length === 0 ? undefined : `SELECT ${columns.join(", ")} FROM ${members(marked)}`
})

// --- helpers ---

/** The text of an object, its numbers marked. No JSON has the characters 1 and 2 that stand for quotes meanwhile. */
const marked = `replace(replace(replace(regexp_replace(json::VARCHAR,
  '("(?:[^"\\\\]|\\\\.)*")|(-?[0-9]+(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)', '\\1' || chr(1) || '\\2' || chr(2), 'g'),
  chr(1) || chr(2), ''), chr(1), '"${mark}'), chr(2), '"')`

/** A member as text: what is no text is JSON, with its numbers as they are written. */
const textSql = (value: string): string =>
  `CASE json_type(${value}) WHEN 'NULL' THEN NULL
     WHEN 'VARCHAR' THEN CASE WHEN starts_with(${value}->>'$', '${mark}')
       THEN substr(${value}->>'$', ${mark.length + 1}) ELSE ${value}->>'$' END
     ELSE regexp_replace(${value}::VARCHAR, '"${mark}([^"]*)"', '\\1', 'g') END`

const pointer = (key: string): string => quoteText(`/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`)

/** Columns are the same to DuckDB whatever their case. */
const uniqueOf = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const taken = new Set<string>()
  return names.map((name) => {
    let free = name
    for (let n = 1; taken.has(free.toLowerCase()); n++) free = `${name}_${n}`
    taken.add(free.toLowerCase())
    return free
  })
}
