/** Filters on lists and mappings. */
import { doubleOf, isExact } from "../../domain/ExactNumber.ts"
import type { Json, JsonObject } from "../../domain/Json.ts"
import { arithmetic } from "../arithmetic.ts"
import { argument, type Args, type Engine, type Filter, given, noArgs } from "../Engine.ts"
import { evaluation } from "../Fault.ts"
import { predicates } from "../predicates.ts"
import {
  isList,
  isMapping,
  isNumber,
  itemsOf,
  kindOf,
  memberOf,
  order,
  textOf,
  truthy,
  type Value
} from "../values.ts"
import type { FilterTable } from "./index.ts"

const list: Filter = (engine, value) => itemsOf(engine.budget, value)

const first: Filter = (engine, value) => itemsOf(engine.budget, value)[0]
const last: Filter = (engine, value) => itemsOf(engine.budget, value).at(-1)

const reverse: Filter = (engine, value) => {
  const items = itemsOf(engine.budget, value)
  engine.budget.items(items.length)
  return typeof value === "string" ? Array.from(value).toReversed().join("") : items.toReversed()
}

/** `a.b.0` of a value; a number is an index. */
export const attributeOf = (value: Value, path: Value): Value => {
  if (typeof path === "number") return isList(value) ? value.at(path) : undefined
  if (typeof path !== "string") throw evaluation("an attribute is a name or an index")
  let current = value
  for (const key of path.split(".")) {
    if (isMapping(current)) current = memberOf(current, key)
    else if (isList(current) && /^\d+$/.test(key)) current = current[Number(key)]
    else return undefined
  }
  return current
}

const keyed = (args: Args, index: number): ((item: Json) => Value) => {
  const attribute = argument(args, index, "attribute")
  return attribute === undefined || attribute === null
    ? (item) => item
    : (item) => attributeOf(item, attribute)
}

/** What comparisons of Jinja's sorts see: text without its case, unless asked. */
const folded = (value: Value, caseSensitive: boolean): Value =>
  typeof value === "string" && !caseSensitive ? value.toLowerCase() : value

const sort: Filter = (engine, value, args) => {
  const items = itemsOf(engine.budget, value)
  const descending = truthy(argument(args, 0, "reverse"))
  const caseSensitive = truthy(argument(args, 1, "case_sensitive"))
  const key = keyed(args, 2)
  engine.budget.items(items.length * 4)
  const sorted = items
    .map((item) => ({ item, by: folded(key(item), caseSensitive) }))
    .toSorted((a, b) => order(engine.budget, a.by, b.by) ?? missingLast(a.by, b.by))
    .map(({ item }) => item)
  return descending ? sorted.toReversed() : sorted
}

const missingLast = (a: Value, b: Value): number => {
  const missing = (value: Value) => Number(value === undefined || value === null)
  return missing(a) - missing(b)
}

const unique: Filter = (engine, value, args) => {
  const caseSensitive = truthy(argument(args, 0, "case_sensitive"))
  const key = keyed(args, 1)
  const seen = new Set<string>()
  return itemsOf(engine.budget, value).filter((item) => {
    const by = folded(key(item), caseSensitive)
    const mark = markOf(engine, by)
    engine.budget.text(mark.length)
    return !seen.has(mark) && seen.add(mark) !== undefined
  })
}

/** Equal values have equal marks: a float is the integer of the same value. */
const markOf = (engine: Engine, value: Value): string =>
  isNumber(value)
    ? `number ${isExact(value) ? doubleOf(value) : value}`
    : `${typeof value} ${textOf(engine.budget, value)}`

const extreme =
  (sign: 1 | -1): Filter =>
  (engine, value, args) => {
    const key = keyed(args, 1)
    const caseSensitive = truthy(argument(args, 0, "case_sensitive"))
    let best: Json | undefined
    for (const item of itemsOf(engine.budget, value)) {
      if (best === undefined) best = item
      else {
        const one = order(engine.budget, folded(key(item), caseSensitive), folded(key(best), caseSensitive))
        if (one !== undefined && one * sign > 0) best = item
      }
    }
    return best
  }

