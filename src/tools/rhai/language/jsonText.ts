/** The parts of a long JSON text, found without reading them, so that each can be read at once. */
import { pause, type Parts } from "./pause.ts"

/** Characters that are gone through at once. */
const STRETCH = 65_536

const QUOTE = 34
const BACKSLASH = 92

/** Where the value that begins at `from` ends: at a comma or bracket of the container it is in, or at the text's end. */
export function* endOfValue(text: string, from: number): Parts<number> {
  let depth = 0
  let inString = false
  for (let i = from; i < text.length; i++) {
    if (i % STRETCH === 0) yield pause
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === BACKSLASH) i++
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    else if (code === 91 || code === 123) depth++
    else if (code === 93 || code === 125) {
      if (depth === 0) return i
      depth--
    } else if (code === 44 && depth === 0) return i
  }
  return text.length
}

const space = /[ \t\n\r]*/y

export const skipSpace = (text: string, from: number): number => {
  space.lastIndex = from
  space.test(text)
  return space.lastIndex
}

/** A string and the colon behind it; undefined where there is none. */
export const keyAt = (
  text: string,
  from: number
): { readonly key: string; readonly end: number } | undefined => {
  if (text.charCodeAt(from) !== QUOTE) return undefined
  let i = from + 1
  while (i < text.length && text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1
  const colon = skipSpace(text, i + 1)
  if (text[colon] !== ":") return undefined
  return { key: JSON.parse(text.slice(from, i + 1)) as string, end: colon + 1 }
}
