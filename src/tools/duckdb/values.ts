/** DuckDB's values → JSON, type by type. Nothing becomes null but NULL and the floats that JSON cannot say. */
import type {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBIntervalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBType,
  DuckDBUnionValue,
  DuckDBValue,
  DuckDBVariantValue
} from "@duckdb/node-api"
import { Result } from "effect"
import { float } from "../../domain/ExactNumber.ts"
import * as Json from "../../domain/Json.ts"
import { timestampOf } from "../postgres/times.ts"

export type Duckdb = typeof import("@duckdb/node-api")
export type Convert = (value: DuckDBValue) => Json.Json

export interface Forms {
  /** DECIMAL as decimal text, exact, or as a number. */
  readonly decimal: "string" | "number"
}

/** How values of a type are read; the answer takes NULL too. */
export const converterOf = (duckdb: Duckdb, type: DuckDBType, forms: Forms): Convert => {
  const convert = valueOf(duckdb, type, forms)
  return (value) => (value === null ? null : convert(value))
}

const valueOf = (duckdb: Duckdb, type: DuckDBType, forms: Forms): Convert => {
  const id = duckdb.DuckDBTypeId
  switch (type.typeId) {
    case id.BOOLEAN:
    case id.TINYINT:
    case id.SMALLINT:
    case id.INTEGER:
    case id.UTINYINT:
    case id.USMALLINT:
    case id.UINTEGER:
    case id.ENUM:
      return (value) => value as Json.Json
    case id.BIGINT:
    case id.UBIGINT:
      return (value) => integerOf(value as bigint)
    case id.HUGEINT:
    case id.UHUGEINT:
    case id.BIGNUM:
      return (value) => wideIntegerOf(value as bigint)
    case id.DOUBLE:
      return (value) => finite(value as number)
    case id.FLOAT:
      return (value) => shortest(value as number)
    case id.DECIMAL:
      return forms.decimal === "number" ? (value) => Number(String(value)) : String
    case id.VARCHAR:
      return type.alias === "JSON" ? (value) => jsonOf(value as string) : (value) => value as string
    case id.BLOB:
    case id.GEOMETRY:
      return (value) => Buffer.from((value as DuckDBBlobValue).bytes).toString("base64")
    case id.TIMESTAMP:
      return (value) => timestampOf(String(value))
    case id.TIMESTAMP_S:
      return (value) => coarseOf(value, (value as DuckDBTimestampSecondsValue).seconds)
    case id.TIMESTAMP_MS:
      return (value) => coarseOf(value, (value as DuckDBTimestampMillisecondsValue).millis)
    case id.TIMESTAMP_NS:
      return (value) => coarseOf(value, (value as DuckDBTimestampNanosecondsValue).nanos)
    case id.TIMESTAMP_TZ:
      return (value) => utcOf(duckdb, value as DuckDBTimestampTZValue)
    case id.DATE:
      return dateOf
    case id.INTERVAL:
      return (value) => intervalOf(value as DuckDBIntervalValue)
    default:
      return nestedOf(duckdb, type, forms)
  }
}

const nestedOf = (duckdb: Duckdb, type: DuckDBType, forms: Forms): Convert => {
  if (type instanceof duckdb.DuckDBListType || type instanceof duckdb.DuckDBArrayType) {
    const item = converterOf(duckdb, type.valueType, forms)
    return (value) => (value as DuckDBListValue).items.map(item)
  }
  if (type instanceof duckdb.DuckDBStructType) {
    const items = type.entryNames.map(
      (name, i) => [name, converterOf(duckdb, type.entryTypes[i] ?? type, forms)] as const
    )
    return (value) => {
      const { entries } = value as DuckDBStructValue
      return Object.fromEntries(items.map(([name, item]) => [name, item(entryOf(entries, name))]))
    }
  }
  if (type instanceof duckdb.DuckDBMapType) {
    const key = converterOf(duckdb, type.keyType, forms)
    const item = converterOf(duckdb, type.valueType, forms)
    return (value) =>
      Object.fromEntries(
        (value as DuckDBMapValue).entries.map((one) => [keyOf(key(one.key)), item(one.value)])
      )
  }
  if (type instanceof duckdb.DuckDBUnionType) {
    const items = new Map(
      type.memberTags.map((tag, i) => [tag, converterOf(duckdb, type.memberTypes[i] ?? type, forms)])
    )
    return (value) => {
      const union = value as DuckDBUnionValue
      return items.get(union.tag)?.(union.value) ?? null
    }
  }
  if (type.typeId === duckdb.DuckDBTypeId.VARIANT)
    return (value) => variantOf(duckdb, value as DuckDBVariantValue, forms)
  // Dates, times, uuids, bits: their text is what is wanted. So is the text of what is not known here.
  return String
}

