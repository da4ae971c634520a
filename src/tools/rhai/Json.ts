/** Between values and JSON. Integers keep all their 64 bits; larger ones become floats. */
import { LosslessNumber, parse } from "lossless-json"
import { doubleOf, float, isExact } from "../../domain/ExactNumber.ts"
import { displayFloat } from "./language/Format.ts"
import { MAX, MIN, normal } from "./language/Integer.ts"
import {
  Char,
  Custom,
  Float,
  FnPtr,
  Range,
  Shared,
  sortedEntries,
  type Value,
  Blob,
  Timestamp
} from "./language/Value.ts"

const numberOf = (text: string): Value => {
  if (/^-?\d+$/.test(text)) {
    const value = BigInt(text)
    if (value >= MIN && value <= MAX) return normal(value)
  }
  return new Float(Number(text))
}

/** A value from parsed JSON. JavaScript numbers that are whole and safe are integers. */
export const fromJson = (json: unknown): Value => {
  switch (typeof json) {
    case "string":
    case "boolean":
      return json
    case "number":
      return Number.isSafeInteger(json) ? json + 0 : new Float(json)
    case "bigint":
      return json >= MIN && json <= MAX ? normal(json) : new Float(Number(json))
    case "object":
      break
    default:
      return undefined
  }
  if (json === null) return undefined
  if (isExact(json)) return new Float(doubleOf(json))
  if (Array.isArray(json)) return json.map(fromJson)
  if (json instanceof LosslessNumber) return numberOf(json.value)
  return new Map(Object.entries(json).map(([key, value]): [string, Value] => [key, fromJson(value)]))
}

/** Reads JSON text; throws where it is none. */
export const parseJson = (text: string): Value => fromJson(parse(text))

/** JSON text of a value. What JSON has no word for is a string. */
export const toJson = (value: Value | Shared): string => {
  if (value === undefined) return "null"
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value !== "object") return String(value)
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`
  if (value instanceof Map)
    return `{${sortedEntries(value)
      .map(([key, item]) => `${JSON.stringify(key)}:${toJson(item)}`)
      .join(",")}}`
  if (value instanceof Float) return Number.isFinite(value.value) ? displayFloat(value.value) : "null"
  return special(value)
}

const special = (value: Exclude<Value, undefined | boolean | number | bigint | string> | Shared): string => {
  if (value instanceof Char) return JSON.stringify(value.text)
  if (value instanceof Shared) return toJson(value.value)
  if (value instanceof FnPtr) return JSON.stringify(value.name)
  if (value instanceof Range)
    return JSON.stringify(`${value.start}${value.inclusive ? "..=" : ".."}${value.end}`)
  if (value instanceof Blob) return `[${value.bytes.join(",")}]`
  if (value instanceof Timestamp) return JSON.stringify("<timestamp>")
  if (!(value instanceof Custom)) return JSON.stringify("<sequence>")
  return toJson(new Map(value.properties))
}

/** A value as plain JavaScript: integers beyond 2^53 are bigints, floats of an integral value exact, containers are arrays and objects. */
export const toPlain = (value: Value): unknown => {
  if (value === undefined) return null
  if (typeof value !== "object") return value
  if (Array.isArray(value)) return value.map(toPlain)
  if (value instanceof Map)
    return Object.fromEntries(sortedEntries(value).map(([key, item]) => [key, toPlain(item)]))
  if (value instanceof Float) return Number.isFinite(value.value) ? float(value.value) : null
  if (value instanceof Blob) return [...value.bytes]
  if (value instanceof Custom) return toPlain(new Map(value.properties))
  return JSON.parse(special(value)) as unknown
}
