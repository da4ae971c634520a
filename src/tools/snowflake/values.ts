/** Snowflake's values, as its driver gives them → JSON. Numbers and JSON come as text, so that nothing is rounded. */
import { Result } from "effect"
import type { Column } from "snowflake-sdk"
import { float } from "../../domain/ExactNumber.ts"
import * as Json from "../../domain/Json.ts"

/** Columns of these the driver hands over as text. */
export const asText = ["Number", "JSON"] as const

export interface Forms {
  readonly decimal: "string" | "number"
}

export type Convert = (value: unknown) => Json.Json

export const converterOf = (column: Column, forms: Forms): Convert => {
  const convert = valueOf(column, forms)
  return (value) => (value === null || value === undefined ? null : convert(value))
}

/** The name of a column's type: `NUMBER(10,2)`, `TIMESTAMP_NTZ`, `VARIANT`, … */
export const typeName = (column: Column): string => {
  const type = column.getType().toLowerCase()
  if (type === "fixed") return `NUMBER(${column.getPrecision()},${column.getScale()})`
  return names.get(type) ?? type.toUpperCase()
}

const valueOf = (column: Column, forms: Forms): Convert => {
  switch (column.getType().toLowerCase()) {
    case "fixed":
      return column.getScale() === 0 ? integerOf : forms.decimal === "number" ? Number : String
    case "real":
      return floatOf
    case "boolean":
      return (value) => value === true || value === "TRUE" || value === "true"
    case "date":
      return (value) => isoOf(value).slice(0, isoOf(value).indexOf("T"))
    case "time":
      return (value) =>
        String(value).replace(/\.(\d*?)0*$/, (_, digits: string) => (digits === "" ? "" : `.${digits}`))
    case "timestamp_ntz":
      return isoOf
    case "timestamp_ltz":
    case "timestamp_tz":
      return zonedOf
    case "binary":
      return (value) =>
        (Buffer.isBuffer(value) ? value : Buffer.from(String(value), "hex")).toString("base64")
    case "variant":
    case "object":
    case "array":
    case "map":
    case "vector":
    case "geography":
    case "geometry":
      return (value) => (typeof value === "string" ? jsonOf(value) : (value as Json.Json))
    default:
      return String
  }
}

// --- readers ---

const integerOf: Convert = (value) => {
  const text = String(value)
  if (!/^-?\d+$/.test(text)) return text
  return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text)
}

const floatOf: Convert = (value) => {
  const number = Number(value)
  return Number.isFinite(number) ? float(number) : null
}

const jsonOf = (text: string): Json.Json => Result.getOrElse(Json.parse(text), () => text)

/** The driver's dates know nanoseconds and their zone. */
interface SnowflakeDate {
  readonly getEpochSeconds: () => number
  readonly getNanoSeconds: () => number
  readonly getTimezone: () => unknown
}

const isDate = (value: unknown): value is SnowflakeDate =>
  typeof value === "object" && value !== null && "getEpochSeconds" in value

const isoOf = (value: unknown): string =>
  isDate(value) ? format(value.getEpochSeconds(), value.getNanoSeconds()) : String(value)

/** With the offset that was stored; LTZ is an instant, so UTC. */
const zonedOf = (value: unknown): string => {
  if (!isDate(value)) return String(value)
  const zone = value.getTimezone()
  const minutes = typeof zone === "number" ? zone : 0
  const sign = minutes < 0 ? "-" : "+"
  const offset = `${sign}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`
  return `${format(value.getEpochSeconds() + minutes * 60, value.getNanoSeconds())}${offset}`
}

const format = (seconds: number, nanos: number): string => {
  const text = new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "")
  if (nanos === 0) return text
  const digits = String(nanos).padStart(9, "0")
  return `${text}.${digits.endsWith("000") ? digits.slice(0, 6) : digits}`
}

const two = (n: number): string => String(n).padStart(2, "0")

const names: ReadonlyMap<string, string> = new Map([
  ["text", "VARCHAR"],
  ["real", "FLOAT"]
])
