/**
 * Schemas for settings that a template may have written as text: `timeout: "{{ n }}0"` is the text "300".
 * Where a tool wants something that is not text, text is read as that, and nowhere else.
 */
import { Effect, Schema, SchemaGetter, SchemaIssue } from "effect"
import * as Json from "../domain/Json.ts"

/** A key that may be absent or null, which is the same. */
export const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** Numbers, booleans and integers of any size as text; text as it is. */
export const Text = read(Schema.String, "text", (value) => textOf(value))

export const Number = read(Schema.Finite, "a number", (value) => numberOf(value))

export const Integer = read(Schema.Int, "a whole number", (value) => numberOf(value))

export const Boolean = read(Schema.Boolean, "true or false", (value) => {
  if (typeof value === "boolean") return value
  const word = typeof value === "string" ? value.trim().toLowerCase() : value
  if (word === "true" || word === "yes" || word === "on" || word === "1" || word === 1) return true
  return word === "false" || word === "no" || word === "off" || word === "0" || word === 0 ? false : undefined
})

/** Seconds, as a number or as text with a unit: 30, "30", "500ms", "2m", "1h". */
export const Seconds = read(
  Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
  "a time in seconds",
  (value) => {
    if (typeof value !== "string") return numberOf(value)
    const [, digits, unit = ""] = /^\s*([\d.]+)\s*([a-z]*)\s*$/i.exec(value) ?? []
    const amount = numberOf(digits)
    const factor = units.get(unit.toLowerCase())
    return factor === undefined || amount === undefined ? undefined : amount * factor
  }
)

/** Bytes, as a number or as text with a unit: 1048576, "512Mi", "64 MB". */
export const Bytes = read(Schema.Int.check(Schema.isGreaterThan(0)), "a size in bytes", (value) => {
  if (typeof value !== "string") return numberOf(value)
  const [, digits, prefix = "", binary = ""] = /^\s*([\d.]+)\s*([kmgt]?)(i?)b?\s*$/i.exec(value) ?? []
  const amount = numberOf(digits)
  const power = ["", "k", "m", "g", "t"].indexOf(prefix.toLowerCase())
  return amount === undefined ? undefined : Math.floor(amount * (binary === "" ? 1000 : 1024) ** power)
})

/** An object, or JSON text of one. */
export const JsonMap = read(Json.JsonRecord, "an object", (value) => {
  const json = jsonOf(value)
  return Json.isObject(json) ? json : undefined
})

/** Names and texts. A null entry is left out; lists and objects become JSON text. */
export const TextMap = read(Schema.Record(Schema.String, Schema.String), "an object", (value) => {
  const json = jsonOf(value)
  if (!Json.isObject(json)) return undefined
  return Object.fromEntries(
    Object.entries(json).flatMap(([name, item]) =>
      item === null || item === undefined ? [] : [[name, textOf(item) ?? Json.stringify(item)]]
    )
  )
})

/** A list of texts, JSON text of one, or a single text. */
export const TextList = read(Schema.Array(Schema.String), "text or a list of texts", (value) => {
  const json = typeof value === "string" && !value.trim().startsWith("[") ? value : jsonOf(value)
  if (!Array.isArray(json)) {
    const text = textOf(json ?? value)
    return text === undefined ? undefined : [text]
  }
  const texts = json.map((item) => textOf(item))
  return texts.every((text) => text !== undefined) ? texts : undefined
})

// --- helpers ---

/** A schema that takes anything and keeps what `f` makes of it; the result is checked by `schema`. */
function read<S extends Schema.Codec<unknown, unknown>>(
  schema: S,
  expected: string,
  f: (value: unknown) => S["Encoded"] | undefined
) {
  return Schema.Unknown.pipe(
    Schema.decodeTo(schema, {
      decode: SchemaGetter.transformEffect((value: unknown, options) => {
        const result = f(value)
        return result === undefined
          ? Effect.fail(new SchemaIssue.InvalidValue({ message: `Expected ${expected}` }, value, options))
          : Effect.succeed(result)
      }),
      encode: SchemaGetter.transform((value: S["Encoded"]): unknown => value)
    })
  )
}

function textOf(value: unknown): string | undefined {
  return Json.plainTextOf(value)
}

function numberOf(value: unknown): number | undefined {
  const number = Json.numberOf(value)
  if (number !== undefined) return number
  return typeof value === "string" && /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value)
    ? globalThis.Number(value)
    : undefined
}

function jsonOf(value: unknown): unknown {
  if (typeof value !== "string") return value
  const parsed = Json.parse(value)
  return parsed._tag === "Success" ? parsed.success : undefined
}

const units = new Map([
  ["", 1],
  ["ms", 0.001],
  ["s", 1],
  ["sec", 1],
  ["second", 1],
  ["seconds", 1],
  ["m", 60],
  ["min", 60],
  ["minute", 60],
  ["minutes", 60],
  ["h", 3600],
  ["hour", 3600],
  ["hours", 3600]
])
