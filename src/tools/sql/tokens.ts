/** SQL text, token by token: enough to know what is code and what is a string, a name or a comment. */

export type TokenKind = "space" | "comment" | "string" | "name" | "word" | "number" | "placeholder" | "symbol"

export interface Token {
  readonly kind: TokenKind
  readonly end: number
}

/** The token that begins at `start`. What is not closed runs to the end: the database words that error best. */
export const tokenAt = (text: string, start: number): Token => {
  const c = text.charCodeAt(start)
  const next = text.charCodeAt(start + 1)
  // A control character is no space to a regular expression.
  if (c <= 32) return { kind: "space", end: Math.max(start + 1, endOf(spaces, text, start)) }
  if (c === DASH && next === DASH) return { kind: "comment", end: lineEnd(text, start) }
  if (c === SLASH && next === STAR) return { kind: "comment", end: blockCommentEnd(text, start) }
  if (c === QUOTE) return { kind: "string", end: quotedEnd(text, start, "'", false) }
  if ((c === LOWER_E || c === UPPER_E) && next === QUOTE) {
    return { kind: "string", end: quotedEnd(text, start + 1, "'", true) }
  }
  if (c === DOUBLE) return { kind: "name", end: quotedEnd(text, start, '"', false) }
  if (c === DOLLAR) return dollarAt(text, start)
  if (c >= 48 && c <= 57) return { kind: "number", end: endOf(numbers, text, start) }
  const word = endOf(words, text, start)
  return word > start ? { kind: "word", end: word } : { kind: "symbol", end: start + 1 }
}

/** An identifier, quoted. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** `schema.table`, each part quoted; a part that is quoted already stays as it is written. */
export const quotePath = (path: string): string => pathOf(path).map(quoteName).join(".")

/** The parts of `schema.table`, unquoted. */
export const pathOf = (path: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let part = ""
  for (let i = 0; i < path.length; i++) {
    if (path[i] === '"') {
      const end = quotedEnd(path, i, '"', false)
      part += path.slice(i + 1, end - 1).replaceAll('""', '"')
      i = end - 1
    } else if (path[i] === ".") {
      parts.push(part)
      part = ""
    } else part += path[i]
  }
  return [...parts, part]
}

/** A text as a literal. Only where a parameter cannot stand, as in SET. */
export const quoteText = (text: string): string =>
  text.includes("\\")
    ? ` E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`

/** The texts that stand in quotes. */
export const stringsOf = (text: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (let at = 0; at < text.length;) {
    const { end, kind } = tokenAt(text, at)
    const token = text.slice(at, end)
    if (kind === "string" && token.startsWith("'")) found.push(token.slice(1, -1).replaceAll("''", "'"))
    at = end
  }
  return found
}

// --- the lexer's parts ---

const [DASH, SLASH, STAR, QUOTE, DOUBLE, DOLLAR, LOWER_E, UPPER_E] = [45, 47, 42, 39, 34, 36, 101, 69]

const spaces = /\s+/y
const words = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y
const numbers = /\d[\w.]*/y
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y
const placeholder = /\$\d+/y

const endOf = (pattern: RegExp, text: string, start: number): number => {
  pattern.lastIndex = start
  return pattern.test(text) ? pattern.lastIndex : start
}

const lineEnd = (text: string, start: number): number => {
  const end = text.indexOf("\n", start)
  return end === -1 ? text.length : end
}

/** Block comments nest. */
const blockCommentEnd = (text: string, start: number): number => {
  let depth = 0
  for (let i = start; i < text.length; i++) {
    if (text.startsWith("/*", i)) {
      depth++
      i++
    } else if (text.startsWith("*/", i)) {
      i++
      if (--depth === 0) return i + 1
    }
  }
  return text.length
}

/** A doubled quote is one quote; a backslash takes the next character along where `backslashes` count. */
const quotedEnd = (text: string, start: number, quote: string, backslashes: boolean): number => {
  for (let i = start + 1; i < text.length; i++) {
    if (backslashes && text[i] === "\\") i++
    else if (text[i] === quote) {
      if (text[i + 1] !== quote) return i + 1
      i++
    }
  }
  return text.length
}

const dollarAt = (text: string, start: number): Token => {
  const number = endOf(placeholder, text, start)
  if (number > start) return { kind: "placeholder", end: number }
  const opened = endOf(dollarTag, text, start)
  if (opened === start) return { kind: "symbol", end: start + 1 }
  const tag = text.slice(start, opened)
  const closed = text.indexOf(tag, opened)
  return { kind: "string", end: closed === -1 ? text.length : closed + tag.length }
}
