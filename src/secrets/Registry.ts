/** The secrets that are masked, and the tables to find them. */
import { foldedIn } from "./folded.ts"
import { type Interval, Matcher } from "./Matcher.ts"
import { piecesOf, shapesOf } from "./transforms.ts"

/** Shorter texts turn up everywhere by chance. */
export const shortest = 6

export const mark = "[REDACTED]"

export class Registry {
  private readonly secrets = new Map<string, Entry>()
  private readonly owned = new Map<string, ReadonlyArray<string>>()
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

  /** Together they are kept, however many they are: a list of secrets is masked whole. */
  add(secrets: ReadonlyArray<string>): void {
    for (const secret of secrets) {
      const known = this.secrets.get(secret)
      this.secrets.delete(secret)
      this.secrets.set(secret, known ?? this.entryOf(secret))
    }
    if (this.secrets.size > this.capacity) this.forget(Math.max(this.capacity, secrets.length))
  }

  hold(secret: string): void {
    const entry = this.secrets.get(secret)
    if (entry !== undefined) entry.holds++
  }

  /** A secret that was in use a moment ago is forgotten last. */
  release(secret: string): void {
    const entry = this.secrets.get(secret)
    if (entry === undefined || entry.holds === 0) return
    entry.holds--
    this.secrets.delete(secret)
    this.secrets.set(secret, entry)
  }

  /** A secret of the worker itself is held, and so are the ones that it had under this name shortly before. */
  own(name: string, secret: string): void {
    const last = this.owned.get(name) ?? []
    if (last.includes(secret)) return
    this.add([secret])
    this.hold(secret)
    const kept = [...last, secret].slice(-ownKept)
    for (const old of last.filter((one) => !kept.includes(one))) this.release(old)
    this.owned.set(name, kept)
  }

  private entryOf(secret: string): Entry {
    this.tables = undefined
    const shapes = piecesOf(secret).flatMap((piece) => Array.from(shapesOf(piece)))
    return { shapes: shapes.filter(isMaskable), holds: 0 }
  }

  /** The oldest go first, and those that are held not at all. */
  private forget(most: number): void {
    for (const [secret, { holds }] of this.secrets) {
      if (this.secrets.size <= most) return
      if (holds === 0) this.secrets.delete(secret)
    }
  }
}

interface Entry {
  readonly shapes: ReadonlyArray<string>
  holds: number
}

/** Of each secret of the worker: what a rotated file had before may still be on its way. */
const ownKept = 4

/** A part of the mark itself would be masked again and again. */
const isMaskable = (shape: string): boolean =>
  shape.length >= shortest && !mark.includes(shape) && !shape.includes(mark)

export const maskText = (matcher: Matcher, text: string): string => {
  if (matcher.isEmpty || text.length < matcher.window) return text
  let masked = replaced(text, allIn(matcher, text))
  // A mark may complete a secret that begins or ends like one. Each round removes what it finds.
  for (let round = 0; masked !== text && matcher.touches(mark) && round < maxRounds; round++) {
    const again = allIn(matcher, masked)
    if (again.length === 0) break
    masked = replaced(masked, again)
  }
  return masked
}

const maxRounds = 8

/** What stands there as it is, and what is broken into lines; overlaps joined, in order. */
export const allIn = (matcher: Matcher, text: string): ReadonlyArray<Interval> => {
  const plain = matcher.find(text)
  const broken = foldedIn(matcher, text)
  if (broken.length === 0) return plain
  const all: Array<[number, number]> = []
  for (const [start, end] of [...plain, ...broken].toSorted((a, b) => a[0] - b[0])) {
    const last = all.at(-1)
    if (last !== undefined && start < last[1]) last[1] = Math.max(last[1], end)
    else all.push([start, end])
  }
  return all
}

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