const sum: Filter = (engine, value, args) => {
  const key = keyed(args, 0)
  const start = argument(args, 1, "start") ?? 0
  return itemsOf(engine.budget, value).reduce<Value>(
    (total, item) => arithmetic(engine.budget, "+", total, key(item) ?? 0, engine.literals),
    start
  )
}

/** `map(attribute="x")`, with `default` for what has none, or `map("upper")`. */
const map =
  (filters: () => FilterTable): Filter =>
  (engine, value, args) => {
    const items = itemsOf(engine.budget, value)
    engine.budget.items(items.length)
    if (args.named.has("attribute")) {
      const key = keyed(args, Number.POSITIVE_INFINITY)
      return items.map((item) => key(item) ?? args.named.get("default") ?? null)
    }
    const [name, ...positional] = args.positional
    const filter = typeof name === "string" ? filters().get(name) : undefined
    if (filter === undefined) throw evaluation(`'map' wants an attribute or the name of a filter`)
    const inner: Args = { positional, named: args.named }
    return items.map((item) => filter(engine, item, inner) ?? null)
  }

/** `select("odd")`, `selectattr("x", "eq", 1)` and their opposites. */
const pick =
  (keep: boolean, byAttribute: boolean): Filter =>
  (engine, value, args) => {
    const items = itemsOf(engine.budget, value)
    engine.budget.items(items.length)
    const [attribute, rest] = byAttribute
      ? [args.positional[0], args.positional.slice(1)]
      : [undefined, args.positional]
    const holds = predicateOf(engine, rest)
    return items.filter((item) => holds(byAttribute ? attributeOf(item, attribute) : item) === keep)
  }

const predicateOf = (engine: Engine, args: ReadonlyArray<Value>): ((value: Value) => boolean) => {
  const [name, ...positional] = args
  if (name === undefined) return truthy
  const predicate = typeof name === "string" ? predicates.get(name) : undefined
  if (predicate === undefined) throw evaluation(`unknown test '${textOf(engine.budget, name)}'`)
  return (value) => predicate(engine, value, { positional, named: noArgs.named })
}

const mappingOf = (engine: Engine, filter: string, value: Value): JsonObject => {
  if (value === undefined || value === null) return {}
  if (!isMapping(value)) throw evaluation(`'${filter}' wants a mapping, not ${kindOf(value)}`)
  engine.budget.items(Object.keys(value).length)
  return value
}

const get: Filter = (engine, value, args) => {
  const key = argument(args, 0, "key")
  const found =
    isList(value) && typeof key === "number"
      ? value.at(key)
      : memberOf(mappingOf(engine, "get", value), textOf(engine.budget, key))
  return found ?? (given(args, 1, "default") ? argument(args, 1, "default") : found)
}

const dictsort: Filter = (engine, value) =>
  Object.entries(mappingOf(engine, "dictsort", value)).toSorted(([a], [b]) =>
    a.toLowerCase() < b.toLowerCase() ? -1 : 1
  )

export const listFilters = (filters: () => FilterTable): ReadonlyArray<readonly [string, Filter]> => [
  ["list", list],
  ["first", first],
  ["last", last],
  ["reverse", reverse],
  ["sort", sort],
  ["unique", unique],
  ["min", extreme(-1)],
  ["max", extreme(1)],
  ["sum", sum],
  ["map", map(filters)],
  ["select", pick(true, false)],
  ["reject", pick(false, false)],
  ["selectattr", pick(true, true)],
  ["rejectattr", pick(false, true)],
  ["keys", (engine, value) => Object.keys(mappingOf(engine, "keys", value))],
  ["values", (engine, value) => Object.values(mappingOf(engine, "values", value))],
  ["items", (engine, value) => Object.entries(mappingOf(engine, "items", value))],
  ["dictsort", dictsort],
  ["get", get]
]
