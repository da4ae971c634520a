/** DuckDB's types as kinds and kinds as its types, and SQL that makes and reads lines inside of DuckDB. */
import type { DuckDBType } from "@duckdb/node-api"
import type { Duckdb } from "../duckdb/values.ts"
import { quoteName, quoteText } from "../sql/tokens.ts"
import { columnOf } from "./copyText.ts"
import type { Column, Field, Kind, Type } from "./Ends.ts"

export const typeOfDuckdb = (duckdb: Duckdb, type: DuckDBType): Type => {
  const id = duckdb.DuckDBTypeId
  if (type instanceof duckdb.DuckDBListType || type instanceof duckdb.DuckDBArrayType) {
    return { kind: "list", item: typeOfDuckdb(duckdb, type.valueType) }
  }
  if (type instanceof duckdb.DuckDBDecimalType) {
    return { kind: "decimal", precision: type.width, scale: type.scale }
  }
  switch (type.typeId) {
    case id.BOOLEAN:
      return { kind: "boolean" }
    case id.TINYINT:
    case id.UTINYINT:
    case id.SMALLINT:
      return { kind: "int2" }
    case id.USMALLINT:
    case id.INTEGER:
      return { kind: "int4" }
    case id.UINTEGER:
    case id.BIGINT:
      return { kind: "int8" }
    case id.UBIGINT:
      return { kind: "decimal", precision: 20, scale: 0 }
    case id.HUGEINT:
    case id.UHUGEINT:
    case id.BIGNUM:
      return { kind: "decimal", scale: 0 }
    case id.FLOAT:
      return { kind: "float4" }
    case id.DOUBLE:
      return { kind: "float8" }
    case id.BLOB:
      return { kind: "bytes" }
    case id.DATE:
      return { kind: "date" }
    case id.TIME:
      return { kind: "time" }
    case id.TIMESTAMP:
    case id.TIMESTAMP_S:
    case id.TIMESTAMP_MS:
    case id.TIMESTAMP_NS:
      return { kind: "timestamp" }
    case id.TIMESTAMP_TZ:
      return { kind: "timestamptz" }
    case id.INTERVAL:
      return { kind: "interval" }
    case id.UUID:
      return { kind: "uuid" }
    case id.STRUCT:
    case id.MAP:
    case id.VARIANT:
      return { kind: "json" }
    default:
      return { kind: type.alias === "JSON" ? "json" : "text" }
  }
}

export const duckdbName = (type: Type): string => {
  if (type.kind === "list") return `${duckdbName(type.item ?? { kind: "text" })}[]`
  if (type.kind === "decimal") {
    if (type.precision === undefined && type.scale === 0) return "BIGNUM"
    // Without a scale no DECIMAL holds all of it; text does.
    return type.precision === undefined || type.precision > 38
      ? "VARCHAR"
      : `DECIMAL(${type.precision},${type.scale ?? 0})`
  }
  return names[type.kind]
}

/** SQL for a line of fields, out of the columns of `q`. */
export const lineSql = (fields: ReadonlyArray<Field>): string =>
  `concat_ws(chr(9), ${fields.map(fieldSql).join(", ")})`

/** SQL for the value of column `n` (from 1) of a line that was split into `f`. */
export const columnSql = (n: number, { type }: Column): string => {
  const text = `CASE WHEN f[${n}] = '\\N' THEN NULL WHEN contains(f[${n}], '\\') THEN ${unescapeSql(`f[${n}]`)} ELSE f[${n}] END`
  switch (type.kind) {
    case "text":
      return text
    case "bytes":
      return `unhex(substr(${text}, 3))`
    case "list":
      return `CAST(CAST(${text} AS JSON) AS ${duckdbName(type)})`
    default:
      return `CAST(${text} AS ${duckdbName(type)})`
  }
}

// --- helpers ---

const fieldSql = ({ arrays, from, to, type }: Field): string => {
  if ("value" in from) return quoteText(columnOf(from.value, to.type, arrays))
  const name = `q.${quoteName(from.name)}`
  return `coalesce(${escapeSql(textSql(name, type, arrays ? to.type : { kind: "text" }), type)}, '\\N')`
}

/** A value as text that the other end reads. */
const textSql = (value: string, type: Type, wanted: Type): string => {
  switch (type.kind) {
    case "bytes":
      return `'\\x' || hex(${value})`
    case "json":
      // JSON that is read again has its numbers as doubles
      return `CASE typeof(${value}) WHEN 'JSON' THEN ${value}::VARCHAR ELSE to_json(${value})::VARCHAR END`
    case "list":
      return wanted.kind === "list" ? arraySql(value, type, 0) : `to_json(${value})::VARCHAR`
    default:
      return wanted.kind === "json" ? `to_json(${value})::VARCHAR` : `${value}::VARCHAR`
  }
}

/** PostgreSQL's array literal. */
const arraySql = (list: string, { item }: Type, depth: number): string => {
  const one = `e${depth}`
  const inner =
    item?.kind === "list"
      ? arraySql(one, item, depth + 1)
      : `coalesce('"' || replace(replace(${textSql(one, item ?? { kind: "text" }, { kind: "text" })}, '\\', '\\\\'), '"', '\\"') || '"', 'NULL')`
  return `'{' || array_to_string(list_transform(${list}, lambda ${one}: ${inner}), ',') || '}'`
}

/** Kinds whose text has no character that a line escapes. */
const plain: ReadonlySet<Kind> = new Set([
  "boolean",
  "int2",
  "int4",
  "int8",
  "decimal",
  "float4",
  "float8",
  "date",
  "time",
  "timestamp",
  "timestamptz",
  "interval",
  "uuid"
])

/** Most texts have nothing to escape, and a test of them costs less than four replacements. */
const escapeSql = (text: string, { kind }: Type): string =>
  plain.has(kind)
    ? text
    : `CASE WHEN regexp_matches(${text}, '[\\\\\\t\\n\\r]') THEN replace(replace(replace(replace(${text}, '\\', '\\\\'), chr(9), '\\t'), chr(10), '\\n'), chr(13), '\\r') ELSE ${text} END`

/** A zero byte stands for the backslash meanwhile: no line of PostgreSQL has one. */
const unescapeSql = (text: string): string =>
  [
    ["'\\t'", "chr(9)"],
    ["'\\n'", "chr(10)"],
    ["'\\r'", "chr(13)"],
    ["'\\b'", "chr(8)"],
    ["'\\f'", "chr(12)"],
    ["'\\v'", "chr(11)"],
    ["chr(0)", "'\\'"]
  ].reduce((sql, [from, to]) => `replace(${sql}, ${from}, ${to})`, `replace(${text}, '\\\\', chr(0))`)

const names: Readonly<Record<Exclude<Kind, "list" | "decimal">, string>> = {
  boolean: "BOOLEAN",
  int2: "SMALLINT",
  int4: "INTEGER",
  int8: "BIGINT",
  float4: "FLOAT",
  float8: "DOUBLE",
  text: "VARCHAR",
  bytes: "BLOB",
  date: "DATE",
  time: "TIME",
  timestamp: "TIMESTAMP",
  timestamptz: "TIMESTAMPTZ",
  interval: "INTERVAL",
  uuid: "UUID",
  json: "JSON"
}
