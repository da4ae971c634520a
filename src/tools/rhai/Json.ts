/** Between values and JSON. Integers keep all their 64 bits; larger ones become floats. */
import { LosslessNumber, parse } from "lossless-json"
import { doubleOf, float, isExact } from "../../domain/ExactNumber.ts"
import { displayFloat } from "./language/Format.ts"
import { MAX, MIN, normal } from "./language/Integer.ts"
import { endOfValue, keyAt, skipSpace } from "./language/jsonText.ts"
import { finish, type Parts, pause } from "./language/pause.ts"
import { type Notation, written } from "./language/writing.ts"
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

/** JSON text that is read at once. */
const SMALL = 65_536

/** Containers in containers of which each is longer than that. */
const DEEPEST = 100

/** Reads JSON text of any length, in parts; throws where it is none. */
export function* parseJsonParts(text: string, depth = 0): Parts<Value> {
  const start = skipSpace(text, 0)
  const open = text[start]
  // Text has no numbers that JavaScript would change, and it reads text much faster
  if (open === '"') return JSON.parse(text) as string
  if (text.length <= SMALL || (open !== "[" && open !== "{")) return parseJson(text)
  if (depth > DEEPEST) throw new SyntaxError("the text nests too deeply")
  const items: Array<Value> = []
  const entries = new Map<string, Value>()
  const close = open === "[" ? "]" : "}"
  let at = skipSpace(text, start + 1)
  for (let isFirst = true; text[at] !== close || !isFirst; isFirst = false) {
    const key = open === "{" ? keyAt(text, at) : { key: "", end: at }
    if (key === undefined) throw new SyntaxError(`a key in quotes and a colon are missing at position ${at}`)
    const end = yield* endOfValue(text, key.end)
    const value = yield* parseJsonParts(text.slice(key.end, end), depth + 1)
    if (open === "[") items.push(value)
    else entries.set(key.key, value)
    if ((items.length + entries.size) % 256 === 0) yield pause
    at = end
    if (text[at] === close) break
    if (text[at] !== ",") throw new SyntaxError(`'${close}' or a comma is missing at position ${at}`)
    at = skipSpace(text, at + 1)
  }
  if (skipSpace(text, at + 1) < text.length)
    throw new SyntaxError(`text behind the end at position ${at + 1}`)
  return open === "[" ? items : entries
}

const leaf = (value: Value): string => {
  if (value === undefined) return "null"
  if (typeof value !== "object") return String(value)
  if (value instanceof Float) return Number.isFinite(value.value) ? displayFloat(value.value) : "null"
  return special(value)
}

const notation: Notation = {
  array: ["[", ",", "]"],
  map: ["{", ",", "}"],
  colon: ":",
  text: (text) => JSON.stringify(text),
  leaf
}

/** JSON text of a value, in parts. What JSON has no word for is a string. */
export const jsonParts = (value: Value): Parts<string> => written(value, notation)

export const toJson = (value: Value | Shared): string =>
  value instanceof Shared ? toJson(value.value) : finish(jsonParts(value))

const special = (value: Exclude<Value, undefined | boolean | number | bigint | string>): string => {
  if (value instanceof Char) return JSON.stringify(value.text)
  if (value instanceof FnPtr)
    return value.curry.length === 0
      ? JSON.stringify(value.name)
      : `[${[value.name, ...value.curry].map((one) => toJson(one)).join(",")}]`
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
