/** Strings: `"…"` with escapes and line continuation, back-ticks with `${…}`, `'c'`, and raw `#"…"#`. */
import type { Lexer } from "./Lexer.ts"
import { columnOf, type Position } from "./Position.ts"
import { INTERPOLATED, STRING } from "./Token.ts"

export interface StringShape {
  readonly end: '"' | "'" | "`"
  /** No escapes, line ends are text. */
  readonly verbatim: boolean
  /** A backslash before a line end joins the lines. */
  readonly continuation: boolean
  readonly interpolation: boolean
}

const simpleEscapes: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", "\\": "\\" }
const codeEscapes: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

/** Reads on from the character after the opening quote (or from `from`) to the end or the next `${`. */
export const readString = (lexer: Lexer, shape: StringShape, start: Position, from?: number): void => {
  const text = lexer.text
  let at = from ?? (shape.end === "`" ? lexer.at : lexer.at + 1)
  let out = ""
  let bytes = 0
  const add = (piece: string): void => {
    out += piece
    bytes += Buffer.byteLength(piece)
  }
  // Under a continuation, white space up to the column of the opening quote is layout, not text.
  let skipUntil = 0
  const done = (kind: string): void => {
    lexer.at = at
    if (isTooLong(lexer, bytes)) return lexer.fail("", start, "too-long")
    lexer.set(kind, out, start)
  }
  for (;;) {
    if (skipUntil === 0) {
      const run = ordinary(text, at)
      at += run.length
      add(run)
      lexer.origin += pairsIn(run)
    }
    if (at >= text.length) {
      lexer.at = at
      return lexer.fail("Open string is not terminated", start, "unterminated")
    }
    const char = String.fromCodePoint(text.codePointAt(at)!)
    const charAt = at
    at += char.length
    lexer.origin += char.length - 1
    if (shape.interpolation && char === "$" && text[at] === "{") return done(INTERPOLATED)
    if (shape.interpolation && char === "\\" && text[at] === "$" && text[at + 1] === "{") {
      add("$")
      // Rhai counts the pair as one character
      at++
      lexer.origin++
      continue
    }
    if (char === shape.end) {
      if (text[at] !== shape.end) return done(STRING)
      at++
      add(char)
    } else if (char === "\r" && text[at] === "\n") {
      continue
    } else if (char === "\n") {
      if (!shape.verbatim) {
        lexer.at = charAt
        return lexer.fail("Open string is not terminated", start, "unterminated")
      }
      lexer.newLine(at)
      add(char)
    } else if (char === "\\" && !shape.verbatim) {
      const escape = readEscape(lexer, shape, at)
      if (typeof escape === "string") {
        lexer.at = at
        return lexer.fail(`Invalid escape sequence: '${escape}'`, lexer.here(errorAt(text, at, escape)))
      }
      at = escape.at
      add(escape.text)
      if (escape.joined) skipUntil = columnOf(start) + 1
    } else if (skipUntil > 0 && /\s/u.test(char) && columnOf(lexer.here(charAt)) < skipUntil) {
      continue
    } else {
      skipUntil = 0
      add(char)
    }
    if (isTooLong(lexer, bytes)) {
      lexer.at = at
      return lexer.fail("", start, "too-long")
    }
  }
}

const isTooLong = (lexer: Lexer, bytes: number): boolean => lexer.maxString > 0 && bytes > lexer.maxString

/** Read at once: a literal of megabytes must not take a step for every character. */
const STRETCH = 4096

/** The next characters that mean themselves in every kind of string. */
const ordinary = (text: string, at: number): string => {
  const end = Math.min(text.length, at + STRETCH)
  let i = at
  while (i < end && !special.has(text.charCodeAt(i))) i++
  // Half a surrogate pair is left for the next time
  if (i === end && i > at && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) i--
  return text.slice(at, i)
}

const special: ReadonlySet<number> = new Set(Array.from("\\\r\n\"'`$", (char) => char.charCodeAt(0)))

const pairsIn = (text: string): number => text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0

const errorAt = (text: string, at: number, sequence: string): number =>
  Math.min(at + Math.max(0, sequence.length - 2), text.length - 1)

interface Escape {
  readonly text: string
  readonly at: number
  readonly joined: boolean
}

/** The escape whose backslash is just before `at`, or the text of one that is none. */
const readEscape = (lexer: Lexer, shape: StringShape, at: number): Escape | string => {
  const text = lexer.text
  const char = text[at]
  if (char === undefined) return { text: "", at, joined: false }
  if (char === "\r" && text[at + 1] === "\n") return readEscape(lexer, shape, at + 1)
  const simple = simpleEscapes[char]
  if (simple !== undefined) return { text: simple, at: at + 1, joined: false }
  if (char === shape.end) return { text: char, at: at + 1, joined: false }
  if (char === "\n" && shape.continuation) {
    lexer.newLine(at + 1)
    return { text: "", at: at + 1, joined: true }
  }
  const length = codeEscapes[char]
  if (length === undefined) return `\\${String.fromCodePoint(text.codePointAt(at)!)}`
  let sequence = `\\${char}`
  for (let i = 0; i < length; i++) {
    const digit = text[at + 1 + i]
    if (digit === undefined) return sequence
    sequence += digit
    if (!/[0-9a-fA-F]/.test(digit)) return sequence
  }
  const code = Number.parseInt(sequence.slice(2), 16)
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return sequence
  return { text: String.fromCodePoint(code), at: at + 1 + length, joined: false }
}

/** `#"…"#` with as many signs as it was opened with. */
export const readRawString = (lexer: Lexer, position: Position): void => {
  const text = lexer.text
  let at = lexer.at
  while (text[at] === "#") at++
  const hashes = text.slice(lexer.at, at)
  if (text[at] !== '"') {
    const found = text.codePointAt(at)
    lexer.at = at + 1
    if (found === undefined) return lexer.fail("Open string is not terminated", position, "unterminated")
    return lexer.fail(`Unexpected '${String.fromCodePoint(found)}'`, position)
  }
  const close = text.indexOf(`"${hashes}`, at + 1)
  // An unclosed raw string ends with the script
  const end = close < 0 ? text.length : close
  const content = text.slice(at + 1, end)
  let lineStart = -1
  for (let i = content.indexOf("\n"); i >= 0; i = content.indexOf("\n", i + 1)) {
    lineStart = at + 2 + i
    lexer.newLine(lineStart)
  }
  const lastLine = text.slice(Math.max(lineStart, at + 1), end)
  lexer.origin += pairsIn(lastLine)
  lexer.at = close < 0 ? end : close + 1 + hashes.length
  if (close < 0) return lexer.fail("Open string is not terminated", position, "unterminated")
  if (isTooLong(lexer, Buffer.byteLength(content))) return lexer.fail("", position, "too-long")
  lexer.set(STRING, content, position)
}
