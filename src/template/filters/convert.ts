/** Filters that turn a value into one of another kind. */
import { doubleOf, float as floatOf, isExact } from "../../domain/ExactNumber.ts"
import * as JsonText from "../../domain/Json.ts"
import { Result } from "effect"
import { normal } from "../arithmetic.ts"
import { argument, type Filter, given, numberArgument } from "../Engine.ts"
import { evaluation, limit } from "../Fault.ts"
import { isFloat, isList, isMapping, isNumber, jsonOf, textOf, truthy, type Value } from "../values.ts"

/** Python's `int`, but what is no number gives the fallback, 0 by default. */
const int: Filter = (_engine, value, args) => {
  const fallback = given(args, 0, "default") ? argument(args, 0, "default") : 0
  if (typeof value === "boolean") return value ? 1 : 0
  if (typeof value === "bigint") return value
  const double = JsonText.numberOf(value)
  if (double !== undefined) return Number.isFinite(double) ? integerOf(double) : fallback
  if (typeof value !== "string") return fallback
  const text = value.trim().replaceAll("_", "")
  if (/^[+-]?\d{1,40}$/.test(text)) return normal(BigInt(text.replace(/^\+/, "")))
  const number = fractionOf(text)
  return number === undefined ? fallback : integerOf(number)
}

/** The integer of a double without its fraction, as long as it is. */
const integerOf = (double: number): number | bigint => {
  const whole = Math.trunc(double)
  return Number.isSafeInteger(whole) ? whole + 0 : BigInt(whole)
}

const float: Filter = (_engine, value, args) => {
  const fallback = given(args, 0, "default") ? argument(args, 0, "default") : floatOf(0)
  if (isExact(value)) return value
  const number = typeof value === "string" ? fractionOf(value.trim()) : Number(value)
  if (typeof value !== "string" && typeof value !== "boolean" && !isNumber(value)) return fallback
  return number === undefined ? fallback : floatOf(number)
}

const fractionOf = (text: string): number | undefined => {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined
  const number = Number(text)
  return Number.isFinite(number) ? number : undefined
}

const falseWords: ReadonlySet<string> = new Set(["", "false", "0", "no", "off", "none", "null"])

const bool: Filter = (_engine, value) =>
  typeof value === "string" ? !falseWords.has(value.trim().toLowerCase()) : truthy(value)

/** For what is missing: undefined and none. With `true` also for what is false. */
const orDefault: Filter = (_engine, value, args) => {
  const missing = value === undefined || value === null
  const empty = truthy(argument(args, 1, "boolean")) && !truthy(value)
  if (!missing && !empty) return value
  return given(args, 0, "default_value") ? argument(args, 0, "default_value") : ""
}

const tojson: Filter = (engine, value, args) => {
  const indent = argument(args, 0, "indent")
  const spaces = indent === true ? 2 : numberArgument(args, 0, "indent", 0)
  return jsonOf(engine.budget, value, spaces > 0 ? Math.min(10, spaces) : undefined)
}

const fromjson: Filter = (engine, value) => {
  if (typeof value !== "string") return null
  engine.budget.characters(value.length * 8)
  return Result.getOrElse(JsonText.parse(value), () => null)
}

const string: Filter = (engine, value) => {
  const text = textOf(engine.budget, value, engine.literals)
  engine.budget.text(text.length)
  return text
}

const abs: Filter = (_engine, value) => {
  if (typeof value === "number") return Math.abs(value)
  if (isExact(value)) return doubleOf(value) < 0 ? floatOf(Math.abs(doubleOf(value))) : value
  if (typeof value === "bigint") return value < 0n ? -value : value
  throw evaluation("'abs' wants a number")
}

const round: Filter = (_engine, value, args) => {
  if (typeof value === "bigint") return value
  const double = JsonText.numberOf(value)
  if (double === undefined) throw evaluation("'round' wants a number")
  const digits = numberArgument(args, 0, "precision", 0)
  if (Math.abs(digits) > 20) throw limit("'round' to more than 20 digits")
  const method = argument(args, 1, "method")
  const rounded = roundedTo(double, 10 ** digits, method)
  return isFloat(value) ? floatOf(rounded) : rounded
}

const roundedTo = (double: number, factor: number, method: Value): number => {
  const scaled = double * factor
  if (!Number.isFinite(scaled)) return double
  if (method === "floor") return Math.floor(scaled) / factor
  if (method === "ceil") return Math.ceil(scaled) / factor
  return (Math.sign(scaled) * Math.round(Math.abs(scaled))) / factor
}

/** Characters of text, items of a list, keys of a mapping; 0 for what has no length. */
const length: Filter = (engine, value) => {
  if (typeof value === "string") return charactersOf(engine.budget.characters.bind(engine.budget), value)
  if (isList(value)) return value.length
  return isMapping(value) ? Object.keys(value).length : 0
}

const charactersOf = (spend: (count: number) => void, text: string): number => {
  spend(text.length)
  let pairs = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0xd8_00 && unit < 0xdc_00 && i + 1 < text.length) {
      pairs++
      i++
    }
  }
  return text.length - pairs
}

export const lengthOf = (spend: (count: number) => void, value: Value): number | undefined =>
  typeof value === "string" ? charactersOf(spend, value) : isList(value) ? value.length : undefined

export const convertFilters: ReadonlyArray<readonly [string, Filter]> = [
  ["int", int],
  ["float", float],
  ["bool", bool],
  ["string", string],
  ["default", orDefault],
  ["d", orDefault],
  ["tojson", tojson],
  ["fromjson", fromjson],
  ["abs", abs],
  ["round", round],
  ["length", length],
  ["len", length],
  ["count", length]
]
