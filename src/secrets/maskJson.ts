/** Masks the texts in a value. */
import { isExact } from "../domain/ExactNumber.ts"
import type { Json } from "../domain/Json.ts"
import type { Matcher } from "./Matcher.ts"
import { mark, maskText } from "./Registry.ts"

/** What is deeper cannot have come from JSON that was decoded with the usual limits. */
const maxDepth = 256

export const maskJson = (matcher: Matcher, value: Json): Json =>
  matcher.isEmpty ? value : visit(matcher, value, 0, new Map())

/** What was changed, by what it was: a value that stands in two places is masked once, and stays one value. */
type Masked = Map<object, Json>

const visit = (matcher: Matcher, value: Json, depth: number, masked: Masked): Json => {
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
      return (masked.size === 0 ? undefined : masked.get(value)) ?? visitObject(matcher, value, depth, masked)
    default:
      return value
  }
}

/** A secret of digits only may have become a number on its way. */
const maskNumber = (matcher: Matcher, value: Json, text: string): Json =>
  text.length >= matcher.window && maskText(matcher, text) !== text ? mark : value

const visitObject = (matcher: Matcher, value: object, depth: number, masked: Masked): Json => {
  const changed = Array.isArray(value)
    ? visitList(matcher, value, depth, masked)
    : visitMapping(matcher, value, depth, masked)
  if (changed !== value) masked.set(value, changed)
  return changed
}

const visitList = (matcher: Matcher, list: ReadonlyArray<Json>, depth: number, masked: Masked): Json => {
  let copy: Array<Json> | undefined
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as Json
    const one = visit(matcher, item, depth + 1, masked)
    if (one === item) continue
    copy ??= list.slice()
    copy[i] = one
  }
  return copy ?? list
}

const visitMapping = (matcher: Matcher, mapping: object, depth: number, masked: Masked): Json => {
  let changed = false
  const entries = Object.entries(mapping).map(([key, member]: [string, Json]): [string, Json] => {
    const name = maskText(matcher, key)
    const value = visit(matcher, member, depth + 1, masked)
    if (name !== key || value !== member) changed = true
    return [name, value]
  })
  return changed ? Object.fromEntries(entries) : (mapping as Json)
}
