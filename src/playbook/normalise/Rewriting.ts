/** What every rewriting of an older dialect needs: to keep places, and to say what it rewrote. */
import type { Json, JsonObject } from "../../domain/Json.ts"
import type { Report, Source } from "../Source.ts"

export interface Rewriting {
  readonly derive: Source["derive"]
  readonly report: Report
}

/** A mapping with some members in place of others; keys that become undefined go. */
export const replaced = (
  { derive }: Pick<Rewriting, "derive">,
  from: JsonObject,
  changes: { readonly [key: string]: Json | undefined }
): JsonObject => {
  const entries = Object.entries({ ...from, ...changes }).filter(
    (entry): entry is [string, Json] => entry[1] !== undefined
  )
  return derive(Object.fromEntries(entries), from)
}

export const prefixed = (prefix: string, values: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}.${key}`, value]))
