/** How Rhai's library reads start and length arguments. */
import { MAX, toIndex } from "../language/Integer.ts"
import type { Int, Range, Value } from "../language/Value.ts"

/** A start (negative: from the end) and a length, cut to what there is. */
export const offsetAndLength = (size: number, start: Int, length: Int): readonly [number, number] => {
  const at = toIndex(start)
  const offset = at < 0 ? Math.max(0, size + at) : at
  if (offset >= size && at >= 0) return [size, 0]
  return [offset, Math.max(0, Math.min(toIndex(length), size - offset))]
}

/** The index if there is such an element. */
export const existing = (size: number, index: Int): number | undefined => {
  const at = toIndex(index)
  const found = at < 0 ? size + at : at
  return found >= 0 && found < size ? found : undefined
}

/** A range as start and length; negative bounds count as 0. */
export const startAndLength = (range: Range): readonly [Int, Int] => {
  const start = range.start < 0 ? 0 : range.start
  const end = range.end < start ? start : range.end
  const last = range.inclusive && end === MAX ? MAX - 1n : end
  const length = BigInt(last) - BigInt(start) + (range.inclusive ? 1n : 0n)
  return [start, length > 9007199254740991n ? length : Number(length)]
}

export const asInt = (value: Value): Int => value as Int
