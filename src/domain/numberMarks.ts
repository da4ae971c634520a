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
 * Whether a text may have such a number: a long integer, `.0`, an exponent, more digits than a double keeps. Each branch
 * reads a few characters, or zeros that no other match reads again.
 */
export const mayNeedMarks = (text: string): boolean => candidate.test(text)

const candidate = /\d{16}|\.0+(?!\d)|\d[eE][-+]?\d|[\d.]{19}/

/**
 * Marks what has the shape of such a number, without knowing where texts begin and end. A mark inside of a text ends that text, so
 * that the result does not parse: then `markedCarefully` is to be used.
 */
export const markedQuickly = (text: string): Marked => {
  let out = ""
  let copied = 0
  let marks = 0
  // It begins where a run of digits begins, so that no run is read from its middle again.
  const numbers = /(?<![\d.])-?(?:\d+\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\d{16,})/g
  for (let match = numbers.exec(text); match !== null; match = numbers.exec(text)) {
    const start = match.index
    const end = numbers.lastIndex
    if (!needsMark(match[0]) || !isValue(text, start, end)) continue
    out += `${text.slice(copied, start)}["${mark}${text.slice(start, end)}"]`
    copied = end
    marks += 1
  }
  return { text: out + text.slice(copied), marks }
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

/** Past the last character that may belong to a number. */
const endOfNumber = (text: string, start: number): number => {
  let i = start + 1
  while (i < text.length && /[\d.eE+-]/.test(text[i] ?? "")) i++
  return i
}

/** Whether it is a number of JSON that is no JavaScript number. */
const needsMark = (text: string): boolean => isNumber.test(text) && typeof ofText(text) !== "number"

const isNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/
