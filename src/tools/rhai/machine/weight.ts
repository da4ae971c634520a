/** What it costs to go through a value, in units of work: about as long as a few instructions each. */
import { Blob, Custom, FnPtr, Shared, type Value } from "../language/Value.ts"

/** Text is fast to go through: so many UTF-16 units make one unit of work. */
const TEXT = 6

export const textWeight = (text: string): number => text.length >> TEXT

/** All of a value with everything inside of it. */
export const weightOf = (value: Value | Shared): number => {
  if (typeof value === "string") return textWeight(value)
  if (typeof value !== "object") return 0
  if (Array.isArray(value)) return arrayWeight(value)
  if (value instanceof Map) {
    let total = 1 + value.size
    for (const [key, item] of value) total += textWeight(key) + weightOf(item)
    return total
  }
  if (value instanceof Blob) return 1 + (value.bytes.length >> 3)
  if (value instanceof FnPtr) return value.curry.reduce((sum: number, item) => sum + 1 + weightOf(item), 0)
  // The cell is shared, and nothing that goes through a pointer looks into it
  if (value instanceof Shared || !(value instanceof Custom)) return 0
  return textWeight(value.text ?? "") + weightOf(new Map(value.properties))
}

const arrayWeight = (items: ReadonlyArray<Value>): number => {
  let total = 1 + (items.length >> 2)
  for (const item of items) if (typeof item === "object" || typeof item === "string") total += weightOf(item)
  return total
}

/** Elements, bytes or text that are moved but not looked into. */
export const shallowWeight = (value: Value): number => {
  if (typeof value === "string") return textWeight(value)
  if (Array.isArray(value)) return value.length >> 7
  return value instanceof Map ? value.size : value instanceof Blob ? value.bytes.length >> 7 : 0
}
