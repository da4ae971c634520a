/** Integers as rows of 64 bits. */
import { bitAnd, bitOr, bitsOf, fromBits, shiftLeft } from "../language/Integer.ts"
import type { Natives } from "../machine/Natives.ts"
import { bitBoundsError } from "../language/RhaiError.ts"
import { type Int, Range, Sequence, type Value } from "../language/Value.ts"
import { existing, startAndLength } from "./indexes.ts"

const bitIndex = (index: Int): number => {
  const found = existing(64, index)
  if (found === undefined) throw bitBoundsError(index)
  return found
}

/** A start and a number of bits, cut at the 64th. */
const field = (start: Int, count: Int): readonly [number, number] => {
  const at = bitIndex(start)
  return [at, Math.min(Number(count), 64 - at)]
}

const getBits = (value: Int, start: Int, count: Int): Int => {
  if (count <= 0) return 0
  const [at, length] = field(start, count)
  return fromBits((bitsOf(value) >> BigInt(at)) & ((1n << BigInt(length)) - 1n))
}

const setBits = (value: Int, start: Int, count: Int, bits: Int): Int => {
  if (count <= 0) return value
  const [at, length] = field(start, count)
  const mask = ((1n << BigInt(length)) - 1n) << BigInt(at)
  return fromBits((bitsOf(value) & ~mask) | ((bitsOf(bits) << BigInt(at)) & mask))
}

const fieldOf = (range: Range): readonly [Int, Int] => {
  const start = range.start < 0 ? 0 : range.start
  if (!range.inclusive) return startAndLength(range)
  const end = range.end < BigInt(start) - 1n ? BigInt(start) - 1n : BigInt(range.end)
  if (end > 63n) throw bitBoundsError(range.end)
  return [start, Number(end - BigInt(start)) + 1]
}

const sequence = (value: Int, from: Int, count: Int): Value => {
  const at = bitIndex(from)
  const length = count < 0 ? 0 : Math.min(Number(count), 64 - at)
  return new Sequence("rhai::packages::iter_basic::BitRange", function* () {
    for (let i = 0; i < length; i++) yield bitAnd(value, shiftLeft(1, at + i)) !== 0
  })
}

export const bits = (natives: Natives): void => {
  const int = (value: Value): Int => value as Int
  natives
    .pure("get_bit(int, int)", ([value, bit]) => bitAnd(int(value), shiftLeft(1, bitIndex(int(bit)))) !== 0)
    .method("set_bit(int, int, bool)", ([value, bit, on], context) => {
      const mask = shiftLeft(1, bitIndex(int(bit)))
      context.self = on === true ? bitOr(int(value), mask) : bitAnd(int(value), fromBits(~bitsOf(mask)))
      return undefined
    })
    .pure("get_bits(int, int, int)", ([value, start, count]) => getBits(int(value), int(start), int(count)))
    .method("set_bits(int, int, int, int)", ([value, start, count, set], context) => {
      context.self = setBits(int(value), int(start), int(count), int(set))
      return undefined
    })
    .pure("bits(int)", ([value]) => sequence(int(value), 0, 64))
    .pure("bits(int, int)", ([value, from]) => sequence(int(value), int(from), 64))
    .pure("bits(int, int, int)", ([value, from, count]) => sequence(int(value), int(from), int(count)))
    .property("bits", "int", (value: Int) => sequence(value, 0, 64))
  for (const type of ["range", "range="])
    natives
      .pure(`get_bits(int, ${type})`, ([value, range]) => getBits(int(value), ...fieldOf(range as Range)))
      .method(`set_bits(int, ${type}, int)`, ([value, range, set], context) => {
        context.self = setBits(int(value), ...fieldOf(range as Range), int(set))
        return undefined
      })
      .pure(`bits(int, ${type})`, ([value, range]) => sequence(int(value), ...startAndLength(range as Range)))
}
