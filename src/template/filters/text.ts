/** Filters on text. What is not text is printed first, as in Jinja. */
import { argument, type Engine, type Filter, given, numberArgument, textArgument } from "../Engine.ts"
import { evaluation } from "../Fault.ts"
import { isList, isMapping, kindOf, memberOf, textOf, type Value } from "../values.ts"

/** A boolean is `true` or `false` to a filter, whatever it prints as. */
const plain = (engine: Engine, value: Value): string => textOf(engine.budget, value)

const onText =
  (change: (text: string) => string): Filter =>
  (engine, value) => {
    const text = plain(engine, value)
    engine.budget.text(text.length)
    return change(text)
  }

const capitalize = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase()

const title = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(
      /(^|[^\p{L}\p{N}'])(\p{L})/gu,
      (_, before: string, first: string) => before + first.toUpperCase()
    )

const replace: Filter = (engine, value, args) => {
  const text = plain(engine, value)
  const from = plain(engine, argument(args, 0, "old"))
  const to = plain(engine, argument(args, 1, "new"))
  const count = argument(args, 2, "count")
  engine.budget.characters(text.length)
  if (from === "") throw evaluation("'replace' wants something to replace")
  const most = typeof count === "number" && count >= 0 ? count : Number.POSITIVE_INFINITY
  const { times, end } = occurrences(engine, text, from, most)
  engine.budget.text(text.length + times * Math.max(0, to.length - from.length))
  return text.slice(0, end).replaceAll(from, to.replaceAll("$", "$$$$")) + text.slice(end)
}

/** How often a text occurs, and where the last of these ends. */
const occurrences = (engine: Engine, text: string, what: string, most: number) => {
  let times = 0
  let end = 0
  for (let at = text.indexOf(what); at !== -1 && times < most; at = text.indexOf(what, end)) {
    engine.budget.step()
    times++
    end = at + what.length
  }
  return { times, end }
}

const trim: Filter = (engine, value, args) => {
  const text = plain(engine, value)
  engine.budget.text(text.length)
  if (!given(args, 0, "chars")) return text.trim()
  return stripOf(text, textArgument(args, 0, "chars"), true, true)
}

/** Python's `strip`: the characters of a set, off the ends. */
export const stripOf = (text: string, characters: string, left: boolean, right: boolean): string => {
  const set = new Set(characters)
  let start = 0
  let end = text.length
  if (left) while (start < end && set.has(text[start] as string)) start++
  if (right) while (end > start && set.has(text[end - 1] as string)) end--
  return text.slice(start, end)
}

const split: Filter = (engine, value, args) => {
  const text = plain(engine, value)
  const separator = argument(args, 0, "sep")
  const most = numberArgument(args, 1, "maxsplit", -1)
  engine.budget.items(text.length)
  return splitOf(text, typeof separator === "string" ? separator : undefined, most)
}

/** Python's `split`: at white space unless a separator is given. */
export const splitOf = (text: string, separator: string | undefined, most: number): ReadonlyArray<string> => {
  if (separator === "") throw evaluation("'split' wants a separator")
  const words =
    separator === undefined
      ? text
          .trim()
          .split(/\s+/)
          .filter((word) => word !== "")
      : text.split(separator)
  if (most < 0 || words.length <= most + 1) return words
  if (separator !== undefined) return [...words.slice(0, most), words.slice(most).join(separator)]
  let rest = text.trimStart()
  for (const word of words.slice(0, most)) rest = rest.slice(word.length).trimStart()
  return [...words.slice(0, most), rest]
}

const join: Filter = (engine, value, args) => {
  const separator = given(args, 0, "d") ? plain(engine, argument(args, 0, "d")) : ""
  const attribute = argument(args, 1, "attribute")
  if (value === undefined || value === null) return ""
  const items = typeof value === "string" ? Array.from(value) : value
  if (!isList(items)) throw evaluation(`'join' wants a list, not ${kindOf(value)}`)
  const pieces = items.map((item) => {
    const member = typeof attribute === "string" && isMapping(item) ? memberOf(item, attribute) : item
    const text = textOf(engine.budget, member, engine.literals)
    engine.budget.text(text.length + separator.length)
    return text
  })
  return pieces.join(separator)
}

const b64encode: Filter = (engine, value) => {
  const text = plain(engine, value)
  engine.budget.text(text.length * 2)
  return Buffer.from(text).toString("base64")
}

const b64decode: Filter = (engine, value) => {
  const text = plain(engine, value)
  engine.budget.text(text.length)
  if (!/^[\w+/\s-]*={0,2}\s*$/.test(text)) throw evaluation("'b64decode' wants base64")
  return Buffer.from(text, "base64").toString("utf8")
}

const urlencode: Filter = (engine, value) => {
  if (isMapping(value)) {
    engine.budget.items(Object.keys(value).length)
    const pairs = Object.entries(value).map(
      ([key, member]) => `${encode(engine, key)}=${encode(engine, member)}`
    )
    return pairs.join("&")
  }
  return encode(engine, value).replaceAll("%2F", "/")
}

const encode = (engine: Engine, value: Value): string => {
  const text = plain(engine, value)
  engine.budget.text(text.length * 3)
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  )
}

const nothing: Filter = (_engine, value) => value

export const textFilters: ReadonlyArray<readonly [string, Filter]> = [
  ["upper", onText((text) => text.toUpperCase())],
  ["lower", onText((text) => text.toLowerCase())],
  ["capitalize", onText(capitalize)],
  ["title", onText(title)],
  ["trim", trim],
  ["replace", replace],
  ["split", split],
  ["join", join],
  ["b64encode", b64encode],
  ["b64decode", b64decode],
  ["urlencode", urlencode],
  // Nothing here ends in HTML.
  ["safe", nothing],
  ["e", nothing],
  ["escape", nothing]
]
