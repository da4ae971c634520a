/**
 * JSON in and out without losing a number's value or type, and with limits on what comes in.
 *
 * NoETL's ids are bare JSON integers above 2^53, which `JSON.parse` rounds silently, and it makes the integer 20 of the
 * float 20.0. Integers outside the safe range become `bigint`, floats that JavaScript would write otherwise an
 * `ExactNumber`; everything else is what `JSON.parse` gives.
 */
import { Result, Schema } from "effect"
import { parse as parseLossless } from "lossless-json"
import { type ExactNumber, doubleOf, isExact, ofText, shownOf } from "./ExactNumber.ts"
import { messageOf } from "./messageOf.ts"
import * as Marks from "./numberMarks.ts"

export type Json = null | boolean | number | bigint | ExactNumber | string | ReadonlyArray<Json> | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** `at` is a dotted path or a position, whichever is known. */
export class JsonError extends Schema.TaggedError<JsonError>()("JsonError", {
  detail: Schema.String,
  at: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    return this.at === undefined ? this.detail : `${this.detail} at ${this.at}`
  }
}

export interface Limits {
  /** Bytes of UTF-8 text. */
  readonly maxBytes: number
  /** Nested arrays and objects. */
  readonly maxDepth: number
}

export const defaultLimits: Limits = { maxBytes: 64 * 1024 * 1024, maxDepth: 200 }

/** JSON text → value. Never throws. `read` takes a text within the limits. */
export const parse = (
  text: string,
  limits: Limits = defaultLimits,
  read: (text: string) => Json = parsed
): Result.Result<Json, JsonError> => {
  // A UTF-16 unit is at most three bytes of UTF-8, so short texts need no counting.
  if (text.length * 3 > limits.maxBytes && Buffer.byteLength(text) > limits.maxBytes) {
    return Result.fail(new JsonError({ detail: `larger than ${limits.maxBytes} bytes` }))
  }
  const brackets = openingBrackets(text)
  // The parser does not recurse, but each level that it makes takes memory.
  const isLarge = brackets > maxBracketsUnscanned
  const tooDeep = isLarge ? depthError(text, limits) : undefined
  if (tooDeep !== undefined) return Result.fail(tooDeep)
  try {
    const value = read(text)
    if (isLarge || brackets <= limits.maxDepth || isShallow(value, limits.maxDepth))
      return Result.succeed(value)
    const error = depthError(text, limits)
    return error === undefined ? Result.succeed(value) : Result.fail(error)
  } catch (cause) {
    // A text that is cut in the middle of a level too many is too deep first of all.
    return Result.fail(depthError(text, limits) ?? new JsonError({ detail: messageOf(cause) }))
  }
}

/** Value → JSON text. A bigint becomes a bare integer, an exact number its text, NaN and infinities null, `undefined` members vanish. */
export const stringify = (value: unknown, space?: number): string => {
  try {
    return JSON.stringify(value, undefined, space) ?? "null"
  } catch {
    // Integers outside the safe range are rare, and the call for each member that they need is slow.
    return JSON.stringify(value, bigintAsInteger, space) ?? "null"
  }
}

/** Whether a value is plain JSON: the guard for values that come from a library. */
export const isJson = (value: unknown, maxDepth = defaultLimits.maxDepth): value is Json => {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "bigint":
      return true
    case "number":
      return Number.isFinite(value)
    case "object":
      if (value === null || isExact(value)) return true
      if (maxDepth <= 0) return false
      if (Array.isArray(value)) return value.every((item) => isJson(item, maxDepth - 1))
      return isPlain(value) && Object.values(value).every((item) => isJson(item, maxDepth - 1))
    default:
      return false
  }
}

/** A mapping: neither a list nor a number that is kept as its text. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)

/** Any number as a double; undefined for what is no number. */
export const numberOf = (value: unknown): number | undefined => {
  if (typeof value === "number") return value
  if (typeof value === "bigint") return Number(value)
  return isExact(value) ? doubleOf(value) : undefined
}

