/**
 * Source → segments of text and of tags, each tag with its tokens.
 *
 * Jinja's rules: `{{ }}` prints, `{% %}` does, `{# #}` is silent, a dash inside a bracket eats the white space next to
 * it, `{% raw %}` is text, and one newline at the very end of a template goes.
 */
import { type ExactNumber, float } from "../domain/ExactNumber.ts"
import { Fault, syntax } from "./Fault.ts"

export type Token =
  | { readonly type: "name"; readonly text: string; readonly at: number }
  | { readonly type: "number"; readonly value: number | bigint | ExactNumber; readonly at: number }
  | { readonly type: "string"; readonly text: string; readonly at: number }
  | { readonly type: "operator"; readonly text: string; readonly at: number }

export type Segment =
  | { readonly type: "text"; readonly text: string; readonly at: number }
  | {
      readonly type: "print" | "block"
      readonly tokens: ReadonlyArray<Token>
      readonly at: number
      readonly end: number
    }

/**
 * Whether a string has anything to render. A comment alone makes no template: `${#X}` is the shell's length of X, and
 * the servers leave it alone.
 */
export const isTemplate = (source: string): boolean => source.includes("{{") || source.includes("{%")

export const segmentsOf = (source: string): ReadonlyArray<Segment> => {
  const segments: Array<Segment> = []
  const text = source.endsWith("\n") ? source.slice(0, source.endsWith("\r\n") ? -2 : -1) : source
  let position = 0
  let trimNext = false
  while (position < text.length) {
    const open = nextTag(text, position)
    if (open === -1) {
      pushText(segments, text.slice(position), position, trimNext, false)
      break
    }
    const trimBefore = text[open + 2] === "-"
    pushText(segments, text.slice(position, open), position, trimNext, trimBefore)
    const tag = readTag(text, open)
    trimNext = tag.trimAfter
    position = tag.end
    if (tag.segment === undefined) continue
    if (isRaw(tag.segment)) {
      const raw = readRaw(text, tag.end, open)
      pushText(segments, raw.text, tag.end, tag.trimAfter, raw.trimInside)
      trimNext = raw.trimAfter
      position = raw.end
    } else segments.push(tag.segment)
  }
  return segments
}

/** Tokens of a bare expression: a condition that is written without braces. */
export const tokensOf = (source: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  let position = skipSpace(source, 0)
  while (position < source.length) {
    const { token, end } = readToken(source, position)
    tokens.push(token)
    position = skipSpace(source, end)
  }
  return tokens
}

// --- tags ---

const nextTag = (text: string, from: number): number => {
  for (let i = text.indexOf("{", from); i !== -1; i = text.indexOf("{", i + 1)) {
    const next = text[i + 1]
    if (next === "{" || next === "%" || next === "#") return i
  }
  return -1
}

interface Tag {
  readonly segment: Segment | undefined
  readonly end: number
  readonly trimAfter: boolean
}

const readTag = (text: string, open: number): Tag => {
  const kind = text[open + 1]
  if (kind === "#") return readComment(text, open)
  const close = kind === "{" ? "}}" : "%}"
  const what = kind === "{" ? "{{" : "{%"
  const tokens: Array<Token> = []
  const sign = text[open + 2]
  let position = skipSpace(text, sign === "-" || sign === "+" ? open + 3 : open + 2)
  let nested = 0
  while (position < text.length) {
    const dashed = text[position] === "-" && text.startsWith(close, position + 1)
    // `{{ {"a": {"b": 1}} }}`: two braces close the tag only when no dict is open.
    if (dashed || (text.startsWith(close, position) && (nested === 0 || close === "%}"))) {
      const end = position + (dashed ? 3 : 2)
      const type = kind === "{" ? "print" : "block"
      return { segment: { type, tokens, at: open, end }, end, trimAfter: dashed }
    }
    const { token, end } = readToken(text, position)
    if (token.type === "operator" && token.text === "{") nested++
    if (token.type === "operator" && token.text === "}") nested--
    tokens.push(token)
    position = skipSpace(text, end)
  }
  throw syntax(`'${what}' is never closed`, open)
}

const readComment = (text: string, open: number): Tag => {
  const close = text.indexOf("#}", open + 2)
  if (close === -1) throw syntax("'{#' is never closed", open)
  return { segment: undefined, end: close + 2, trimAfter: text[close - 1] === "-" }
}

