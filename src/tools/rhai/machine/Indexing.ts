/** `value[index]` and `value.property` on everything that has them. */
import type { Natives } from "./Natives.ts"
import { MAX, toIndex } from "../language/Integer.ts"
import type { Position } from "../language/Position.ts"
import {
  BitReference,
  BitsReference,
  ByteReference,
  CharReference,
  ElementReference,
  PropertyReference,
  type Reference,
  SliceReference,
  ValueReference
} from "./Reference.ts"
import { bitBoundsError, boundsError, mismatch, RhaiError } from "../language/RhaiError.ts"
import {
  Blob,
  charCount,
  Custom,
  type Int,
  Range,
  rawTypeName,
  type RhaiArray,
  typeName,
  type Value
} from "../language/Value.ts"

const isInt = (value: Value): value is Int => typeof value === "number" || typeof value === "bigint"

/** The index counted from the start; negative ones count from the end. */
const position = (what: "Array" | "String", length: number, index: Value, at: Position): number => {
  if (!isInt(index)) throw mismatch("i64", rawTypeName(index), at)
  const i = toIndex(index)
  const found = i < 0 ? length + i : i
  if (found < 0 || found >= length) throw boundsError(what, length, index, at)
  return found
}

const element = (array: RhaiArray, index: Value, at: Position): number => {
  // The common case, without a call
  if (typeof index === "number" && index >= 0 && index < array.length) return index
  return position("Array", array.length, index, at)
}

const key = (index: Value, at: Position): string => {
  if (typeof index === "string") return index
  throw mismatch("string", rawTypeName(index), at)
}

const noIndexer = (value: Value, index: Value, at: Position): RhaiError => {
  const type = `${typeName(value)} [${typeName(index)}]`
  return new RhaiError("ErrorIndexingType", `Indexer unavailable: ${type}`, at, { type })
}

/** Whether `value[index] = …` means anything. */
export const hasIndexer = (value: Value): boolean =>
  Array.isArray(value) ||
  value instanceof Map ||
  value instanceof Blob ||
  typeof value === "string" ||
  isInt(value)

export const noIndexSetter = (value: Value, index: Value, set: Value, at: Position): RhaiError => {
  const type = `${typeName(value)} [${typeName(index)}] = ${typeName(set)}`
  return new RhaiError("ErrorIndexingType", `Indexer unavailable: ${type}`, at, { type })
}

/** A reference to `whole[index]`. `create` adds a missing map property, for an assignment to it. */
export const indexed = (
  whole: Reference,
  index: Value,
  indexAt: Position,
  at: Position,
  create: boolean
): Reference => {
  const value = whole.get()
  if (Array.isArray(value)) return new ElementReference(value, element(value, index, indexAt), whole.isConst)
  if (value instanceof Map) {
    const name = key(index, indexAt)
    if (!value.has(name)) {
      if (!create) return new ValueReference(undefined, whole.isConst)
      value.set(name, undefined)
    }
    return new PropertyReference(value, name, whole.isConst)
  }
  if (value instanceof Blob)
    return new ByteReference(value, position("Array", value.bytes.length, index, indexAt), whole.isConst)
  if (typeof value === "string") return inString(whole, value, index, indexAt)
  if (isInt(value)) return index instanceof Range ? bits(whole, index, indexAt) : bit(whole, index, indexAt)
  if (value instanceof Custom && typeof index === "string")
    return new ValueReference(value.properties.get(index))
  if (value instanceof Custom && value.text !== undefined)
    return inString(new ValueReference(value.text), value.text, index, indexAt)
  throw noIndexer(value, index, at)
}

/** `value[index]`, lent. */
export const getIndexed = (value: Value, index: Value, indexAt: Position, at: Position): Value => {
  if (Array.isArray(value)) return value[element(value, index, indexAt)]
  if (value instanceof Map) return value.get(key(index, indexAt))
  return indexed(new ValueReference(value), index, indexAt, at, false).get()
}

const inString = (whole: Reference, text: string, index: Value, at: Position): Reference => {
  if (!(index instanceof Range))
    return new CharReference(whole, position("String", charCount(text), index, at))
  if (text === "") return new SliceReference(whole, 0, 0)
  const length = charCount(text)
  const from = toIndex(index.start)
  const start = from >= 0 ? from : sliceBound(length, index.start, at)
  const to = toIndex(index.end)
  // An end that counts from before the start of the text is its start
  const end = to >= 0 ? to : Math.max(0, length + to)
  if (!index.inclusive) return new SliceReference(whole, start, end)
  if (start === 0 && end >= length - 1) return new SliceReference(whole, 0, length)
  return new SliceReference(whole, start, end > start ? end + 1 : start)
}

const sliceBound = (length: number, bound: Int, at: Position): number => {
  const found = length + toIndex(bound)
  if (found < 0) throw boundsError("String", length, bound, at)
  return found
}

const bit = (whole: Reference, index: Value, at: Position): Reference => {
  if (!isInt(index)) throw mismatch("i64", rawTypeName(index), at)
  const i = toIndex(index)
  const found = i < 0 ? 64 + i : i
  if (found < 0 || found > 63) throw bitBoundsError(index, at)
  return new BitReference(whole, found)
}

const bits = (whole: Reference, range: Range, at: Position): Reference => {
  const last = range.inclusive ? 63 : 64
  const end = range.end === MAX ? last : range.end
  if (range.start < 0 || range.start > 63) throw bitBoundsError(range.start, at)
  if (end < 0 || end > last) throw bitBoundsError(end, at)
  const start = Number(range.start)
  const count = Number(end) - start + (range.inclusive ? 1 : 0)
  if (count <= 0) return new BitsReference(whole, 0n, 0)
  return new BitsReference(whole, BigInt.asIntN(64, ((1n << BigInt(count)) - 1n) << BigInt(start)), start)
}

export const unknownProperty = (value: Value, name: string, at: Position): RhaiError => {
  const text = `Unknown property '${name}' - a getter is not registered for type '${typeName(value)}'`
  return new RhaiError("ErrorDotExpr", text, at, { property: text })
}

export const noSetter = (value: Value, name: string, set: Value, at: Position): RhaiError => {
  const text =
    `No writable property '${name}' - a setter is not registered for type '${typeName(value)}' ` +
    `to handle '${typeName(set)}'`
  return new RhaiError("ErrorDotExpr", text, at, { property: text })
}

/** `value.name`, lent. */
export const getProperty = (value: Value, name: string, natives: Natives, at: Position): Value => {
  if (value instanceof Map) return value.get(name)
  if (value instanceof Custom) {
    if (value.properties.has(name)) return value.properties.get(name)
    if (value.text !== undefined) return getProperty(value.text, name, natives, at)
  }
  const getter = natives.getter(name, value)
  if (getter === undefined) throw unknownProperty(value, name, at)
  try {
    return getter(value)
  } catch (error) {
    throw error instanceof RhaiError ? error.at(at) : error
  }
}

export const property = (whole: Reference, name: string, natives: Natives, at: Position): Reference => {
  const value = whole.get()
  if (value instanceof Map && value.has(name)) return new PropertyReference(value, name, whole.isConst)
  return new ValueReference(getProperty(value, name, natives, at), whole.isConst)
}
