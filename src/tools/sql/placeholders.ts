/**
 * Parameters of a statement: `$1` from a list, `:name` from a map. A statement gets only the values that it names,
 * numbered anew, so that a block of several statements can share one list.
 */
import type { Json, JsonObject } from "../../domain/Json.ts"
import { tokenAt } from "./tokens.ts"

export type Params = ReadonlyArray<Json> | JsonObject

export interface Bound {
  readonly text: string
  readonly values: ReadonlyArray<Json>
  /** Placeholders without a value. */
  readonly missing: ReadonlyArray<string>
}

/** How the database wants the n-th value, from 1. */
export type Style = (n: number) => string

export const dollar: Style = (n) => `$${n}`
export const question: Style = () => "?"

export const bind = (statement: string, params: Params | undefined, style: Style = dollar): Bound => {
  if (params === undefined) return { text: statement, values: [], missing: [] }
  const find = lookupOf(params)
  const numbers = new Map<string, number>()
  const values: Array<Json> = []
  const missing: Array<string> = []
  const parts: Array<string> = []
  let copied = 0
  let positional = 0
  for (let at = 0; at < statement.length;) {
    const found = placeholderAt(statement, at, () => ++positional)
    const value = found === undefined ? undefined : find(found.key)
    if (found === undefined) {
      at = tokenAt(statement, at).end
      continue
    }
    if (value === undefined) {
      if (found.certain) missing.push(statement.slice(at, found.end))
      at = found.end
      continue
    }
    const known = style(1) === style(2) ? undefined : numbers.get(found.key)
    const number = known ?? values.push(value)
    numbers.set(found.key, number)
    parts.push(statement.slice(copied, at), style(number))
    at = copied = found.end
  }
  return { text: parts.join("") + statement.slice(copied), values, missing }
}

// --- helpers ---

const lookupOf = (params: Params): ((key: string) => Json | undefined) => {
  if (Array.isArray(params)) return (key) => params[Number(key) - 1]
  const map = params as JsonObject
  return (key) => (Object.hasOwn(map, key) ? map[key] : undefined)
}

interface Found {
  readonly key: string
  readonly end: number
  /** Whether it can be nothing but a placeholder: `:name` may also be a part of an array slice. */
  readonly certain: boolean
}

const named = /:([A-Za-z_]\w*)/y
const printf = /%\(([A-Za-z_]\w*)\)s/y

const placeholderAt = (text: string, at: number, next: () => number): Found | undefined => {
  switch (text[at]) {
    case "$": {
      const { end, kind } = tokenAt(text, at)
      return kind === "placeholder" ? { key: text.slice(at + 1, end), end, certain: true } : undefined
    }
    case ":":
      // `::type` is a cast.
      return text[at - 1] === ":" ? undefined : keyed(named, text, at)
    case "%":
      if (/^%s(?!\w)/.test(text.slice(at, at + 3))) return { key: String(next()), end: at + 2, certain: true }
      return keyed(printf, text, at)
    default:
      return undefined
  }
}

const keyed = (pattern: RegExp, text: string, at: number): Found | undefined => {
  pattern.lastIndex = at
  const key = pattern.exec(text)?.[1]
  return key === undefined ? undefined : { key, end: pattern.lastIndex, certain: false }
}
