/** What values are to a template: truth, equality, order, text. Only plain data, and only a value's own members. */
import { doubleOf, type ExactNumber, isExact, shownOf } from "../domain/ExactNumber.ts"
import type { Json, JsonObject } from "../domain/Json.ts"
import * as JsonText from "../domain/Json.ts"
import type { Budget } from "./Budget.ts"
import { evaluation, limit } from "./Fault.ts"

/** JSON, or nothing at all. */
export type Value = Json | undefined

/** How a value becomes part of a text. */
export type Literals = "text" | "python"

/** Deeper values cannot come from JSON that was decoded with the usual limits; a cycle is infinitely deep. */
export const maxValueDepth = 256

export const isList = (value: Value): value is ReadonlyArray<Json> => Array.isArray(value)

export const isMapping = (value: Value): value is JsonObject => JsonText.isObject(value)

export const isNumber = (value: Value): value is number | bigint | ExactNumber =>
  typeof value === "number" || typeof value === "bigint" || isExact(value)

/** Whether a number is a float: one with a fraction, or one that came as a float. */
export const isFloat = (value: Value): boolean =>
  typeof value === "number" ? !Number.isInteger(value) || Math.abs(value) >= 1e21 : isExact(value)

/** A member of a mapping. Only its own: prototypes are the host's, not data. */
export const memberOf = (mapping: JsonObject, key: string): Value =>
  Object.hasOwn(mapping, key) ? mapping[key] : undefined

export const kindOf = (value: Value): string => {
  if (value === undefined) return "an undefined value"
  if (value === null) return "none"
  if (isList(value)) return "a list"
  switch (typeof value) {
    case "string":
      return "text"
    case "boolean":
      return "a boolean"
    case "object":
      return isExact(value) ? "a number" : "a mapping"
    default:
      return "a number"
  }
}

/** Jinja's truth: empty things, zero, none and undefined are false. */
export const truthy = (value: Value): boolean => {
  if (isList(value)) return value.length > 0
  if (isMapping(value)) {
    for (const _ in value) return true
    return false
  }
  return Boolean(isExact(value) ? doubleOf(value) : value)
}

export const equals = (budget: Budget, left: Value, right: Value, depth = 0): boolean => {
  budget.step()
  if (depth > maxValueDepth) throw limit(`a value nested deeper than ${maxValueDepth}`)
  if (left === right) return true
  // As in Python: true is 1, and none is only none.
  if (left === undefined || right === undefined || left === null || right === null) return false
  const a = numeric(left)
  const b = numeric(right)
  if (a === undefined && b === undefined && typeof left === "object" && typeof right === "object")
    return equalObjects(budget, left as JsonObject, right as JsonObject, depth)
  // eslint-disable-next-line eqeqeq -- a bigint equals the number of the same value
  return a !== undefined && b !== undefined && a == b
}

const equalObjects = (
  budget: Budget,
  left: JsonObject | ReadonlyArray<Json>,
  right: JsonObject | ReadonlyArray<Json>,
  depth: number
): boolean => {
  if (isList(left) || isList(right)) {
    return (
      isList(left) &&
      isList(right) &&
      left.length === right.length &&
      left.every((item, i) => equals(budget, item, right[i], depth + 1))
    )
  }
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equals(budget, left[key], right[key], depth + 1))
  )
}

/** A number, or a boolean that counts as one. */
const numeric = (value: Value): number | bigint | undefined => {
  if (typeof value === "boolean") return value ? 1 : 0
  if (isExact(value)) return doubleOf(value)
  return isNumber(value) ? value : undefined
}

/** Negative, zero or positive; undefined when one of the two is missing. */
export const order = (budget: Budget, left: Value, right: Value): number | undefined => {
  budget.step()
  if (left === undefined || right === undefined || left === null || right === null) return undefined
  const a = numeric(left)
  const b = numeric(right)
  if (a !== undefined && b !== undefined) return a < b ? -1 : a > b ? 1 : 0
  if (typeof left === "string" && typeof right === "string") return left < right ? -1 : left > right ? 1 : 0
  if (isList(left) && isList(right)) return orderLists(budget, left, right)
  throw evaluation(`cannot compare ${kindOf(left)} and ${kindOf(right)}`)
}

