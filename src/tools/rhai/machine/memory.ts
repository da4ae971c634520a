/** An estimate of the bytes a value holds on to, in the spirit of V8's own sizes. */
import { Blob, FnPtr, Shared } from "../language/Value.ts"

/** Stops counting past `enough`; what is in `seen` has been counted. */
export const sizeOf = (value: unknown, enough: number, seen: Set<object>): number => {
  if (typeof value === "string") return 16 + value.length
  if (typeof value !== "object" || value === null) return 8
  if (Array.isArray(value)) return sum(value, 48, 8, enough, seen)
  if (value instanceof Map) {
    let total = sum(value.values(), 160, 56, enough, seen)
    for (const key of value.keys()) total += (key as string).length
    return total
  }
  if (value instanceof Blob) return 32 + value.bytes.length * 8
  if (value instanceof Shared) {
    if (seen.has(value)) return 8
    seen.add(value)
    return 24 + sizeOf(value.value, enough, seen)
  }
  return value instanceof FnPtr ? sum(value.curry, 48, 8, enough, seen) : 32
}

const sum = (
  items: Iterable<unknown>,
  base: number,
  each: number,
  enough: number,
  seen: Set<object>
): number => {
  let total = base
  for (const item of items) {
    total += each + sizeOf(item, enough, seen)
    if (total > enough) break
  }
  return total
}
