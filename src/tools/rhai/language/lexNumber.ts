/** Numbers: `42`, `1_000`, `0xff`, `0o17`, `0b1010`, `1.5`, `6.02e23`, and the float too big for an integer. */
import type { Lexer } from "./Lexer.ts"
import type { Position } from "./Position.ts"
import { FLOAT, INTEGER, isIdentifierStart } from "./Token.ts"

const MIN = -(2n ** 63n)
const MAX = 2n ** 63n - 1n

const radixes: ReadonlyMap<string, { readonly prefix: string; readonly digits: RegExp }> = new Map([
  ["x", { prefix: "0x", digits: /[0-9a-fA-F_]/ }],
  ["o", { prefix: "0o", digits: /[0-7_]/ }],
  ["b", { prefix: "0b", digits: /[01_]/ }]
])

const isDigit = (code: number): boolean => code >= 48 && code <= 57

export const readNumber = (lexer: Lexer, position: Position, negative: boolean): void => {
  const text = lexer.text
  const radix = text[lexer.at] === "0" ? radixes.get((text[lexer.at + 1] ?? "").toLowerCase()) : undefined
  if (radix !== undefined) return readRadix(lexer, position, negative, radix)

  const start = lexer.at
  let at = digitsFrom(text, start)
  let isFloat = false
  if (text[at] === "." && pointBelongs(text, at)) {
    isFloat = true
    at = digitsFrom(text, at + 1)
  }
  const exponent = /[eE]/.test(text[at] ?? "")
  if (exponent && (isDigit(text.charCodeAt(at + 1)) || text[at + 1] === "+" || text[at + 1] === "-")) {
    isFloat = true
    at = digitsFrom(text, at + 2)
  }
  lexer.at = at
  const digits = (negative ? "-" : "") + text.slice(start, at).replaceAll("_", "")
  finish(lexer, position, digits, isFloat)
}

const finish = (lexer: Lexer, position: Position, digits: string, isFloat: boolean): void => {
  if (!isFloat) {
    const value = digits.length < 16 ? Number(digits) : BigInt(digits)
    // `-0` is the integer 0
    if (typeof value === "number") return lexer.set(INTEGER, value + 0, position)
    if (value >= MIN && value <= MAX) {
      const number = Number(value)
      return lexer.set(INTEGER, Number.isSafeInteger(number) ? number : value, position)
    }
  }
  const number = /\d/.test(digits.at(-1)!) || digits.endsWith(".") ? Number(digits) : Number.NaN
  if (Number.isNaN(number)) return lexer.fail(`Invalid number: '${digits}'`, position)
  lexer.set(FLOAT, number, position)
}

const readRadix = (
  lexer: Lexer,
  position: Position,
  negative: boolean,
  radix: { readonly prefix: string; readonly digits: RegExp }
): void => {
  const text = lexer.text
  let at = lexer.at + 2
  while (radix.digits.test(text[at] ?? "")) at++
  const digits = text.slice(lexer.at + 2, at).replaceAll("_", "")
  const letter = text[lexer.at + 1]!
  lexer.at = at
  // The sign shifts what Rhai takes for the prefix, so a negative one never parses.
  if (negative || digits === "")
    return lexer.fail(`Invalid number: '${negative ? letter : ""}${digits}'`, position)
  const value = BigInt(radix.prefix + digits)
  if (value >= 2n ** 64n) return lexer.fail(`Invalid number: '${digits}'`, position)
  const signed = BigInt.asIntN(64, value)
  const number = Number(signed)
  lexer.set(INTEGER, Number.isSafeInteger(number) ? number : signed, position)
}

const digitsFrom = (text: string, from: number): number => {
  let at = from
  while (isDigit(text.charCodeAt(at)) || text.charCodeAt(at) === 95) at++
  return at
}

/** A point is the number's own unless a property, a range or `_` follows: `1.5`, `1.` but not `1.foo`, `1..5`. */
const pointBelongs = (text: string, at: number): boolean => {
  const next = text.charCodeAt(at + 1)
  if (isDigit(next)) return true
  return !Number.isNaN(next) && next !== 95 && next !== 46 && !isIdentifierStart(next)
}
