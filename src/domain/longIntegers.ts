/**
 * JSON text whose integers do not all fit a number, through `JSON.parse`: they travel as a list of one marked text,
 * which no key can be, and are made bigints afterwards.
 *
 * A parser written in JavaScript would build each text letter by letter: 32 bytes a letter until somebody reads it, which for the
 * context of a command may be never.
 */
const mark = "⟦integer⟧"
/** The mark itself in the text, or escaped letters that may become it: then it tells nothing. */
const ambiguous = /⟦integer⟧|\\u27e6/i

const quote = 34
const backslash = 92

/** The text with its long integers marked; undefined when there is none. */
export const marked = (text: string): string | undefined => {
  let out = ""
  let copied = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === quote) i = endOfString(text, i)
    else if (startsNumber(c)) {
      const end = endOfNumber(text, i)
      if (end - i > 15 && isLongInteger(text.slice(i, end))) {
        out += `${text.slice(copied, i)}["${mark}${text.slice(i, end)}"]`
        copied = end
      }
      i = end - 1
    }
  }
  return copied === 0 ? undefined : out + text.slice(copied)
}

export const isAmbiguous = (text: string): boolean => ambiguous.test(text)

/** The value with its marks made bigints, in place: nobody else has it yet. */
export const restored = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) {
    const [first] = value as ReadonlyArray<unknown>
    if (value.length === 1 && typeof first === "string" && first.startsWith(mark))
      return BigInt(first.slice(mark.length))
    for (let i = 0; i < value.length; i++) value[i] = restored(value[i])
    return value
  }
  const members = value as Record<string, unknown>
  for (const key of Object.keys(members)) {
    const member = members[key]
    if (typeof member === "object" && member !== null) members[key] = restored(member)
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

const isDigit = (c: number): boolean => c >= 48 && c <= 57

const startsNumber = (c: number): boolean => c === 45 || isDigit(c)

/** Past the last character that may belong to a number: `.`, `e`, `E` and signs make it none of ours. */
const endOfNumber = (text: string, start: number): number => {
  let i = start + 1
  while (i < text.length && /[\d.eE+-]/.test(text[i] ?? "")) i++
  return i
}

const isLongInteger = (text: string): boolean =>
  /^-?[1-9]\d*$/.test(text) && !Number.isSafeInteger(Number(text))
