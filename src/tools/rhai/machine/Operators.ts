/** Binary and unary operators on every pair of types that has them. */
import * as Integer from "../language/Integer.ts"
import { toText } from "../language/Format.ts"
import { add, divide, modulo, multiply, power, subtract } from "../language/Integer.ts"
import {
  Blob,
  Char,
  compareStrings,
  Custom,
  Float,
  type Int,
  Range,
  type RhaiMap,
  tagOf,
  Timestamp,
  typeName,
  type Value
} from "../language/Value.ts"
import { functionNotFound } from "../language/RhaiError.ts"
import { replaceAll } from "../language/search.ts"

const utf8 = new TextDecoder()
const toUtf8 = new TextEncoder()

/** Undefined stands for `()` in a script, so "no such operator" needs a value of its own. */
export const none = Symbol("no such operator")

const isInt = (value: Value): value is Int => typeof value === "number" || typeof value === "bigint"

const numberOf = (value: Int | Float): number => (value instanceof Float ? value.value : Number(value))

/** Floats that differ by rounding alone are equal, as in Rhai. */
const closeness = (x: number, y: number): number => (x * y === 0 ? 1 : Math.max(Math.abs(x), Math.abs(y)))

export const floatEquals = (x: number, y: number): boolean =>
  Math.abs(x - y) / closeness(x, y) <= Number.EPSILON

const floats: Readonly<Record<string, (x: number, y: number) => Value>> = {
  "+": (x, y) => new Float(x + y),
  "-": (x, y) => new Float(x - y),
  "*": (x, y) => new Float(x * y),
  "/": (x, y) => new Float(x / y),
  "%": (x, y) => new Float(x % y),
  "**": (x, y) => new Float(powf(x, y)),
  "==": floatEquals,
  "!=": (x, y) => Math.abs(x - y) / closeness(x, y) > Number.EPSILON,
  ">": (x, y) => (x - y) / closeness(x, y) > Number.EPSILON,
  ">=": (x, y) => (x - y) / closeness(x, y) > -Number.EPSILON,
  "<": (x, y) => (y - x) / closeness(x, y) > Number.EPSILON,
  "<=": (x, y) => (y - x) / closeness(x, y) > -Number.EPSILON
}

/** IEEE says 1 to any power is 1, JavaScript says NaN for some. */
const powf = (x: number, y: number): number =>
  x === 1 || (x === -1 && !Number.isFinite(y) && !Number.isNaN(y)) ? 1 : x ** y

const ints: Readonly<Record<string, (x: Int, y: Int) => Value>> = {
  "+": add,
  "-": subtract,
  "*": multiply,
  "/": divide,
  "%": modulo,
  "**": power,
  "<<": Integer.shiftLeft,
  ">>": Integer.shiftRight,
  "&": Integer.bitAnd,
  "|": Integer.bitOr,
  "^": Integer.bitXor,
  "==": (x, y) => x === y,
  "!=": (x, y) => x !== y,
  "<": (x, y) => x < y,
  "<=": (x, y) => x <= y,
  ">": (x, y) => x > y,
  ">=": (x, y) => x >= y,
  "..": (x, y) => new Range(x, y, false),
  "..=": (x, y) => new Range(x, y, true)
}

const booleans: Readonly<Record<string, (x: boolean, y: boolean) => Value>> = {
  "==": (x, y) => x === y,
  "!=": (x, y) => x !== y,
  "<": (x, y) => !x && y,
  "<=": (x, y) => !x || y,
  ">": (x, y) => x && !y,
  ">=": (x, y) => x || !y,
  "&": (x, y) => x && y,
  "|": (x, y) => x || y,
  "^": (x, y) => x !== y
}

const ordering: Readonly<Record<string, (order: number) => boolean>> = {
  "==": (order) => order === 0,
  "!=": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0
}

/** Taking text away removes every occurrence. */
export const without = (x: string, y: string): string =>
  y === "" ? x : x === "" ? y : replaceAll(x, y, "", Infinity)!

const strings = (op: string, x: string, y: string): Value | typeof none => {
  if (op === "+") return x + y
  if (op === "-") return without(x, y)
  if (op === "==") return x === y
  if (op === "!=") return x !== y
  return ordering[op]?.(compareStrings(x, y)) ?? none
}

const textual = (op: string, x: string | Char, y: string | Char): Value | typeof none => {
  const left = typeof x === "string" ? x : x.text
  const right = typeof y === "string" ? y : y.text
  if (op === "+") return left + right
  if (op === "-") return typeof x === "string" ? left.replaceAll(right, "") : none
  if (typeof x !== typeof y) {
    // Rhai looks at no more than two characters when it compares a string and a character
    const order = compareStrings(head(left), head(right))
    return ordering[op]?.(order) ?? none
  }
  return ordering[op]?.(compareStrings(left, right)) ?? none
}

const head = (text: string): string =>
  text.length <= 2 ? text : Array.from(text.slice(0, 4)).slice(0, 2).join("")

const blobs = (op: string, x: Blob, y: Value): Value | typeof none => {
  if (y instanceof Blob) {
    if (op === "+") return new Blob(x.bytes.concat(y.bytes))
    const same = x.bytes.length === y.bytes.length && x.bytes.every((byte, i) => byte === y.bytes[i])
    return op === "==" ? same : op === "!=" ? !same : none
  }
  if (op !== "+") return none
  if (y instanceof Char) return new Blob(x.bytes.concat(Array.from(toUtf8.encode(y.text))))
  return typeof y === "string" ? utf8.decode(Uint8Array.from(x.bytes)) + y : none
}

const openRange = (op: string, x: Value, y: Value): Value | typeof none => {
  if (op !== ".." && op !== "..=") return none
  if (isInt(x) && y === undefined) return new Range(x, Integer.MAX, op === "..=")
  return x === undefined && isInt(y) ? new Range(0, y, op === "..=") : none
}

