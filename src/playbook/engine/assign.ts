/** Where the values of a `set` go. */
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"

/** The heads that mean the run's own values. A bare name means them too. */
const heads: ReadonlySet<string> = new Set(["ctx", "step", "vars"])

/** `ctx` with a value at a target: `ctx.a.b` is the member `b` of `a`. */
export const assigned = (ctx: JsonObject, target: string, value: Json): JsonObject => {
  const parts = target.split(".").map((part) => part.trim())
  const [head = "", ...rest] = parts
  // An iteration is over when a step's or an arc's `set` is applied.
  if (head === "iter" && rest.length > 0) return ctx
  return put(ctx, heads.has(head) && rest.length > 0 ? rest : parts, value)
}

const put = (mapping: JsonObject, [key, ...rest]: ReadonlyArray<string>, value: Json): JsonObject => {
  if (key === undefined) return mapping
  if (rest.length === 0) return { ...mapping, [key]: value }
  const inner = Object.hasOwn(mapping, key) ? mapping[key] : undefined
  return { ...mapping, [key]: put(isObject(inner) ? inner : {}, rest, value) }
}
