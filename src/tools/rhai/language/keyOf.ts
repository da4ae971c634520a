/**
 * A string that is the same for equal values of one type: what `switch` looks cases up by. Undefined for a value that
 * has none, and for text and containers whose key is longer than `longest`, without going through all of them.
 */
import {
  Blob,
  Char,
  Custom,
  Float,
  FnPtr,
  Range,
  type RhaiMap,
  Shared,
  sortedEntries,
  type Value
} from "./Value.ts"

export const keyOf = (value: Value, longest: number): string | undefined => {
  switch (typeof value) {
    case "number":
    case "bigint":
      return `i${value}`
    case "string":
      return value.length < longest ? `s${value}` : undefined
    case "boolean":
      return value ? "true" : "false"
    case "undefined":
      return "()"
    default:
      return objectKey(value, longest)
  }
}

const objectKey = (value: Value, longest: number): string | undefined => {
  if (Array.isArray(value)) return list("[", value, longest)
  // Bitwise, so 0.0 and -0.0 are two cases
  if (value instanceof Float) return Object.is(value.value, -0) ? "f-0" : `f${value.value}`
  if (value instanceof Char) return `c${value.text}`
  if (value instanceof Map) return mapKey(value, longest)
  if (value instanceof Range) return `r${value.start}${value.inclusive ? "..=" : ".."}${value.end}`
  if (value instanceof Blob && value.bytes.length > longest) return undefined
  if (value instanceof Blob) return `b${value.bytes.join(",")}`
  if (value instanceof FnPtr)
    return list(
      `p${value.name}`,
      value.curry.map((item) => (item instanceof Shared ? item.value : item)),
      longest
    )
  return value instanceof Custom && value.text !== undefined ? keyOf(value.text, longest) : undefined
}

/** An entry takes at least so many characters of a key, and so does an element. */
const LEAST = 3

const mapKey = (map: RhaiMap, longest: number): string | undefined => {
  if (map.size * LEAST > longest) return undefined
  let out = "{"
  for (const [key, item] of sortedEntries(map)) {
    const inner = keyOf(item, longest)
    if (inner === undefined || key.length + out.length > longest) return undefined
    out += `${JSON.stringify(key)}:${inner},`
  }
  return `${out}}`
}

const list = (prefix: string, items: ReadonlyArray<Value>, longest: number): string | undefined => {
  if (items.length * LEAST > longest) return undefined
  let out = prefix
  for (const item of items) {
    const key = keyOf(item, longest)
    if (key === undefined || out.length > longest) return undefined
    out += `${key.length}:${key},`
  }
  return out
}
