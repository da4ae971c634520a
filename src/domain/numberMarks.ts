/**
 * JSON text with numbers that are not all JavaScript's, through `JSON.parse`: these travel as a list of one marked text,
 * which no key can be, and are made bigints and exact numbers afterwards.
 *
 * A parser written in JavaScript would build each text letter by letter: 32 bytes a letter until it is read, which for the
 * context of a command may be never.
 */
import { ofText } from "./ExactNumber.ts"

const mark = "⟦number⟧"
/** The mark itself in the text, or escaped letters that may become it: then it tells nothing. */
const ambiguous = /⟦number⟧|\\u27e6/i

const quote = 34
const backslash = 92

export interface Marked {
  readonly text: string
  readonly marks: number
}

/**
 * Marks what has the shape of such a number, without knowing where texts begin and end. A mark inside of a text ends that text, so
 * that the result does not parse: then `markedCarefully` is to be used.
 */
export const markedQuickly = (text: string): Marked => {
  let out = ""
  let copied = 0
  let marks = 0
  let read = 0
  const next = firstOf(text)
  for (let at = next(0); at < text.length; at = next(read)) {
    const start = startOfNumber(text, at, read)
    const end = endOfNumber(text, at)
    read = end
    if (!needsMark(text.slice(start, end)) || !isValue(text, start, end)) continue
    out += `${text.slice(copied, start)}["${mark}${text.slice(start, end)}"]`
    copied = end
    marks += 1
  }
  return { text: out + text.slice(copied), marks }
}

/** The position of the next match at or after `from`. Without a match it is the length of the text. */
type Search = (text: string, from: number) => number

/** 16 digits in a row. Each such run has a digit at one of every 16 places, so the others are not read. */
const searchLong: Search = (text, from) => {
  for (let at = from + 15; at < text.length; at += 16) {
    if (!isDigit(text.charCodeAt(at))) continue
    let start = at
    while (start > from && isDigit(text.charCodeAt(start - 1))) start--
    let end = at + 1
    while (isDigit(text.charCodeAt(end))) end++
    if (end - start >= 16) return start
    at = end
  }
  return text.length
}

const searchExponent: Search = (text, from) => {
  const found = text.slice(from).search(/\d[eE][-+]?\d/)
  return found < 0 ? text.length : from + found
}

/** The point of a number that ends in zeros after it, or that has more digits than a double keeps. */
const searchPoint: Search = (text, from) => {
  for (let at = text.indexOf(".", from); at !== -1; at = text.indexOf(".", at + 1)) {
    let start = at
    while (start > from && isDigit(text.charCodeAt(start - 1))) start--
    let zeros = at + 1
    while (text.charCodeAt(zeros) === 48) zeros++
    let end = zeros
    while (isDigit(text.charCodeAt(end))) end++
    const isWhole = zeros > at + 1 && end === zeros
    if (start < at && (isWhole || end - start > 17)) return at
  }
  return text.length
}

/**
 * What such a number has and an ordinary one has not. One expression for all of them takes longer than all of these together: the search for
 * one skips characters.
 */
const searches: ReadonlyArray<Search> = [searchLong, searchExponent, searchPoint]

/** Finds where the first of all searches matches from a place on. Places only grow. */
const firstOf = (text: string): ((from: number) => number) => {
  const states = searches.map((search) => ({ search, at: -1 }))
  return (from) => {
    let first = text.length
    for (const state of states) {
      if (state.at < from) state.at = state.search(text, from)
      first = Math.min(first, state.at)
    }
    return first
  }
}

/** Marks the same numbers of a text, letter by letter. */
export const markedCarefully = (text: string): Marked => {
  let out = ""
  let copied = 0
  let marks = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === quote) i = endOfString(text, i)
    else if (startsNumber(c)) {
      const end = endOfNumber(text, i)
      if (needsMark(text.slice(i, end))) {
        out += `${text.slice(copied, i)}["${mark}${text.slice(i, end)}"]`
        copied = end
        marks += 1
      }
      i = end - 1
    }
  }
  return { text: out + text.slice(copied), marks }
}

export const isAmbiguous = (text: string): boolean =>
  (text.includes("⟦") || text.includes("\\u27")) && ambiguous.test(text)

/** The value with its marks made numbers, in place: no other code has it yet. The walk ends with the last mark. */
export const restored = (value: unknown, marks: number): unknown => {
  const left = { marks }
  return restoredIn(value, left)
}

const restoredIn = (value: unknown, left: { marks: number }): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) {
    const items = value as Array<unknown>
    const [first] = items
    if (items.length === 1 && typeof first === "string" && first.startsWith(mark)) {
      left.marks -= 1
      return ofText(first.slice(mark.length))
    }
    for (let i = 0; i < items.length && left.marks > 0; i++) {
      const item = items[i]
      if (typeof item === "object" && item !== null) items[i] = restoredIn(item, left)
    }
    return items
  }
  const members = value as Record<string, unknown>
  for (const key of Object.keys(members)) {
    if (left.marks === 0) break
    const member = members[key]
    if (typeof member === "object" && member !== null) members[key] = restoredIn(member, left)
  }
  return members
}

// --- helpers ---

/** The position of the closing quote, or the end of a text that lacks it. */
const endOfString = (text: string, start: number): number => {
  let i = start + 1
  while (i < text.length && text.charCodeAt(i) !== quote) i += text.charCodeAt(i) === backslash ? 2 : 1
  return i
}

/** Whether what stands there is a value by what is around it. */
const isValue = (text: string, start: number, end: number): boolean => {
  let before = start - 1
  while (isSpace(text.charCodeAt(before))) before--
  let after = end
  while (isSpace(text.charCodeAt(after))) after++
  return (
    (before < 0 || ":[,".includes(text.charAt(before))) &&
    (after >= text.length || ",]}".includes(text.charAt(after)))
  )
}

const isSpace = (c: number): boolean => c === 32 || c === 10 || c === 13 || c === 9

const isDigit = (c: number): boolean => c >= 48 && c <= 57

const startsNumber = (c: number): boolean => c === 45 || isDigit(c)

/** The first character of the run around a place that may belong to a number; nothing before `from` is read. */
const startOfNumber = (text: string, at: number, from: number): number => {
  let i = at
  while (i > from && isOfNumber(text.charCodeAt(i - 1))) i--
  return i
}

/** Past the last character that may belong to a number. */
const endOfNumber = (text: string, start: number): number => {
  let i = start + 1
  while (i < text.length && isOfNumber(text.charCodeAt(i))) i++
  return i
}

/** A digit, a sign, a point, `E` or `e`. */
const isOfNumber = (c: number): boolean =>
  isDigit(c) || c === 43 || c === 45 || c === 46 || c === 69 || c === 101

/** Whether it is a number of JSON that is no JavaScript number. */
const needsMark = (text: string): boolean => isNumber.test(text) && typeof ofText(text) !== "number"

const isNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/
