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
  isFlat,
  type Range,
  type RhaiArray,
  tagOf,
  typeName,
  type Value
} from "../language/Value.ts"
import { type Parts, pause } from "../language/pause.ts"
import { sorted } from "../language/sorting.ts"
import { weightOf } from "../machine/weight.ts"
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

const findIn = (array: RhaiArray, value: Value, start: number): number => {
  for (let i = start; i < array.length; i++) if (equals(array[i], value)) return i
  return -1
}

/** Elements that are put in at once. */
const PART = 16_384

function* pad(array: RhaiArray, length: Int, item: Value, context: NativeContext): Parts<undefined> {
  const wanted = toIndex(length)
  if (wanted <= array.length) return undefined
  context.checkArray(wanted)
  context.charge(wanted - array.length)
  while (array.length < wanted) {
    array.push(copy(item))
    if (array.length % PART === 0) yield pause
  }
  return undefined
}

const comparable = (array: RhaiArray): ((x: Value, y: Value) => number) => {
  const [first] = array
  if (array.some((item) => tagOf(item) !== tagOf(first)))
    throw functionNotFound("elements of different types cannot be sorted")
  if (typeof first === "number" || typeof first === "bigint")
    return (x, y) => (int(x) < int(y) ? -1 : int(x) > int(y) ? 1 : 0)
  if (typeof first === "string") return stringOrder(array as ReadonlyArray<string>)
  if (first instanceof Char) return (x, y) => compareStrings((x as Char).text, (y as Char).text)
  if (first instanceof Float) return (x, y) => floatOrder((x as Float).value, (y as Float).value)
  if (typeof first === "boolean") return (x, y) => Number(x) - Number(y)
  if (first === undefined) return () => 0
  throw functionNotFound(`elements of ${typeName(first)} cannot be sorted`)
}

/** By UTF-16 units where that is the same as by code points. */
const stringOrder = (array: ReadonlyArray<string>): ((x: Value, y: Value) => number) =>
  array.every(isFlat)
    ? (x, y) => ((x as string) < (y as string) ? -1 : x === y ? 0 : 1)
    : (x, y) => compareStrings(x as string, y as string)

const floatOrder = (x: number, y: number): number => (x < y ? -1 : x > y ? 1 : 0)

function* sort(array: RhaiArray, direction: 1 | -1, context: NativeContext): Parts<RhaiArray> {
  if (array.length <= 1) return array
  const order = comparable(array)
  // Undefined is a value here, and JavaScript would always put it last
  if (array[0] === undefined) return array
  return yield* sorted(
    array,
    (x, y) => direction * order(x, y),
    // Numbers are compared faster than anything is looked into
    (items) => context.charge(isFlatNumber(array[0]) ? items.length >> 4 : weightOf(items as RhaiArray))
  )
}

const isFlatNumber = (item: Value): boolean => typeof item === "number" || typeof item === "bigint"

export const arrays = (natives: Natives): void => {
  natives
    .property("len", "array", (array: RhaiArray) => array.length, "constant")
    .property("is_empty", "array", (array: RhaiArray) => array.length === 0, "constant")
    .method(
      "get(array, int)",
      ([array, index]) => copy(list(array)[place(list(array), int(index))]),
      "constant"
    )
    .method(
      "set(array, int, any)",
      ([array, index, value]) => {
        const at = place(list(array), int(index))
        if (at < list(array).length) list(array)[at] = value
        return undefined
      },
      "constant"
    )
    .method("push(array, any)", ([array, item]) => void list(array).push(item), "constant")
    .method(
      "append(array, array)",
      ([array, other]) => insertAll(list(array), list(array).length, 0, list(other)) as undefined,
      "constant"
    )
    .method(
      "insert(array, int, any)",
      ([array, index, item]) => void list(array).splice(place(list(array), int(index)), 0, item),
      "shallow"
    )
    .calling("pad(array, int, any)", true, ([array, length, item], context) =>
      pad(list(array), int(length), item, context)
    )
    .method("pop(array)", ([array]) => list(array).pop(), "constant")
    .method("shift(array)", ([array]) => list(array).shift(), "shallow")
    .method(
      "remove(array, int)",
      ([array, index]) => {
        const at = existing(list(array).length, int(index))
        return at === undefined ? undefined : list(array).splice(at, 1)[0]
      },
      "shallow"
    )
    .method("clear(array)", ([array]) => void (list(array).length = 0), "shallow")
    .method(
      "truncate(array, int)",
      ([array, length]) => {
        const count = Math.max(0, toIndex(int(length)))
        if (count < list(array).length) list(array).length = count
        return undefined
      },
      "shallow"
    )
    .method("chop(array, int)", ([array, length]) => {
      const count = Math.max(0, toIndex(int(length)))
      if (count < list(array).length) list(array).splice(0, list(array).length - count)
      return undefined
    })
    .method("reverse(array)", ([array]) => void list(array).reverse(), "shallow")
    .pure("contains(array, any)", ([array, value]) => findIn(list(array), value, 0) >= 0)
    .pure("index_of(array, any)", ([array, value]) => findIn(list(array), value, 0))
    .pure("index_of(array, any, int)", ([array, value, start]) =>
      findIn(list(array), value, place(list(array), int(start)))
    )
  for (const [suffix, direction] of [
    ["", 1],
    ["_desc", -1]
  ] as const)
    natives
      .calling(`sort${suffix}(array)`, true, function* ([array], context) {
        insertAll(list(array), 0, list(array).length, yield* sort(list(array), direction, context))
        return undefined
      })
      .calling(`order${suffix}(array)`, true, ([array], context) =>
        sort(copyArray(list(array)), direction, context)
      )
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
