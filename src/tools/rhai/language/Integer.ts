/** 64-bit integer arithmetic with Rhai's overflow errors. */
import { arithmeticError } from "./RhaiError.ts"
import type { Int } from "./Value.ts"

export const MIN = -(2n ** 63n)
export const MAX = 2n ** 63n - 1n
export const U32_MAX = 0xffffffff

/** The one form an integer has: a number if it is safe. */
export const normal = (value: bigint): Int => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

const fits = (value: bigint): boolean => value >= MIN && value <= MAX

const checked = (value: bigint, what: string, x: Int, sign: string, y: Int): Int => {
  if (!fits(value)) throw arithmeticError(`${what}: ${x} ${sign} ${y}`)
  return normal(value)
}

export const add = (x: Int, y: Int): Int => {
  if (typeof x === "number" && typeof y === "number") {
    const sum = x + y
    if (Number.isSafeInteger(sum)) return sum
  }
  return checked(BigInt(x) + BigInt(y), "Addition overflow", x, "+", y)
}

export const subtract = (x: Int, y: Int): Int => {
  if (typeof x === "number" && typeof y === "number") {
    const difference = x - y
    if (Number.isSafeInteger(difference)) return difference
  }
  return checked(BigInt(x) - BigInt(y), "Subtraction overflow", x, "-", y)
}

export const multiply = (x: Int, y: Int): Int => {
  if (typeof x === "number" && typeof y === "number") {
    const product = x * y
    // `+ 0` turns -0 into 0
    if (Number.isSafeInteger(product)) return product + 0
  }
  return checked(BigInt(x) * BigInt(y), "Multiplication overflow", x, "*", y)
}

export const divide = (x: Int, y: Int): Int => {
  if (y === 0) throw arithmeticError(`Division by zero: ${x} / ${y}`)
  if (typeof x === "number" && typeof y === "number") return Math.trunc(x / y) + 0
  return checked(BigInt(x) / BigInt(y), "Division overflow", x, "/", y)
}

export const modulo = (x: Int, y: Int): Int => {
  if (y === 0 || (y === -1 && x === MIN))
    throw arithmeticError(`Modulo division by zero or overflow: ${x} % ${y}`)
  if (typeof x === "number" && typeof y === "number") return (x % y) + 0
  return normal(BigInt(x) % BigInt(y))
}

export const power = (x: Int, y: Int): Int => {
  if (y > U32_MAX) throw arithmeticError(`Exponential overflow: ${x} ** ${y}`)
  if (y < 0) throw arithmeticError(`Integer raised to a negative power: ${x} ** ${y}`)
  if (x === 0 || x === 1) return y === 0 ? 1 : x
  if (x === -1) return BigInt(y) % 2n === 0n ? 1 : -1
  // |x| ≥ 2: 64 doublings leave every 64-bit integer behind
  if (y > 64) throw arithmeticError(`Exponential overflow: ${x} ** ${y}`)
  return checked(BigInt(x) ** BigInt(y), "Exponential overflow", x, "**", y)
}

const wrap = (value: bigint): Int => normal(BigInt.asIntN(64, value))

const magnitude = (y: Int): Int => (typeof y === "number" ? -y : normal(y === MIN ? MAX : -y))

export const shiftLeft = (x: Int, y: Int): Int => {
  if (y < 0) return shiftRight(x, magnitude(y))
  return y > 63 ? 0 : wrap(BigInt(x) << BigInt(y))
}

export const shiftRight = (x: Int, y: Int): Int => {
  if (y < 0) return shiftLeft(x, magnitude(y))
  return wrap(BigInt(x) >> BigInt(y > 63 ? 63 : y))
}

const isSmall = (x: Int): x is number => typeof x === "number" && x === (x | 0)

export const bitAnd = (x: Int, y: Int): Int =>
  isSmall(x) && isSmall(y) ? x & y : wrap(BigInt(x) & BigInt(y))
export const bitOr = (x: Int, y: Int): Int => (isSmall(x) && isSmall(y) ? x | y : wrap(BigInt(x) | BigInt(y)))
export const bitXor = (x: Int, y: Int): Int =>
  isSmall(x) && isSmall(y) ? x ^ y : wrap(BigInt(x) ^ BigInt(y))

export const negate = (x: Int, message: (x: Int) => string): Int => {
  if (typeof x === "number") return x === 0 ? 0 : -x
  if (x === MIN) throw arithmeticError(message(x))
  return normal(-x)
}

/** The two's complement bits, as a script sees them in hexadecimal. */
export const bitsOf = (x: Int): bigint => BigInt.asUintN(64, BigInt(x))

export const fromBits = (bits: bigint): Int => wrap(bits)

/** Clamps an integer into what an array index can be. */
export const toIndex = (x: Int): number =>
  typeof x === "number" ? x : x > 0n ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER
