/** How values look: `display` for people, `debug` for programmers, both exactly as Rhai prints them. */
import {
  Blob,
  Char,
  Custom,
  Float,
  FnPtr,
  Range,
  Sequence,
  Shared,
  Timestamp,
  typeName,
  type Value
} from "./Value.ts"
import { MAX } from "./Integer.ts"
import { finish, type Parts } from "./pause.ts"
import { type Notation, written } from "./writing.ts"

// The bounds are 32-bit floats in Rhai
const LARGE = Math.fround(1e13)
const SMALL = Math.fround(1e-13)

const scientific = (value: number): string => value.toExponential().replace("e+", "e")

const special = (value: number): string | undefined =>
  Number.isNaN(value) ? "NaN" : value === Infinity ? "inf" : value === -Infinity ? "-inf" : undefined

/** Shortest decimal digits without an exponent. */
const plainDecimal = (value: number): string => {
  const text = String(value)
  const at = text.indexOf("e")
  if (at < 0) return text
  const exponent = Number(text.slice(at + 1))
  const sign = text.startsWith("-") ? "-" : ""
  const [whole = "", fraction = ""] = text.slice(sign.length, at).split(".")
  const digits = whole + fraction
  const point = whole.length + exponent
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`
  if (point >= digits.length) return sign + digits.padEnd(point, "0")
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

export const displayFloat = (value: number): string => {
  const name = special(value)
  if (name !== undefined) return name
  if (value === 0) return "0.0"
  const size = Math.abs(value)
  if (size > LARGE || size < SMALL) return scientific(value)
  return Number.isInteger(value) ? `${plainDecimal(value)}.0` : plainDecimal(value)
}

export const debugFloat = (value: number): string => {
  const name = special(value)
  if (name !== undefined) return name
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0"
  const size = Math.abs(value)
  if (size >= 1e16 || size < 1e-4) return scientific(value)
  return Number.isInteger(value) ? `${plainDecimal(value)}.0` : plainDecimal(value)
}

/** As Rust's plain `{}` writes a float: no exponent, and no point in a whole number. */
export const rustFloat = (value: number): string =>
  special(value) ?? (Object.is(value, -0) ? "-0" : plainDecimal(value))

const namedEscapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\0": "\\0"
}

const hidden = /[\p{C}\p{Z}\p{Grapheme_Extend}]/u

const escapeChar = (char: string, quote: string): string => {
  const named = namedEscapes[char]
  if (named !== undefined) return named
  if (char === quote) return `\\${char}`
  if (char !== " " && hidden.test(char)) return `\\u{${char.codePointAt(0)!.toString(16)}}`
  return char
}

// eslint-disable-next-line no-control-regex -- only plain printable ASCII takes the short way
const simple = /^[ !#-[\]-~]*$/

/** Letters of other scripts mean themselves, too. */
const harmless = /^(?: |[^\p{C}\p{Z}\p{Grapheme_Extend}"\\])*$/u

export const debugString = (text: string): string => {
  if (simple.test(text) || harmless.test(text)) return `"${text}"`
  let out = '"'
  let first = true
  for (const char of text) {
    // Rust escapes a combining mark only where it would join the opening quote
    out += first || !/\p{Grapheme_Extend}/u.test(char) ? escapeChar(char, '"') : char
    first = false
  }
  return `${out}"`
}

const debugChar = (char: string): string => `'${escapeChar(char, "'")}'`

const debugBlob = (blob: Blob): string => {
  let out = "["
  blob.bytes.forEach((byte, i) => {
    if (i > 0 && i % 8 === 0) out += " "
    out += byte.toString(16).padStart(2, "0")
  })
  return `${out}]`
}

const showRange = (range: Range): string => {
  const open = range.end === MAX
  return `${range.start}${range.inclusive ? "..=" : ".."}${open ? "" : range.end}`
}

/** `{}` of Rust: what a thrown value shows in the error text. */
export const display = (value: Value | Shared): string => {
  switch (typeof value) {
    case "undefined":
      return ""
    case "string":
      return value
    case "object":
      break
    default:
      return String(value)
  }
  if (value instanceof Float) return displayFloat(value.value)
  if (value instanceof Char) return value.text
  if (value instanceof FnPtr) return `Fn(${value.name})`
  if (value instanceof Custom) return value.text ?? value.type
  return debugRaw(value)
}

/** `{:?}` of Rust. */
export const debugRaw = (value: Value | Shared): string => {
  if (value instanceof Shared) return `${debugRaw(value.value)} (shared)`
  if (typeof value === "string") return debugString(value)
  return Array.isArray(value) || value instanceof Map ? finish(written(value, raw)) : rawLeaf(value)
}

const rawLeaf = (value: Value): string => {
  if (value === undefined) return "()"
  if (typeof value !== "object") return String(value)
  if (value instanceof Float) return debugFloat(value.value)
  if (value instanceof Char) return debugChar(value.text)
  if (value instanceof Range) return showRange(value)
  if (value instanceof Blob) return debugBlob(value)
  if (value instanceof FnPtr) return debugPointer(value)
  if (value instanceof Timestamp) return "<timestamp>"
  if (value instanceof Sequence) return value.type
  return value instanceof Custom && value.text !== undefined ? debugString(value.text) : typeName(value)
}

const debugPointer = (pointer: FnPtr): string => {
  const parts = [debugString(pointer.name), ...pointer.curry.map(debugRaw)]
  return `${pointer.code === undefined ? "Fn" : "Fn*"}(${parts.join(", ")})`
}

const raw: Notation = {
  array: ["[", ", ", "]"],
  map: ["#{", ", ", "}"],
  colon: ": ",
  text: debugString,
  leaf: rawLeaf
}

/** Unlike Rust's in characters and function pointers. */
const debugLeaf = (value: Value): string =>
  value instanceof Char ? value.text : value instanceof FnPtr ? display(value) : rawLeaf(value)

const debug: Notation = { ...raw, leaf: debugLeaf }

/** `to_debug` and `debug` of a script, in parts. */
export const debugParts = (value: Value): Parts<string> => written(value, debug)

/** `to_string` and `print` of a script, in parts. */
export function* textParts(value: Value): Parts<string> {
  return Array.isArray(value) || value instanceof Map ? yield* debugParts(value) : display(value)
}

export const toDebug = (value: Value): string => finish(debugParts(value))
export const toText = (value: Value): string => finish(textParts(value))
