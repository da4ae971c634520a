/**
 * What a script computes with. Integers are plain numbers while they are safe and bigints beyond, never both
 * for one value; floats are wrapped, because integers are the common case and must be the cheap one.
 */
import type { FunctionCode } from "./Code.ts"

export type Int = number | bigint

export class Float {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

export class Char {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export class Blob {
  bytes: Array<number>
  constructor(bytes: Array<number> = []) {
    this.bytes = bytes
  }
}

export class Range {
  readonly start: Int
  readonly end: Int
  readonly inclusive: boolean
  constructor(start: Int, end: Int, inclusive: boolean) {
    this.start = start
    this.end = end
    this.inclusive = inclusive
  }
}

export class FnPtr {
  readonly name: string
  readonly curry: ReadonlyArray<Value | Shared>
  /** Set when the pointer was made from a function of a script, and not from its name. */
  readonly code: FunctionCode | undefined
  constructor(name: string, curry: ReadonlyArray<Value | Shared> = [], code?: FunctionCode) {
    this.name = name
    this.curry = curry
    this.code = code
  }
}

/** A point in time, in milliseconds of a clock that only goes forward. */
export class Timestamp {
  readonly millis: number
  readonly now: () => number
  constructor(millis: number, now: () => number) {
    this.millis = millis
    this.now = now
  }
}

/** The result of `range(…)`, `chars(…)`, `bits(…)`: good for one kind of thing, a `for` loop. */
export class Sequence {
  readonly type: string
  readonly make: () => Iterator<Value>
  constructor(type: string, make: () => Iterator<Value>) {
    this.type = type
    this.make = make
  }
}

/** A value of the host: a script can read its properties and hand it back to host functions. */
export class Custom {
  readonly type: string
  readonly properties: ReadonlyMap<string, Value>
  /** What it is when a string is wanted; undefined if it is no text. */
  readonly text: string | undefined
  /** Whether it equals `()`. */
  readonly absent: boolean
  constructor(
    type: string,
    properties: ReadonlyMap<string, Value>,
    text: string | undefined,
    absent: boolean
  ) {
    this.type = type
    this.properties = properties
    this.text = text
    this.absent = absent
  }
}

/** The cell a captured variable lives in. Scripts never hold one: reading a variable looks inside. */
export class Shared {
  value: Value
  constructor(value: Value) {
    this.value = value
  }
}

export type RhaiArray = Array<Value>
export type RhaiMap = Map<string, Value>

export type Value =
  | undefined
  | boolean
  | Int
  | string
  | Float
  | Char
  | RhaiArray
  | RhaiMap
  | Blob
  | Range
  | FnPtr
  | Timestamp
  | Sequence
  | Custom

/** The types a native function can ask for, as small numbers to compare. */
export const T = {
  any: 0,
  unit: 1,
  bool: 2,
  int: 3,
  float: 4,
  char: 5,
  string: 6,
  array: 7,
  map: 8,
  blob: 9,
  fn: 10,
  range: 11,
  inclusive: 12,
  timestamp: 13,
  sequence: 14,
  custom: 15
} as const

export type TypeTag = (typeof T)[keyof typeof T]

export const tagOf = (value: Value): TypeTag => {
  switch (typeof value) {
    case "number":
    case "bigint":
      return T.int
    case "string":
      return T.string
    case "boolean":
      return T.bool
    case "undefined":
      return T.unit
    default:
      return objectTag(value)
  }
}

const objectTag = (value: Exclude<Value, undefined | boolean | Int | string>): TypeTag => {
  if (Array.isArray(value)) return T.array
  if (value instanceof Float) return T.float
  if (value instanceof Map) return T.map
  if (value instanceof Char) return T.char
  if (value instanceof FnPtr) return T.fn
  if (value instanceof Range) return value.inclusive ? T.inclusive : T.range
  if (value instanceof Blob) return T.blob
  if (value instanceof Timestamp) return T.timestamp
  if (value instanceof Custom) return T.custom
  return T.sequence
}

const names: Readonly<Record<TypeTag, string>> = {
  0: "?",
  1: "()",
  2: "bool",
  3: "i64",
  4: "f64",
  5: "char",
  6: "string",
  7: "array",
  8: "map",
  9: "blob",
  10: "Fn",
  11: "range",
  12: "range=",
  13: "timestamp",
  14: "sequence",
  15: "custom"
}

/** The name `type_of` gives. */
export const typeName = (value: Value): string =>
  value instanceof Sequence || value instanceof Custom ? value.type : names[tagOf(value)]

const rustNames: Readonly<Partial<Record<TypeTag, string>>> = {
  11: "core::ops::range::Range<i64>",
  12: "core::ops::range::RangeInclusive<i64>"
}

/** The name in "Data type incorrect", where Rhai shows ranges by their Rust type. */
export const rawTypeName = (value: Value): string => rustNames[tagOf(value)] ?? typeName(value)

/** Containers are values: code that takes one from a variable gets a copy. */
export const copy = (value: Value): Value => {
  if (typeof value !== "object") return value
  if (Array.isArray(value)) return copyArray(value)
  if (value instanceof Map) {
    const result = new Map<string, Value>()
    for (const [key, item] of value) result.set(key, copy(item))
    return result
  }
  return value instanceof Blob ? new Blob(value.bytes.slice()) : value
}

export const copyArray = (items: RhaiArray): RhaiArray => {
  const result = items.slice()
  for (let i = 0; i < result.length; i++) {
    const item = result[i]
    if (typeof item === "object") result[i] = copy(item)
  }
  return result
}

/** Elements, entries, bytes or UTF-16 units; 0 for what has no parts. */
export const lengthOf = (value: Value): number => {
  if (typeof value === "string" || Array.isArray(value)) return value.length
  return value instanceof Map ? value.size : value instanceof Blob ? value.bytes.length : 0
}

/** Long texts are compared only as far as they are the same. */
const LONG = 256

/** Orders strings as Rust does: by code point, which UTF-8 order is and UTF-16 order is not quite. */
export const compareStrings = (a: string, b: string): number => {
  if (a === b) return 0
  if (a.length < LONG && b.length < LONG && isFlat(a) && isFlat(b)) return a < b ? -1 : 1
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    // A surrogate stands for more than any other code unit
    const high = (x & 0xf800) === 0xd800 ? 1 : 0
    const other = (y & 0xf800) === 0xd800 ? 1 : 0
    return high === other ? x - y : high - other
  }
  return a.length - b.length
}

export const sortedKeys = (map: RhaiMap): Array<string> => {
  const keys = [...map.keys()]
  return keys.every(isFlat) ? keys.sort() : keys.sort(compareStrings)
}

/** Maps keep their keys in order wherever it shows. */
export const sortedEntries = (map: RhaiMap): Array<[string, Value]> =>
  sortedKeys(map).map((key) => [key, map.get(key)])

const ascii: ReadonlyArray<Char> = Array.from(
  { length: 128 },
  (_, code) => new Char(String.fromCharCode(code))
)

export const charOf = (text: string): Char => {
  const code = text.charCodeAt(0)
  return code < 128 ? ascii[code]! : new Char(text)
}

const surrogates = /[\ud800-\udfff]/

/** True when every code unit is a character, so that indexing is free. */
export const isFlat = (text: string): boolean => !surrogates.test(text)

export const charCount = (text: string): number => {
  if (isFlat(text)) return text.length
  let count = text.length
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) count--
  return count
}

/** The code unit at which the character with that number begins. */
const unitOf = (text: string, index: number): number => {
  let unit = 0
  for (let i = 0; i < index && unit < text.length; i++)
    unit += (text.charCodeAt(unit) & 0xfc00) === 0xd800 && unit + 1 < text.length ? 2 : 1
  return unit
}

/** Characters `from` up to, not including, `to`. */
export const sliceChars = (text: string, from: number, to: number): string => {
  if (isFlat(text)) return text.slice(from, Math.max(from, to))
  const start = unitOf(text, from)
  return to === Infinity ? text.slice(start) : text.slice(start, unitOf(text, Math.max(from, to)))
}

export const charAt = (text: string, index: number): string | undefined => {
  if (index < 0) return undefined
  const code = text.codePointAt(isFlat(text) ? index : unitOf(text, index))
  return code === undefined ? undefined : String.fromCodePoint(code)
}
