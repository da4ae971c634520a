/** Finds secrets in base64 and hex that were broken into lines or groups: `base64`, PEM, MIME, `xxd`, `od`. */
import type { Interval, Matcher } from "./Matcher.ts"

/** Pieces of a text that belong together without what stands between them. */
interface Folded {
  readonly text: string
  readonly parts: ReadonlyArray<Interval>
}

/** What the matcher finds once the breaks are taken out, in order; only what goes across a break. */
export const foldedIn = (matcher: Matcher, text: string): ReadonlyArray<Interval> => {
  if (matcher.isEmpty) return []
  const found: Array<Interval> = []
  for (const folded of foldsIn(text, matcher.longest)) {
    for (const [start, end] of matcher.find(folded.text)) {
      const [from, to] = [placeOf(folded, start), placeOf(folded, end - 1)]
      if (to - from !== end - 1 - start) found.push([from, to + 1])
    }
  }
  return found.toSorted((a, b) => a[0] - b[0])
}

/** Where the end of a text may be the beginning of a secret with breaks in it; the length of the text when nowhere. */
export const foldedOpenFrom = (matcher: Matcher, text: string): number => {
  const start = Math.max(0, text.length - 3 * matcher.longest)
  const tail = text.slice(start)
  let open = text.length
  for (const folded of foldsIn(tail, matcher.longest, true)) {
    // What ended before the end of the text is over.
    if (placeOf(folded, folded.text.length - 1) + longestBreak < tail.length - 1) continue
    const from = matcher.openFrom(folded.text)
    if (from < folded.text.length) open = Math.min(open, start + placeOf(folded, from))
  }
  return open
}

const longestBreak = 16

type Add = (parts: ReadonlyArray<Interval>) => void

/** In a tail, what ends with the text may go on and counts as well. */
const foldsIn = (text: string, longest: number, isTail = false): ReadonlyArray<Folded> => {
  const folds: Array<Folded> = []
  const add: Add = (parts) => void folds.push(foldedOf(text, parts))
  if (text.includes("\n") || text.includes("\\n")) blocksIn(text, longest, isTail, add)
  groupsIn(text, add)
  return folds
}

const foldedOf = (text: string, parts: ReadonlyArray<Interval>): Folded => ({
  text: parts.map(([start, end]) => text.slice(start, end)).join(""),
  parts
})

const placeOf = ({ parts }: Folded, at: number): number => {
  let left = at
  for (const [start, end] of parts) {
    if (left < end - start) return start + left
    left -= end - start
  }
  return parts.at(-1)?.[1] ?? 0
}

// Every text that leaves goes through these two: they look at single characters, and make texts of blocks only.

const isHex = 1
const isBase64 = 2
const isSpace = 4
const kinds = new Uint8Array(128)
for (const one of "abcdefABCDEF0123456789") kinds[one.charCodeAt(0)] = isHex | isBase64
for (const one of "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ+/=_-")
  kinds[one.charCodeAt(0)] = isBase64 | (one === "-" ? isSpace : 0)
for (const one of " \t:\r\n") kinds[one.charCodeAt(0)] = isSpace

const isOf = (text: string, at: number, kind: number): boolean =>
  ((kinds[text.charCodeAt(at)] ?? 0) & kind) !== 0

// --- lines of base64 ---

/** A shorter block is two words that stand at a line's end. */
const shortestBlock = 12

/** Lines that follow one another, each of them base64 from its beginning to its end but the first and the last. */
const blocksIn = (text: string, longest: number, isTail: boolean, add: Add): void => {
  let block: Array<Interval> = []
  let from = 0
  const close = (): void => {
    const length = block.reduce((sum, [start, end]) => sum + end - start, 0)
    if (isTail || (block.length > 1 && length >= shortestBlock)) add(block)
    block = []
  }
  const takeHead = (end: number): void => {
    const head = runFrom(text, from, Math.min(end, from + longest))
    if (head > from) block.push([from, head])
    if (head < end) close()
  }
  const next = breaksIn(text)
  for (let found = next(); found !== undefined; found = next()) {
    const [end, after] = found
    const goesOn = after === text.length ? isTail : isOf(text, after, isBase64)
    if (block.length > 0) takeHead(end)
    if (!(goesOn && end > from && isOf(text, end - 1, isBase64))) {
      if (block.length > 0) close()
    } else if (block.length === 0) block.push([runBefore(text, end, Math.max(from, end - longest)), end])
    from = after
  }
  if (block.length > 0) takeHead(text.length)
  if (block.length > 0) close()
}

/** The line ends of a text, as they are and as JSON writes them, with the spaces that the next line begins with. */
const breaksIn = (text: string): (() => readonly [end: number, after: number] | undefined) => {
  let plain = text.indexOf("\n")
  let written = text.indexOf("\\n")
  return () => {
    if (plain < 0 && written < 0) return undefined
    const isPlain = written < 0 || (plain >= 0 && plain < written)
    const at = isPlain ? plain : written
    let after = at + (isPlain ? 1 : 2)
    while (text[after] === " " || text[after] === "\t") after++
    if (isPlain) plain = text.indexOf("\n", at + 1)
    else written = text.indexOf("\\n", at + 1)
    let end = at
    while (end > 0 && (text[end - 1] === "\\" || text[end - 1] === "\r")) end--
    if (end > 1 && text[end - 1] === "r" && text[end - 2] === "\\") end -= 2
    return [end, after]
  }
}

const runFrom = (text: string, start: number, most: number): number => {
  let at = start
  while (at < most && isOf(text, at, isBase64)) at++
  return at
}

const runBefore = (text: string, end: number, least: number): number => {
  let at = end
  while (at > least && isOf(text, at - 1, isBase64)) at--
  return at
}

// --- groups of hexadecimal digits ---

/** Each run of digits and what may stand between groups of them, found by single characters of it. */
const groupsIn = (text: string, add: Add): void => {
  for (let at = 0; at < text.length; at += shortestRun) {
    if (!isOf(text, at, isHex | isSpace)) continue
    let start = at
    while (start > 0 && isOf(text, start - 1, isHex | isSpace)) start--
    let end = at + 1
    while (end < text.length && isOf(text, end, isHex | isSpace)) end++
    if (end - start >= shortestRun) groupsBetween(text, start, end, add)
    at = end - 1
  }
}

/** Six bytes and one break. */
const shortestRun = 13
/** Digits of a group: two of a byte, up to a line of 32. */
const longestGroup = 64

const groupsBetween = (text: string, from: number, end: number, add: Add): void => {
  let groups: Array<Interval> = []
  let start = from
  for (let at = from; at <= end; at++) {
    if (at < end && isOf(text, at, isHex)) continue
    const length = at - start
    if (length > 0 && (length % 2 === 1 || length > longestGroup)) {
      if (groups.length > 1) add(groups)
      if (groups.length > 0) groups = []
    } else if (length > 0) groups.push([start, at])
    start = at + 1
  }
  if (groups.length > 1) add(groups)
}
