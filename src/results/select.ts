/** Which fields of a large result stay readable without fetching it. */
import { isObject, type Json, type JsonObject, numberOf } from "../domain/Json.ts"

/** A step's or tool's `output` block, every spelling of it. */
export interface OutputSpec {
  readonly fields: ReadonlyArray<readonly [name: string, path: string]>
  /** `inline`: never by reference if it can be helped. Anything but `auto`: always by reference. */
  readonly store: string | undefined
  readonly inlineMaxBytes: number | undefined
}

export const noOutputSpec: OutputSpec = { fields: [], store: undefined, inlineMaxBytes: undefined }

export const outputSpecOf = (config: Json): OutputSpec => {
  if (!isObject(config)) return noOutputSpec
  const output = isObject(config["output"]) ? config["output"] : {}
  const selected = output["output_select"] ?? output["select"] ?? config["output_select"]
  const store = isObject(output["store"]) ? output["store"]["kind"] : output["store"]
  const bytes = numberOf(output["inline_max_bytes"])
  return {
    fields: fieldsOf(selected),
    store: typeof store === "string" && store !== "auto" ? store : undefined,
    inlineMaxBytes: bytes !== undefined && bytes >= 0 ? bytes : undefined
  }
}

/** `[name]`, `[{path, as}]`, `[{name: path}]`, `{name: path}`; `{strategy, …}` selects nothing. */
const fieldsOf = (selected: Json | undefined): OutputSpec["fields"] => {
  if (isObject(selected)) return selected["strategy"] === undefined ? ofMapping(selected) : []
  if (!Array.isArray(selected)) return []
  return selected.flatMap((entry: Json): OutputSpec["fields"] => {
    if (typeof entry === "string") return [[entry.split(".").at(-1) ?? entry, entry]]
    if (!isObject(entry)) return []
    const { path, as } = entry
    if (typeof path !== "string") return ofMapping(entry)
    return [[typeof as === "string" ? as : (path.split(".").at(-1) ?? path), path]]
  })
}

const ofMapping = (mapping: JsonObject): OutputSpec["fields"] =>
  Object.entries(mapping).flatMap(([name, path]) => (typeof path === "string" ? [[name, path] as const] : []))

/** The fields that the author selected. */
export const selectedOf = (value: Json, spec: OutputSpec): JsonObject =>
  Object.fromEntries(
    spec.fields.flatMap(([name, path]): ReadonlyArray<readonly [string, Json]> => {
      const member = at(value, path)
      return member === undefined ? [] : [[name, member]]
    })
  )

const at = (value: Json, path: string): Json | undefined => {
  let current: Json | undefined = value
  for (const key of path.replaceAll(/\[(\d+)\]/g, ".$1").split(".")) {
    if (key === "") continue
    if (Array.isArray(current)) current = (current as ReadonlyArray<Json>)[Number(key)]
    else if (isObject(current) && Object.hasOwn(current, key)) current = current[key]
    else return undefined
  }
  return current
}
