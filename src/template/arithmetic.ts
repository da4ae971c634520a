/** Numbers as Python and Jinja have them: integers stay exact, `/` gives a float, `//` and `%` round down. */
import { doubleOf, float, isExact } from "../domain/ExactNumber.ts"
import { type Json, numberOf as doubleOfJson } from "../domain/Json.ts"
import type { ArithmeticOp } from "./ast.ts"
import type { Budget } from "./Budget.ts"
import { evaluation, limit } from "./Fault.ts"
import { isList, isFloat, isNumber, kindOf, textOf, type Literals, type Value } from "./values.ts"

/** Integers are as long as in the Rust engine. */
const maxBits = 128
/** A list that a template makes. */
export const maxItems = 100_000

export const arithmetic = (
  budget: Budget,
  op: ArithmeticOp,
  left: Value,
  right: Value,
  literals: Literals
): Value => {
  budget.step()
  if (op === "~") return joined(budget, textOf(budget, left, literals), textOf(budget, right, literals))
  if (op === "+" && typeof left === "string" && typeof right === "string") return joined(budget, left, right)
  if (op === "+" && isList(left) && isList(right)) return concatenated(budget, left, right)
  if (op === "*") {
    const repeated = repeat(budget, left, right) ?? repeat(budget, right, left)
    if (repeated !== undefined) return repeated
  }
  const a = numberOf(left)
  const b = numberOf(right)
  if (a === undefined || b === undefined) {
    throw evaluation(`'${op}' does not go with ${kindOf(left)} and ${kindOf(right)}`)
  }
  return isFloat(left) || isFloat(right) ? float(ofFractions(op, Number(a), Number(b))) : ofIntegers(op, a, b)
}

export const negative = (value: Value): Value => {
  const number = numberOf(value)
  if (number === undefined) throw evaluation(`'-' does not go with ${kindOf(value)}`)
  if (typeof number === "bigint") return normal(-number)
  return isFloat(value) ? float(-number) : 0 - number
}

/** A bigint only where a number could not keep all its digits. */
export const normal = (value: bigint): number | bigint => {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  if (BigInt.asIntN(maxBits, value) !== value) throw evaluation("an integer is too large")
  return value
}

const numberOf = (value: Value): number | bigint | undefined =>
  isExact(value)
    ? doubleOf(value)
    : isNumber(value)
      ? value
      : typeof value === "boolean"
        ? Number(value)
        : undefined

const ofIntegers = (op: ArithmeticOp, a: number | bigint, b: number | bigint): Value => {
  const x = BigInt(a)
  const y = BigInt(b)
  switch (op) {
    case "+":
      return normal(x + y)
    case "-":
      return normal(x - y)
    case "*":
      return normal(x * y)
    case "**":
      return powerOf(x, y)
    case "/":
      return float(ofFractions(op, Number(a), Number(b)))
    default:
      if (y === 0n) throw evaluation("division by zero")
      return normal(op === "//" ? floorQuotient(x, y) : x - y * floorQuotient(x, y))
  }
}

const floorQuotient = (x: bigint, y: bigint): bigint => {
  const quotient = x / y
  return x % y !== 0n && x < 0n !== y < 0n ? quotient - 1n : quotient
}

const powerOf = (x: bigint, y: bigint): Value => {
  if (y < 0n) return float(ofFractions("**", Number(x), Number(y)))
  if (x === 0n || x === 1n) return y === 0n ? 1 : Number(x)
  if (x === -1n) return y % 2n === 0n ? 1 : -1
  // Checked before it is worked out: 9 ** 9 ** 9 has more digits than there is memory.
  if (y > BigInt(maxBits)) throw evaluation("an integer is too large")
  return normal(x ** y)
}

const ofFractions = (op: ArithmeticOp, a: number, b: number): number => {
  switch (op) {
    case "+":
      return a + b
    case "-":
      return a - b
    case "*":
      return a * b
    case "**":
      return a ** b
    default:
      if (b === 0) throw evaluation("division by zero")
      return op === "/" ? a / b : op === "//" ? Math.floor(a / b) : a - b * Math.floor(a / b)
  }
}

const joined = (budget: Budget, left: string, right: string): string => {
  budget.text(left.length + right.length)
  return left + right
}

const concatenated = (
  budget: Budget,
  left: ReadonlyArray<Json>,
  right: ReadonlyArray<Json>
): ReadonlyArray<Json> => {
  const length = left.length + right.length
  // Lists that came in may be longer; only what a template adds to them is held down.
  if (Math.min(left.length, right.length) > maxItems) throw limit(`a list of more than ${maxItems} items`)
  budget.items(length)
  budget.text(length)
  return [...left, ...right]
}

const repeat = (budget: Budget, what: Value, count: Value): Value => {
  if (typeof what !== "string" && !isList(what)) return undefined
  const number = doubleOfJson(count)
  if (number === undefined || !Number.isSafeInteger(number)) return undefined
  const times = Math.max(0, number)
  const length = what.length * times
  budget.text(length)
  if (typeof what === "string") return what.repeat(times)
  if (length > maxItems) throw limit(`a list of more than ${maxItems} items`)
  return Array.from({ length: times }, () => what).flat()
}
