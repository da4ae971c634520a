/** Masks the texts in a value. */
import { isExact } from "../domain/ExactNumber.ts"
import type { Json } from "../domain/Json.ts"
import type { Matcher } from "./Matcher.ts"
import { mark, maskText } from "./Registry.ts"

/** What is deeper cannot have come from JSON that was decoded with the usual limits. */
const maxDepth = 256

export const maskJson = (matcher: Matcher, value: Json): Json =>
  matcher.isEmpty ? value : visit(matcher, value, 0)

const visit = (matcher: Matcher, value: Json, depth: number): Json => {
  switch (typeof value) {
    case "string":
      return maskText(matcher, value)
    case "number":
    case "bigint":
      return maskNumber(matcher, value, String(value))
    case "object":
      if (value === null) return value
      if (isExact(value)) return maskNumber(matcher, value, value.rawJSON)
      if (depth > maxDepth) return mark
      return Array.isArray(value) ? visitList(matcher, value, depth) : visitMapping(matcher, value, depth)
    default:
      return value
  }
}

/** A secret of digits only may have become a number on its way. */
const maskNumber = (matcher: Matcher, value: Json, text: string): Json =>
  text.length >= matcher.window && maskText(matcher, text) !== text ? mark : value

const visitList = (matcher: Matcher, list: ReadonlyArray<Json>, depth: number): Json => {
  let masked: Array<Json> | undefined
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as Json
    const one = visit(matcher, item, depth + 1)
    if (one === item) continue
    masked ??= list.slice()
    masked[i] = one
  }
  return masked ?? list
}

const visitMapping = (matcher: Matcher, mapping: object, depth: number): Json => {
  let changed = false
  const entries = Object.entries(mapping).map(([key, member]: [string, Json]): [string, Json] => {
    const name = maskText(matcher, key)
    const value = visit(matcher, member, depth + 1)
    if (name !== key || value !== member) changed = true
    return [name, value]
  })
  return changed ? Object.fromEntries(entries) : (mapping as Json)
}
