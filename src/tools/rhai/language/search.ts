/** Finding text in text in linear time: JavaScript's own search goes back for repetitive text, as often as it is long. */
import { pause, type Parts } from "./pause.ts"

/** Comparisons that the search of JavaScript may waste at worst. */
const WASTE = 1_000_000

/** The index of `part` from `start` on, or -1. */
export type Find = (text: string, start: number) => number

export const finder = (part: string): Find => {
  let table: Int32Array | undefined
  return (text, start) => {
    if (part.length < 3 || (text.length - start) * part.length <= WASTE) return text.indexOf(part, start)
    return search(text, part, (table ??= overlaps(part)), start)
  }
}

/** For every position how much of the part's start ends there. */
const overlaps = (part: string): Int32Array => {
  const table = new Int32Array(part.length)
  let length = 0
  for (let i = 1; i < part.length; i++) {
    while (length > 0 && part.charCodeAt(i) !== part.charCodeAt(length)) length = table[length - 1]!
    if (part.charCodeAt(i) === part.charCodeAt(length)) length++
    table[i] = length
  }
  return table
}

const search = (text: string, part: string, table: Int32Array, start: number): number => {
  let matched = 0
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    while (matched > 0 && code !== part.charCodeAt(matched)) matched = table[matched - 1]!
    if (code === part.charCodeAt(matched)) matched++
    if (matched === part.length) return i - matched + 1
  }
  return -1
}

export const includes = (text: string, part: string): boolean => finder(part)(text, 0) >= 0

/** Pieces that are cut at once. */
const PIECES = 4096

/** The text between occurrences of a part that is not empty; one piece more than `most` at the most. */
export function* splitBy(text: string, part: string, most: number): Parts<Array<string>> {
  const find = finder(part)
  const pieces: Array<string> = []
  let at = 0
  for (let found = find(text, 0); found >= 0 && pieces.length < most; found = find(text, at)) {
    pieces.push(text.slice(at, found))
    at = found + part.length
    if (pieces.length % PIECES === 0) yield pause
  }
  pieces.push(text.slice(at))
  return pieces
}

/** Every occurrence replaced; undefined when the result would be longer than `most`. */
export const replaceAll = (text: string, part: string, other: string, most: number): string | undefined => {
  const find = finder(part)
  let out = ""
  let at = 0
  for (let found = find(text, 0); found >= 0; found = find(text, at)) {
    out += text.slice(at, found) + other
    at = found + part.length
    if (out.length > most) return undefined
  }
  return out + text.slice(at)
}
