/**
 * YAML text → plain data, each mapping and list of which knows its place in the file.
 *
 * A text is refused before it costs much: by its size, by its depth, by how much its anchors expand to.
 */
import { isMap, isScalar, isSeq, isAlias, LineCounter, type Node, parseDocument } from "yaml"
import { isObject, type Json, type JsonObject } from "../domain/Json.ts"
import { messageOf } from "../domain/messageOf.ts"
import type { Level, Problem } from "./Problem.ts"

export interface Limits {
  readonly maxBytes: number
  readonly maxDepth: number
  /** Values after anchors were expanded. */
  readonly maxNodes: number
}

export const defaultLimits: Limits = { maxBytes: 4 * 1024 * 1024, maxDepth: 100, maxNodes: 200_000 }

export interface Place {
  readonly line: number
  readonly column: number
}

/** Where a mapping or list was written. */
interface Origin {
  readonly node: Node
  readonly key: string
}

export type Report = (
  level: Level,
  holder: object | undefined,
  member: string | number | undefined,
  problem: string,
  fix?: string
) => void

/** A playbook's file while it is read: its data, the places of its parts, what was found wrong so far. */
export class Source {
  readonly file: string
  readonly problems: Array<Problem> = []
  private readonly origins = new WeakMap<object, Origin>()
  private readonly lines = new LineCounter()
  private readonly limits: Limits

  constructor(file: string, limits: Limits = defaultLimits) {
    this.file = file
    this.limits = limits
  }

  /** The data of the text; undefined where it cannot be read. */
  read(text: string): Json | undefined {
    const bytes = Buffer.byteLength(text)
    if (bytes > this.limits.maxBytes)
      return this.refuse(`the file has ${bytes} bytes`, `a playbook may have ${this.limits.maxBytes}`)
    const odd = oddCharacter(text)
    if (odd !== undefined)
      return this.refuseAt(text, odd, "the text has a character that YAML does not allow", "remove it")
    const deep = deeperThan(text, this.limits.maxDepth)
    if (deep !== undefined)
      return this.refuseAt(
        text,
        deep,
        `values are nested deeper than ${this.limits.maxDepth}`,
        "write less depth"
      )
    try {
      return this.parse(text)
    } catch (cause) {
      if (cause instanceof TooMuch) return this.refuse(cause.message, "write fewer values or fewer aliases")
      return this.refuse(`the YAML cannot be read: ${messageOf(cause)}`, undefined)
    }
  }

  /** Says that a value was made of another one, whose place it takes. */
  readonly derive = <A extends object>(made: A, from: object): A => {
    const origin = this.origins.get(from)
    if (origin !== undefined && !this.origins.has(made)) this.origins.set(made, origin)
    return made
  }

  readonly report: Report = (level, holder, member, problem, fix) => {
    const origin = holder === undefined ? undefined : this.origins.get(holder)
    const { column, line } = this.placeOf(holder, member)
    const key = keyIn(origin?.key ?? "", member)
    this.problems.push({ level, file: this.file, line, column, key, problem, fix })
  }

  /** The place of a member, or of the value itself. */
  placeOf(holder: object | undefined, member?: string | number): Place {
    const node = holder === undefined ? undefined : this.origins.get(holder)?.node
    const offset = node === undefined ? undefined : (offsetOfMember(node, member) ?? node.range?.[0])
    if (offset === undefined) return { line: 0, column: 0 }
    const { col, line } = this.lines.linePos(offset)
    return { line, column: col }
  }

  private parse(text: string): Json | undefined {
    const document = parseDocument(text, { intAsBigInt: true, lineCounter: this.lines, prettyErrors: false })
    for (const error of document.errors) {
      const { col, line } = this.lines.linePos(error.pos[0])
      const fix = error.code === "DUPLICATE_KEY" ? "remove one of the two" : undefined
      const problem = error.message.split("\n")[0] ?? ""
      this.problems.push({ level: "error", file: this.file, line, column: col, key: "", problem, fix })
    }
    if (document.errors.length > 0) return undefined
    const budget = { left: this.limits.maxNodes }
    return document.contents === null ? null : this.valueOf(document.contents, "", 0, budget, document)
  }

