/** Numbers: arithmetic that is no operator, trigonometry, conversions, parsing. */
import { rustFloat } from "../language/Format.ts"
import * as Integer from "../language/Integer.ts"
import type { Natives } from "../machine/Natives.ts"
import { arithmeticError } from "../language/RhaiError.ts"
import { Char, Float, type Int, type Value } from "../language/Value.ts"

const num = (value: Value): number => (value as Float).value
const int = (value: Value): Int => value as Int

const functions: Readonly<Record<string, (x: number) => number>> = {
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  to_radians: (x) => x * (Math.PI / 180),
  to_degrees: (x) => x * (180 / Math.PI),
  sqrt: Math.sqrt,
  exp: Math.exp,
  ln: Math.log,
  log: Math.log10,
  abs: Math.abs
}

/** Half goes away from zero, as in Rust. */
const round = (x: number): number => {
  const whole = Math.trunc(x)
  return Math.abs(x - whole) >= 0.5 ? whole + Math.sign(x) : whole
}

export const math = (natives: Natives): void => {
  for (const [name, fn] of Object.entries(functions))
    natives.pure(`${name}(float)`, ([x]) => new Float(fn(num(x))))
  natives
    .pure("atan(float, float)", ([x, y]) => new Float(Math.atan2(num(x), num(y))))
    .pure("hypot(float, float)", ([x, y]) => new Float(Math.hypot(num(x), num(y))))
    .pure("log(float, float)", ([x, base]) => new Float(Math.log(num(x)) / Math.log(num(base))))
    .pure("E()", () => new Float(Math.E))
    .pure("PI()", () => new Float(Math.PI))
    .property("floor", "float", (x: Float) => new Float(Math.floor(x.value)))
    .property("ceiling", "float", (x: Float) => new Float(Math.ceil(x.value)))
    .property("round", "float", (x: Float) => new Float(round(x.value)))
    .property("int", "float", (x: Float) => new Float(Math.trunc(x.value)))
    .property("fraction", "float", (x: Float) => new Float(x.value - Math.trunc(x.value)))
    .property("is_nan", "float", (x: Float) => Number.isNaN(x.value))
    .property("is_finite", "float", (x: Float) => Number.isFinite(x.value))
    .property("is_infinite", "float", (x: Float) => Math.abs(x.value) === Infinity)
    .property("is_zero", "float", (x: Float) => x.value === 0)
    .property("is_zero", "int", (x: Int) => x === 0)
    .property("is_odd", "int", (x: Int) => BigInt(x) % 2n !== 0n)
    .property("is_even", "int", (x: Int) => BigInt(x) % 2n === 0n)
  conversions(natives)
  comparisons(natives)
}

const conversions = (natives: Natives): void => {
  natives
    .pure("abs(int)", ([x]) => (int(x) < 0 ? Integer.negate(int(x), (n) => `Negation overflow: -${n}`) : x))
    .pure("sign(int)", ([x]) => (int(x) > 0 ? 1 : int(x) < 0 ? -1 : 0))
    .pure("sign(float)", ([x]) => {
      if (Number.isNaN(num(x))) throw arithmeticError("Sign of NaN is undefined")
      return Math.sign(num(x)) + 0
    })
    .pure("to_int(int)", ([x]) => x)
    .pure("to_int(char)", ([x]) => (x as Char).text.codePointAt(0)!)
    .pure("to_int(float)", ([x]) => floatToInt(num(x)))
    .pure("to_float(float)", ([x]) => x)
    .pure("to_float(int)", ([x]) => new Float(Number(x)))
    .pure("parse_int(string)", ([text]) => parseInteger(text as string, 10))
    .pure("parse_int(string, int)", ([text, radix]) => parseInteger(text as string, int(radix)))
    .pure("parse_float(string)", ([text]) => new Float(parseFloating(text as string)))
}

const floatToInt = (x: number): Int => {
  if (x > 2 ** 63 || x < -(2 ** 63)) throw arithmeticError(`Integer overflow: to_int(${rustFloat(x)})`)
  if (Number.isNaN(x)) return 0
  if (x === 2 ** 63) return Integer.MAX
  return Integer.normal(BigInt(Math.trunc(x)))
}

const parseInteger = (text: string, radix: Int): Int => {
  if (radix < 2 || radix > 36) throw arithmeticError(`Invalid radix: '${radix}'`)
  const fail = (why: string): never => {
    throw arithmeticError(`Error parsing integer number '${text}': ${why}`)
  }
  const trimmed = text.trim()
  if (trimmed === "") return fail("cannot parse integer from empty string")
  const sign = trimmed[0] === "-" ? -1n : 1n
  const digits = /^[+-]/.test(trimmed) ? trimmed.slice(1) : trimmed
  if (digits === "") return fail("invalid digit found in string")
  let value = 0n
  for (const digit of digits.replace(/^0+/, "")) {
    const n = /[0-9a-zA-Z]/.test(digit) ? Number.parseInt(digit, 36) : 99
    if (n >= radix) return fail("invalid digit found in string")
    value = value * BigInt(radix) + sign * BigInt(n)
    // The first digit too many decides, whatever follows
    if (value > Integer.MAX) return fail("number too large to fit in target type")
    if (value < Integer.MIN) return fail("number too small to fit in target type")
  }
  return Integer.normal(value)
}

const floatPattern = /^[+-]?(inf|infinity|nan|\d+(\.\d*)?(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?)$/i

const parseFloating = (text: string): number => {
  const trimmed = text.trim()
  if (!floatPattern.test(trimmed)) {
    const why = trimmed === "" ? "cannot parse float from empty string" : "invalid float literal"
    throw arithmeticError(`Error parsing floating-point number '${text}': ${why}`)
  }
  const lower = trimmed.toLowerCase()
  if (lower.includes("inf")) return lower.startsWith("-") ? -Infinity : Infinity
  return Number(lower.replace(/^\+/, ""))
}

const comparisons = (natives: Natives): void => {
  const pick =
    (sign: 1 | -1) =>
    ([x, y]: ReadonlyArray<Value>): Value => {
      const [a, b] = [Number(x instanceof Float ? x.value : x), Number(y instanceof Float ? y.value : y)]
      return new Float(sign > 0 ? (a >= b ? a : b) : a <= b ? a : b)
    }
  natives
    .pure("max(int, int)", ([x, y]) => (int(x) >= int(y) ? x : y))
    .pure("min(int, int)", ([x, y]) => (int(x) <= int(y) ? x : y))
  for (const types of ["float, float", "int, float", "float, int"])
    natives.pure(`max(${types})`, pick(1)).pure(`min(${types})`, pick(-1))
}