/** The text of a number or a boolean; text as it is; undefined for everything else. */
export const plainTextOf = (value: unknown): string | undefined => {
  switch (typeof value) {
    case "string":
      return value
    case "number":
    case "boolean":
    case "bigint":
      return String(value)
    default:
      return isExact(value) ? shownOf(value) : undefined
  }
}

export const JsonValue: Schema.Codec<Json> = Schema.declare((value): value is Json => isJson(value), {
  expected: "a JSON value"
})

export const JsonRecord: Schema.Codec<JsonObject> = Schema.declare(
  (value): value is JsonObject => isObject(value) && isJson(value),
  { expected: "a JSON object" }
)

/** Every number with a point or an exponent as it is written: `1.10` keeps its zero. For what goes on as decimals. */
export const writtenDecimals = (text: string): Json =>
  JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== "number" || context?.source === undefined) return value
    return /[.eE]/.test(context.source) ? JSON.rawJSON(context.source) : ofText(context.source)
  }) as Json

const parsed = (text: string): Json => {
  const quick = Marks.markedQuickly(text)
  if (quick.marks === 0) return JSON.parse(text) as Json
  if (Marks.isAmbiguous(text)) return parseLossless(text, undefined, ofText) as Json
  return read(quick) ?? readOrThrow(Marks.markedCarefully(text))
}

/** Undefined where a mark stands in a text. */
const read = (marked: Marks.Marked): Json | undefined => {
  try {
    return readOrThrow(marked)
  } catch {
    return undefined
  }
}

const readOrThrow = ({ marks, text }: Marks.Marked): Json => Marks.restored(JSON.parse(text), marks) as Json

const bigintAsInteger = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? JSON.rawJSON(value.toString()) : value

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** More opening brackets than a value has that is read before its depth is known. */
const maxBracketsUnscanned = 100_000

/** Whether a value surely has no more than so many levels; a number that is kept as its text counts as one. */
const isShallow = (value: Json, levels: number): boolean => {
  let level: Array<Json> = isContainer(value) ? [value] : []
  for (let left = levels; left > 0 && level.length > 0; left--) {
    const next: Array<Json> = []
    for (const container of level) addContainers(container, next)
    level = next
  }
  return level.length === 0
}

const addContainers = (container: Json, to: Array<Json>): void => {
  // V8 compiles a loop over the keys anew for each value.
  const members: ReadonlyArray<Json> = Array.isArray(container)
    ? container
    : Object.values(container as JsonObject)
  for (const member of members) if (isContainer(member)) to.push(member)
}

const isContainer = (value: Json): boolean => typeof value === "object" && value !== null

/** As many as there are, those in texts included, or one more than is of interest. */
const openingBrackets = (text: string): number => {
  let count = 0
  for (const bracket of ["{", "["])
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1))
      if (++count > maxBracketsUnscanned) return count
  return count
}

const depthError = (text: string, { maxDepth }: Limits): JsonError | undefined => {
  const at = depthExceededAt(text, maxDepth)
  return at === undefined
    ? undefined
    : new JsonError({ detail: `nested deeper than ${maxDepth}`, at: `position ${at}` })
}

/** The position of the bracket that goes too deep. */
const depthExceededAt = (text: string, maxDepth: number): number | undefined => {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === quote) i = endOfText(text, i)
    else if (isOpening(c) && ++depth > maxDepth) return i
    else if (isClosing(c)) depth--
  }
  return undefined
}

const quote = 34
const backslash = 92

/** `[` and `{` differ in one bit, and so do `]` and `}`. */
const isOpening = (c: number): boolean => (c | 32) === 123
const isClosing = (c: number): boolean => (c | 32) === 125

/** The position of the quote that closes a text, or the last of all. */
const endOfText = (text: string, start: number): number => {
  for (let i = start + 1; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === quote) return i
    if (c === backslash) i++
  }
  return text.length
}