const orderLists = (budget: Budget, left: ReadonlyArray<Json>, right: ReadonlyArray<Json>): number => {
  for (let i = 0; i < left.length && i < right.length; i++) {
    const one = order(budget, left[i], right[i])
    if (one !== undefined && one !== 0) return one
  }
  return left.length - right.length
}

export const contains = (budget: Budget, container: Value, item: Value): boolean => {
  if (container === undefined || container === null) return false
  if (isList(container)) {
    budget.items(container.length)
    return container.some((one) => equals(budget, one, item))
  }
  if (typeof container === "string") {
    budget.characters(container.length)
    return container.includes(textOf(budget, item))
  }
  if (isMapping(container)) return typeof item === "string" && Object.hasOwn(container, item)
  throw evaluation(`'in' wants a list, a mapping or text, not ${kindOf(container)}`)
}

/** The members of a value as a list: what a loop sees. */
export const itemsOf = (budget: Budget, value: Value): ReadonlyArray<Json> => {
  if (value === undefined || value === null) return []
  if (isList(value)) return value
  if (typeof value === "string") {
    budget.items(value.length)
    return Array.from(value)
  }
  if (isMapping(value)) {
    const keys = Object.keys(value)
    budget.items(keys.length)
    return keys
  }
  throw evaluation(`${kindOf(value)} is no list`)
}

// --- text ---

/** How a value prints. Nothing prints for undefined and for none, but Python's code wants `None`. */
export const textOf = (budget: Budget, value: Value, literals: Literals = "text"): string => {
  switch (typeof value) {
    case "string":
      return value
    case "undefined":
      return ""
    case "boolean":
      return literals === "python" ? (value ? "True" : "False") : String(value)
    case "number":
    case "bigint":
      return String(value)
    default:
      if (value === null) return literals === "python" ? "None" : ""
      if (isExact(value)) return shownOf(value)
      return literals === "python" ? pythonOf(budget, value, 0) : jsonOf(budget, value)
  }
}

/** JSON text, without HTML's escapes: it goes into SQL literals and bodies. */
export const jsonOf = (budget: Budget, value: Value, indent?: number): string => {
  measure(budget, value, 0)
  const text = JsonText.stringify(value ?? null, indent)
  budget.text(text.length)
  return text
}

/** Walks a value first, so that one that is too deep or too large is refused before text is made of it. */
const measure = (budget: Budget, value: Value, depth: number): void => {
  if (depth > maxValueDepth) throw limit(`a value nested deeper than ${maxValueDepth}`)
  if (typeof value === "string") budget.characters(value.length)
  else if (isList(value)) {
    budget.items(value.length)
    for (const item of value) measure(budget, item, depth + 1)
  } else if (isMapping(value)) {
    budget.step()
    for (const key in value) measure(budget, value[key], depth + 1)
  }
}

/** Python's `repr`. */
const pythonOf = (budget: Budget, value: Json, depth: number): string => {
  if (depth > maxValueDepth) throw limit(`a value nested deeper than ${maxValueDepth}`)
  budget.step()
  if (typeof value === "string") {
    const text = pythonString(value)
    budget.text(text.length)
    return text
  }
  if (isList(value)) return `[${value.map((item) => pythonOf(budget, item, depth + 1)).join(", ")}]`
  if (!isMapping(value)) return textOf(budget, value, "python")
  const members = Object.entries(value).map(
    ([key, member]) => `${pythonString(key)}: ${pythonOf(budget, member, depth + 1)}`
  )
  return `{${members.join(", ")}}`
}

const pythonString = (value: string): string => {
  const quoted = value
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t")
    .replaceAll("\0", "\\x00")
  return value.includes("'") && !value.includes('"') ? `"${quoted}"` : `'${quoted.replaceAll("'", "\\'")}'`
}
