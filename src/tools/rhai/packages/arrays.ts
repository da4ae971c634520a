/** Arrays: everything that needs no function of the script. */
import type { NativeContext, Natives } from "../machine/Natives.ts"
import { equals } from "../machine/Operators.ts"
import { toIndex } from "../language/Integer.ts"
import { functionNotFound } from "../language/RhaiError.ts"
import {
  Char,
  compareStrings,
  copy,
  copyArray,
  Float,
  type Int,
  type Range,
  type RhaiArray,
  tagOf,
  typeName,
  type Value
} from "../language/Value.ts"
import { existing, offsetAndLength, startAndLength } from "./indexes.ts"

const list = (value: Value): RhaiArray => value as RhaiArray
const int = (value: Value): Int => value as Int

/** The element at an index that counts from the end when negative, cut at the start. */
const place = (array: RhaiArray, index: Int): number => offsetAndLength(array.length, index, 0)[0]

const splice = (array: RhaiArray, start: Int, length: Int, other: RhaiArray): void => {
  const [at, count] = offsetAndLength(array.length, start, length)
  insertAll(array, at, count, other)
}

/** `splice` without its limit on arguments. */
export const insertAll = (array: RhaiArray, at: number, remove: number, items: RhaiArray): void => {
  const tail = array.splice(at)
  for (const item of items) array.push(item)
  for (let i = remove; i < tail.length; i++) array.push(tail[i])
}

const extract = (array: RhaiArray, start: Int, length: Int): RhaiArray => {
  const [at, count] = offsetAndLength(array.length, start, length)
  return copyArray(array.slice(at, at + count))
}

const drain = (array: RhaiArray, start: Int, length: Int): RhaiArray => {
  if (length <= 0) return []
  const [at, count] = offsetAndLength(array.length, start, length)
  return array.splice(at, count)
}

const retain = (array: RhaiArray, start: Int, length: Int): RhaiArray => {
  if (length <= 0) return []
  const [at, count] = offsetAndLength(array.length, start, length)
  if (count === 0) return []
  const kept = array.slice(at, at + count)
  const drained = [...array.slice(0, at), ...array.slice(at + count)]
  insertAll(array, 0, array.length, kept)
  return drained
}

const findIn = (array: RhaiArray, value: Value, start: number, context: NativeContext): number => {
  context.charge(array.length >> 2)
  for (let i = start; i < array.length; i++) if (equals(array[i], value)) return i
  return -1
}

const pad = (array: RhaiArray, length: Int, item: Value, context: NativeContext): undefined => {
  const wanted = toIndex(length)
  if (wanted <= array.length) return undefined
  context.checkArray(wanted)
  context.charge(wanted - array.length)
  while (array.length < wanted) array.push(copy(item))
  return undefined
}

const comparable = (array: RhaiArray): ((x: Value, y: Value) => number) => {
  const [first] = array
  if (array.some((item) => tagOf(item) !== tagOf(first)))
    throw functionNotFound("elements of different types cannot be sorted")
  if (typeof first === "number" || typeof first === "bigint")
    return (x, y) => (int(x) < int(y) ? -1 : int(x) > int(y) ? 1 : 0)
  if (typeof first === "string") return (x, y) => compareStrings(x as string, y as string)
  if (first instanceof Char) return (x, y) => compareStrings((x as Char).text, (y as Char).text)
  if (first instanceof Float) return (x, y) => floatOrder((x as Float).value, (y as Float).value)
  if (typeof first === "boolean") return (x, y) => Number(x) - Number(y)
  if (first === undefined) return () => 0
  throw functionNotFound(`elements of ${typeName(first)} cannot be sorted`)
}

const floatOrder = (x: number, y: number): number => (x < y ? -1 : x > y ? 1 : 0)

const sort = (array: RhaiArray, direction: 1 | -1, context: NativeContext): RhaiArray => {
  if (array.length <= 1) return array
  context.charge(array.length)
  const order = comparable(array)
  // Undefined is a value here, and JavaScript would always put it last
  return array[0] === undefined ? array : array.sort((x, y) => direction * order(x, y))
}