  private valueOf(
    node: unknown,
    key: string,
    depth: number,
    budget: { left: number },
    document: ReturnType<typeof parseDocument>
  ): Json {
    if (--budget.left < 0) throw new TooMuch(`the file has more than ${this.limits.maxNodes} values`)
    if (depth > this.limits.maxDepth)
      throw new TooMuch(`values are nested deeper than ${this.limits.maxDepth}`)
    const child = (inner: unknown, at: string | number) =>
      this.valueOf(inner, keyIn(key, at), depth + 1, budget, document)
    if (isAlias(node)) return this.valueOf(node.resolve(document), key, depth + 1, budget, document)
    if (isMap(node)) {
      const merged: Array<readonly [string, Json]> = []
      const own: Array<readonly [string, Json]> = []
      for (const pair of node.items) {
        const name = nameOf(pair.key)
        const value = child(pair.value, name)
        if (name === "<<") merged.push(...entriesOf(value))
        else own.push([name, value])
      }
      const made: JsonObject = Object.fromEntries([...merged, ...own])
      this.origins.set(made, { node, key })
      return made
    }
    if (isSeq(node)) {
      const made = node.items.map((item, index) => child(item, index))
      this.origins.set(made, { node, key })
      return made
    }
    return isScalar(node) ? scalarOf(node.value) : null
  }

  private refuse(problem: string, fix: string | undefined): undefined {
    this.problems.push({ level: "error", file: this.file, line: 0, column: 0, key: "", problem, fix })
    return undefined
  }

  private refuseAt(text: string, offset: number, problem: string, fix: string): undefined {
    const before = text.slice(0, offset)
    const line = before.split("\n").length
    const column = offset - before.lastIndexOf("\n")
    this.problems.push({ level: "error", file: this.file, line, column, key: "", problem, fix })
    return undefined
  }
}

class TooMuch extends Error {}

const keyIn = (key: string, member: string | number | undefined): string => {
  if (member === undefined) return key
  if (typeof member === "number") return `${key}[${member}]`
  return key === "" ? member : `${key}.${member}`
}

const offsetOfMember = (node: Node, member: string | number | undefined): number | undefined => {
  if (member === undefined) return undefined
  if (isSeq(node) && typeof member === "number") return rangeStart(node.items[member])
  if (!isMap(node)) return undefined
  const pair = node.items.find(({ key }) => nameOf(key) === member)
  return pair === undefined ? undefined : rangeStart(pair.key)
}

const rangeStart = (node: unknown): number | undefined => {
  const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined
  return range?.[0]
}

/** What `<<` brings: the members of a mapping, or of each in a list. */
const entriesOf = (value: Json): ReadonlyArray<readonly [string, Json]> => {
  if (Array.isArray(value)) return (value as ReadonlyArray<Json>).flatMap(entriesOf)
  return isObject(value) ? Object.entries(value) : []
}

const nameOf = (key: unknown): string => {
  if (isScalar(key)) return String(key.value)
  throw new TooMuch("a key of a mapping is a mapping or a list itself")
}

/** Integers that fit are numbers; dates and the like stay text. */
const scalarOf = (value: unknown): Json => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value)
  return value instanceof Date ? value.toISOString() : null
}

/** Where a NUL or half a character stands. */
const oddCharacter = (text: string): number | undefined => {
  const nul = text.indexOf("\0")
  if (nul !== -1) return nul
  if (text.isWellFormed()) return undefined
  const whole = text.toWellFormed()
  for (let i = 0; i < text.length; i++) if (text[i] !== whole[i]) return i
  return undefined
}

/** The parser recurses: brackets and indentation are counted before it sees them. */
const deeperThan = (text: string, most: number): number | undefined => {
  let open = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 91 || c === 123) {
      if (++open > most * 8) return i
    } else if ((c === 93 || c === 125) && open > 0) open--
    else if (c === 10) {
      let dashes = 0
      let j = i + 1
      for (; text.charCodeAt(j) === 32 || (text[j] === "-" && text[j + 1] === " "); j++)
        if (text[j] === "-") dashes++
      if (dashes > most) return i + 1
    }
  }
  return undefined
}
