/** The secrets that are masked, and the tables to find them. */
import { type Interval, Matcher } from "./Matcher.ts"
import { piecesOf, shapesOf } from "./transforms.ts"

/** Shorter texts turn up everywhere by chance. */
export const shortest = 6

export const mark = "[REDACTED]"

export class Registry {
  private readonly secrets = new Map<string, { readonly shapes: ReadonlyArray<string>; holds: number }>()
  private tables: Matcher | undefined = new Matcher([])
  private readonly capacity: number

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get size(): number {
    return this.secrets.size
  }

  /** The tables are made by the first search, so that secrets registered together cost one making. */
  get matcher(): Matcher {
    this.tables ??= new Matcher(new Set([...this.secrets.values()].flatMap(({ shapes }) => shapes)))
    return this.tables
  }

  add(secret: string): void {
    const known = this.secrets.get(secret)
    if (known !== undefined) {
      this.secrets.delete(secret)
      this.secrets.set(secret, known)
      return
    }
    const shapes = piecesOf(secret).flatMap((piece) => Array.from(shapesOf(piece)))
    this.secrets.set(secret, { shapes: shapes.filter(isMaskable), holds: 0 })
    this.tables = undefined
    if (this.secrets.size > this.capacity) this.forget()
  }

  hold(secret: string): void {
    const entry = this.secrets.get(secret)
    if (entry !== undefined) entry.holds++
  }

  release(secret: string): void {
    const entry = this.secrets.get(secret)
    if (entry !== undefined && entry.holds > 0) entry.holds--
  }

  private forget(): void {
    for (const [secret, { holds }] of this.secrets) {
      if (holds > 0) continue
      this.secrets.delete(secret)
      return
    }
  }
}

/** A part of the mark itself would be masked again and again. */
const isMaskable = (shape: string): boolean =>
  shape.length >= shortest && !mark.includes(shape) && !shape.includes(mark)

export const maskText = (matcher: Matcher, text: string): string => {
  if (matcher.isEmpty || text.length < matcher.window) return text
  let masked = replaced(text, matcher.find(text))
  // A mark may complete a secret that begins or ends like one. Each round removes what it finds.
  for (let round = 0; masked !== text && matcher.touches(mark) && round < maxRounds; round++) {
    const again = matcher.find(masked)
    if (again.length === 0) break
    masked = replaced(masked, again)
  }
  return masked
}

const maxRounds = 8

export const replaced = (text: string, intervals: ReadonlyArray<Interval>): string => {
  if (intervals.length === 0) return text
  const pieces: Array<string> = []
  let from = 0
  for (const [start, end] of intervals) {
    pieces.push(text.slice(from, start), mark)
    from = end
  }
  pieces.push(text.slice(from))
  return pieces.join("")
}