export const arrays = (natives: Natives): void => {
  natives
    .property("len", "array", (array: RhaiArray) => array.length)
    .property("is_empty", "array", (array: RhaiArray) => array.length === 0)
    .method("get(array, int)", ([array, index]) => copy(list(array)[place(list(array), int(index))]))
    .method("set(array, int, any)", ([array, index, value]) => {
      const at = place(list(array), int(index))
      if (at < list(array).length) list(array)[at] = value
      return undefined
    })
    .method("push(array, any)", ([array, item]) => void list(array).push(item))
    .method(
      "append(array, array)",
      ([array, other]) => insertAll(list(array), list(array).length, 0, list(other)) as undefined
    )
    .method(
      "insert(array, int, any)",
      ([array, index, item]) => void list(array).splice(place(list(array), int(index)), 0, item)
    )
    .method("pad(array, int, any)", ([array, length, item], context) =>
      pad(list(array), int(length), item, context)
    )
    .method("pop(array)", ([array]) => list(array).pop())
    .method("shift(array)", ([array]) => list(array).shift())
    .method("remove(array, int)", ([array, index]) => {
      const at = existing(list(array).length, int(index))
      return at === undefined ? undefined : list(array).splice(at, 1)[0]
    })
    .method("clear(array)", ([array]) => void (list(array).length = 0))
    .method("truncate(array, int)", ([array, length]) => {
      const count = Math.max(0, toIndex(int(length)))
      if (count < list(array).length) list(array).length = count
      return undefined
    })
    .method("chop(array, int)", ([array, length]) => {
      const count = Math.max(0, toIndex(int(length)))
      if (count < list(array).length) list(array).splice(0, list(array).length - count)
      return undefined
    })
    .method("reverse(array)", ([array]) => void list(array).reverse())
    .pure("contains(array, any)", ([array, value], context) => findIn(list(array), value, 0, context) >= 0)
    .pure("index_of(array, any)", ([array, value], context) => findIn(list(array), value, 0, context))
    .pure("index_of(array, any, int)", ([array, value, start], context) =>
      findIn(list(array), value, place(list(array), int(start)), context)
    )
    .method("sort(array)", ([array], context) => void sort(list(array), 1, context))
    .method("sort_desc(array)", ([array], context) => void sort(list(array), -1, context))
    .method("order(array)", ([array], context) => sort(copyArray(list(array)), 1, context))
    .method("order_desc(array)", ([array], context) => sort(copyArray(list(array)), -1, context))
  parts(natives)
}

const parts = (natives: Natives): void => {
  natives
    .method(
      "splice(array, int, int, array)",
      ([array, start, length, other]) =>
        splice(list(array), int(start), int(length), list(other)) as undefined
    )
    .method("extract(array, int)", ([array, start]) => extract(list(array), int(start), Infinity))
    .method("extract(array, int, int)", ([array, start, length]) =>
      extract(list(array), int(start), int(length))
    )
    .method("split(array, int)", ([array, index]) => list(array).splice(place(list(array), int(index))))
    .method("drain(array, int, int)", ([array, start, length]) => drain(list(array), int(start), int(length)))
    .method("retain(array, int, int)", ([array, start, length]) =>
      retain(list(array), int(start), int(length))
    )
  for (const type of ["range", "range="])
    natives
      .method(
        `splice(array, ${type}, array)`,
        ([array, range, other]) =>
          splice(list(array), ...startAndLength(range as Range), list(other)) as undefined
      )
      .method(`extract(array, ${type})`, ([array, range]) =>
        extract(list(array), ...startAndLength(range as Range))
      )
      .method(`drain(array, ${type})`, ([array, range]) =>
        drain(list(array), ...startAndLength(range as Range))
      )
      .method(`retain(array, ${type})`, ([array, range]) =>
        retain(list(array), ...startAndLength(range as Range))
      )
}