const comparisons: ReadonlySet<string> = new Set(Object.keys(ordering))

/** The result, or `none` when the two types have no such operator. */
export const binary = (op: string, x: Value, y: Value): Value | typeof none => {
  if (isInt(x)) {
    if (isInt(y)) return ints[op]?.(x, y) ?? none
    if (y instanceof Float) return floats[op]?.(Number(x), y.value) ?? none
  } else if (x instanceof Float) {
    if (y instanceof Float) return floats[op]?.(x.value, y.value) ?? none
    if (isInt(y)) {
      return floats[op]?.(x.value, Number(y)) ?? none
    }
  } else if (typeof x === "string") {
    if (typeof y === "string") return strings(op, x, y)
    if (y instanceof Char) return textual(op, x, y)
    if (y === undefined && op === "+") return x
  } else if (typeof x === "boolean" && typeof y === "boolean") {
    return booleans[op]?.(x, y) ?? none
  } else if (x instanceof Char && (typeof y === "string" || y instanceof Char)) {
    return textual(op, x, y)
  } else if (x === undefined) {
    if (typeof y === "string" && op === "+") return y
    if (y === undefined && comparisons.has(op)) return op === "=="
  }
  return mixed(op, x, y)
}

const mixed = (op: string, x: Value, y: Value): Value | typeof none => {
  const range = openRange(op, x, y)
  if (range !== none) return range
  if (x instanceof Custom || y instanceof Custom) return custom(op, x, y)
  if (x instanceof Range && y instanceof Range) return ranges(op, x, y)
  if (x instanceof Blob && y instanceof Char) return blobs(op, x, y)
  if (comparisons.has(op)) {
    if (tagOf(x) !== tagOf(y)) return op === "!="
    if (op === "==" || op === "!=") {
      const same = containers(x, y)
      if (same !== none) return op === "==" ? same : !same
    }
  }
  if (x instanceof Blob) return blobs(op, x, y)
  if (op === "+") return concatenated(x, y)
  if (x instanceof Timestamp) return times(op, x, y)
  return none
}

const concatenated = (x: Value, y: Value): Value | typeof none => {
  if (Array.isArray(x) && Array.isArray(y)) return x.concat(y)
  if (x instanceof Map && y instanceof Map) return new Map([...x, ...y])
  if (typeof x === "string")
    return x + (y instanceof Blob ? utf8.decode(Uint8Array.from(y.bytes)) : toText(y))
  if (typeof y === "string") return toText(x) + y
  if (x instanceof Timestamp) return times("+", x, y)
  return none
}

const times = (op: string, x: Timestamp, y: Value): Value | typeof none => {
  if (y instanceof Timestamp) {
    // To the microsecond: what is finer is noise of the addition before
    if (op === "-") return new Float(Math.round((x.millis - y.millis) * 1000) / 1e6)
    return ordering[op]?.(x.millis - y.millis) ?? none
  }
  if (!isInt(y) && !(y instanceof Float)) return none
  const millis = numberOf(y) * 1000
  const at = (time: number): Timestamp => new Timestamp(time, x.now)
  return op === "+" ? at(x.millis + millis) : op === "-" ? at(x.millis - millis) : none
}

const ranges = (op: string, x: Range, y: Range): Value | typeof none => {
  if (x.inclusive !== y.inclusive) return op === "!=" ? true : none
  const same = x.start === y.start && x.end === y.end
  return op === "==" ? same : op === "!=" ? !same : none
}

/** A host value that has a text behaves as that text; an absent one equals `()`. */
const custom = (op: string, x: Value, y: Value): Value | typeof none => {
  if ((x === undefined || y === undefined) && (op === "==" || op === "!=")) {
    const absent = x instanceof Custom ? x.absent : y instanceof Custom && y.absent
    return op === "==" ? absent : !absent
  }
  const left = x instanceof Custom ? x.text : x
  const right = y instanceof Custom ? y.text : y
  if (left === undefined || right === undefined) return comparisons.has(op) ? op === "!=" : none
  return binary(op, left, right)
}

/** Equality of two containers of one type; values without equality are an error inside them. */
const containers = (x: Value, y: Value): boolean | typeof none => {
  if (Array.isArray(x) && Array.isArray(y))
    return x.length === y.length && x.every((item, i) => equals(item, y[i]))
  if (x instanceof Map && y instanceof Map) return sameMaps(x, y)
  if (x instanceof Timestamp && y instanceof Timestamp) return x.millis === y.millis
  return none
}

const sameMaps = (x: RhaiMap, y: RhaiMap): boolean => {
  if (x.size !== y.size) return false
  for (const [key, item] of x) if (!y.has(key) || !equals(item, y.get(key))) return false
  return true
}

const describe = (value: Value): string =>
  typeof value === "string" ? "&str | ImmutableString | String" : typeName(value)

/** `contains (array, i64)`: how Rhai names a call it knows no function for. */
export const signature = (name: string, args: ReadonlyArray<Value>): string =>
  `${name} (${args.map(describe).join(", ")})`

/** `==` inside arrays and maps, where unlike types are unequal. */
export const equals = (x: Value, y: Value): boolean => {
  const result = binary("==", x, y)
  if (result === none) {
    if (tagOf(x) === tagOf(y)) throw functionNotFound(signature("==", [x, y]))
    return false
  }
  return result === true
}

export const unary = (op: string, x: Value): Value | typeof none => {
  if (op === "!") return typeof x === "boolean" ? !x : none
  if (isInt(x)) return op === "+" ? x : Integer.negate(x, () => "integer overflow")
  if (x instanceof Float) return op === "+" ? x : new Float(-x.value)
  return none
}
