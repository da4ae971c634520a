/** A string that is the same for equal values of one type: what `switch` looks cases up by. */
import { Blob, Char, Custom, Float, FnPtr, Range, Shared, sortedEntries, type Value } from "./Value.ts"

export const keyOf = (value: Value): string | undefined => {
  switch (typeof value) {
    case "number":
    case "bigint":
      return `i${value}`
    case "string":
      return `s${value}`
    case "boolean":
      return value ? "true" : "false"
    case "undefined":
      return "()"
    default:
      return objectKey(value)
  }
}

const objectKey = (value: Value): string | undefined => {
  if (Array.isArray(value)) return list("[", value)
  // Bitwise, so 0.0 and -0.0 are two cases
  if (value instanceof Float) return Object.is(value.value, -0) ? "f-0" : `f${value.value}`
  if (value instanceof Char) return `c${value.text}`
  if (value instanceof Map) {
    const parts = sortedEntries(value).map(([key, item]) => {
      const inner = keyOf(item)
      return inner === undefined ? undefined : `${JSON.stringify(key)}:${inner}`
    })
    return parts.includes(undefined) ? undefined : `{${parts.join(",")}}`
  }
  if (value instanceof Range) return `r${value.start}${value.inclusive ? "..=" : ".."}${value.end}`
  if (value instanceof Blob) return `b${value.bytes.join(",")}`
  if (value instanceof FnPtr)
    return list(
      `p${value.name}`,
      value.curry.map((item) => (item instanceof Shared ? item.value : item))
    )
  return value instanceof Custom && value.text !== undefined ? `s${value.text}` : undefined
}

const list = (prefix: string, items: ReadonlyArray<Value>): string | undefined => {
  let out = prefix
  for (const item of items) {
    const key = keyOf(item)
    if (key === undefined) return undefined
    out += `${key.length}:${key},`
  }
  return out
}