/** Types whose values can be NaN or infinite. */
export const isFloat = (duckdb: Duckdb, type: DuckDBType): boolean =>
  type.typeId === duckdb.DuckDBTypeId.FLOAT || type.typeId === duckdb.DuckDBTypeId.DOUBLE

// --- readers ---

const integerOf = (value: bigint): Json.Json =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value

/** Wider than what other systems take for an integer: text beyond 2^53. */
const wideIntegerOf = (value: bigint): Json.Json => {
  const integer = integerOf(value)
  return typeof integer === "bigint" ? String(integer) : integer
}

const finite = (value: number): Json.Json => (Number.isFinite(value) ? float(value) : null)

/** The shortest decimal that is the same 32-bit float. */
const shortest = (value: number): Json.Json => {
  if (!Number.isFinite(value)) return null
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return float(short)
  }
  return float(Number(value.toPrecision(9)))
}

/** The driver prints the days that stand for infinity as a date. */
const dateOf = (value: DuckDBValue): string => {
  const { days } = value as DuckDBDateValue
  return Math.abs(days) === 2 ** 31 - 1 ? `${days < 0 ? "-" : ""}infinity` : String(value)
}

/** Infinities are the largest numbers, which the driver prints as times except for microseconds. */
const coarseOf = (value: DuckDBValue, ticks: bigint): string => {
  if (ticks === 2n ** 63n - 1n) return "infinity"
  return ticks === 1n - 2n ** 63n ? "-infinity" : timestampOf(String(value))
}

const jsonOf = (text: string): Json.Json => Result.getOrElse(Json.parse(text), () => text)

const utcOf = (duckdb: Duckdb, value: DuckDBTimestampTZValue): string => {
  const plain = timestampOf(String(new duckdb.DuckDBTimestampValue(value.micros)))
  return plain.includes("T") ? `${plain}+00:00` : plain
}

const intervalOf = ({ days, micros, months }: DuckDBIntervalValue): Json.Json => ({
  months,
  days,
  nanos: integerOf(micros * 1000n)
})

/** The key that stands for `__proto__` in what the driver makes. */
const proto = "\u0000__proto__"

/**
 * The driver assigns a struct's members to an object, where `__proto__` makes no key: a type of a vector names it
 * otherwise, before its values are read.
 */
export const nameable = (duckdb: Duckdb, type: DuckDBType): void => {
  if (type instanceof duckdb.DuckDBStructType) {
    const names = type.entryNames as Array<string>
    const at = names.indexOf("__proto__")
    if (at >= 0) names[at] = proto
    for (const one of type.entryTypes) nameable(duckdb, one)
  } else if (type instanceof duckdb.DuckDBListType || type instanceof duckdb.DuckDBArrayType) {
    nameable(duckdb, type.valueType)
  } else if (type instanceof duckdb.DuckDBMapType) {
    nameable(duckdb, type.keyType)
    nameable(duckdb, type.valueType)
  } else if (type instanceof duckdb.DuckDBUnionType) {
    for (const one of type.memberTypes) nameable(duckdb, one)
  }
}

const entryOf = (entries: Readonly<Record<string, DuckDBValue>>, name: string): DuckDBValue => {
  const key = name === "__proto__" ? proto : name
  return Object.hasOwn(entries, key) ? (entries[key] ?? null) : null
}

const keyOf = (key: Json.Json): string => (typeof key === "string" ? key : Json.stringify(key))

const variantOf = (duckdb: Duckdb, { type, value }: DuckDBVariantValue, forms: Forms): Json.Json =>
  type === undefined ? String(value) : converterOf(duckdb, type, forms)(value)