const isRaw = (segment: Segment): boolean =>
  segment.type === "block" &&
  segment.tokens.length === 1 &&
  segment.tokens[0]?.type === "name" &&
  segment.tokens[0].text === "raw"

const endRaw = /\{%([-+]?)\s*endraw\s*(-?)%\}/g

const readRaw = (text: string, from: number, open: number) => {
  endRaw.lastIndex = from
  const match = endRaw.exec(text)
  if (match === null) throw syntax("'{% raw %}' has no '{% endraw %}'", open)
  return {
    text: text.slice(from, match.index),
    trimInside: match[1] === "-",
    trimAfter: match[2] === "-",
    end: match.index + match[0].length
  }
}

const pushText = (
  segments: Array<Segment>,
  text: string,
  at: number,
  trimStart: boolean,
  trimEnd: boolean
): void => {
  const started = trimStart ? text.trimStart() : text
  const trimmed = trimEnd ? started.trimEnd() : started
  if (trimmed !== "") segments.push({ type: "text", text: trimmed, at })
}

// --- tokens ---

const skipSpace = (text: string, from: number): number => {
  let position = from
  while (position < text.length && text.charCodeAt(position) <= 32) position++
  return position
}

const operators: ReadonlyArray<string> = [
  "**",
  "//",
  "==",
  "!=",
  "<=",
  ">=",
  "+",
  "-",
  "*",
  "/",
  "%",
  "~",
  "<",
  ">",
  "=",
  "(",
  ")",
  "[",
  "]",
  "{",
  "}",
  ",",
  ":",
  ".",
  "|"
]

const nameAt = /[\p{L}_][\p{L}\p{N}_]*/uy
const numberAt = /0x[\da-f_]+|0o[0-7_]+|0b[01_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:e[+-]?\d+)?/iy

const readToken = (text: string, at: number): { readonly token: Token; readonly end: number } => {
  const first = text[at] as string
  if (first === '"' || first === "'") return readString(text, at, first)
  const number = matchAt(numberAt, text, at)
  if (number !== undefined) {
    return { token: { type: "number", value: numberOf(number, at), at }, end: at + number.length }
  }
  const name = matchAt(nameAt, text, at)
  if (name !== undefined) return { token: { type: "name", text: name, at }, end: at + name.length }
  const operator = operators.find((candidate) => text.startsWith(candidate, at))
  if (operator === undefined) throw syntax(`unexpected character ${JSON.stringify(first)}`, at)
  return { token: { type: "operator", text: operator, at }, end: at + operator.length }
}

const matchAt = (pattern: RegExp, text: string, at: number): string | undefined => {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

const numberOf = (text: string, at: number): number | bigint | ExactNumber => {
  const plain = text.replaceAll("_", "")
  if (plain.length > 400) throw syntax("a number of more than 400 digits", at)
  if (/^0[xob]$/i.test(plain)) throw syntax(`${text} is a number without digits`, at)
  if (/^\d+$/.test(plain) || /^0[xob]/i.test(plain)) {
    const exact = BigInt(plain)
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact
  }
  return float(Number(plain))
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  "0": "\0",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "/": "/",
  "\n": ""
}

const readString = (text: string, at: number, quote: string) => {
  let value = ""
  let position = at + 1
  while (position < text.length) {
    const character = text[position] as string
    if (character === quote) {
      return { token: { type: "string", text: value, at } as const, end: position + 1 }
    }
    if (character === "\\") {
      const escape = readEscape(text, position)
      value += escape.text
      position = escape.end
    } else {
      value += character
      position++
    }
  }
  throw new Fault("syntax", "a string is never closed", at)
}

const readEscape = (text: string, at: number): { readonly text: string; readonly end: number } => {
  const next = text[at + 1] ?? ""
  if (next === "u" || next === "x") {
    const digits = text.slice(at + 2, at + (next === "u" ? 6 : 4))
    if (/^[\da-f]+$/i.test(digits) && digits.length === (next === "u" ? 4 : 2)) {
      return { text: String.fromCharCode(Number.parseInt(digits, 16)), end: at + 2 + digits.length }
    }
    throw syntax(`bad escape '\\${next}'`, at)
  }
  // As Python does it: an unknown escape is a backslash and the character.
  return { text: escapes[next] ?? `\\${next}`, end: at + 2 }
}
