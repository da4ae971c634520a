/** Renders the strings in a value and leaves everything else, the same object where nothing changed. */
import type { Json, JsonObject } from "../domain/Json.ts"
import type { Budget } from "./Budget.ts"
import type { Demand } from "./Engine.ts"
import { limit } from "./Fault.ts"
import { isTemplate } from "./lexer.ts"
import { isList, isMapping, maxValueDepth, memberOf, type Value } from "./values.ts"

export interface Walk {
  readonly at: string
  readonly pythonKeys: ReadonlySet<string>
  readonly budget: Budget
  readonly text: (source: string, at: string, python: boolean) => Value
  /** The value that an object stands for; undefined where it stands for itself. */
  readonly reference: (holder: JsonObject) => { readonly value: Value } | undefined
}

export const walk = (value: Json, options: Walk): Value => visit(value, options, options.at, 0, false)

const visit = (value: Json, options: Walk, at: string, depth: number, python: boolean): Value => {
  if (typeof value === "string") return isTemplate(value) ? options.text(value, at, python) : value
  if (typeof value !== "object" || value === null) return value
  if (depth > maxValueDepth) throw limit(`a value nested deeper than ${maxValueDepth}`)
  if (isList(value)) return visitList(value, options, at, depth)
  if (!isMapping(value)) return value
  const stands = options.reference(value)
  return stands === undefined ? visitMapping(value, options, at, depth) : stands.value
}

const visitList = (list: ReadonlyArray<Json>, options: Walk, at: string, depth: number): Value => {
  options.budget.items(list.length)
  let rendered: Array<Json> | undefined
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as Json
    const value = visit(item, options, `${at}[${i}]`, depth + 1, false) ?? null
    if (value !== item) {
      rendered ??= list.slice()
      rendered[i] = value
    }
  }
  return rendered ?? list
}

const visitMapping = (mapping: JsonObject, options: Walk, at: string, depth: number): Value => {
  options.budget.step()
  const entries: Array<readonly [string, Json]> = []
  let changed = false
  for (const [key, member] of Object.entries(mapping)) {
    const python = depth === 0 && options.pythonKeys.has(key)
    const value = visit(member, options, at === "" ? key : `${at}.${key}`, depth + 1, python)
    if (value !== member) changed = true
    if (value !== undefined) entries.push([key, value])
  }
  return changed ? Object.fromEntries(entries) : mapping
}

/** `{"$noetl_ref": {kind: "keychain", name, field}}`: what newer servers write in place of a secret. */
export const keychainReference = (
  holder: JsonObject,
  demand: (demand: Demand) => Value
): { readonly value: Value } | undefined => {
  const reference = memberOf(holder, "$noetl_ref")
  if (!isMapping(reference ?? null) || reference === undefined) return undefined
  const { name, field } = reference as JsonObject
  if (typeof name !== "string") return undefined
  const entry = demand({ type: "keychain", name })
  const path = typeof field === "string" && field !== "" ? field.split(".") : []
  return {
    value: path.reduce<Value>((value, key) => (isMapping(value) ? memberOf(value, key) : undefined), entry)
  }
}
