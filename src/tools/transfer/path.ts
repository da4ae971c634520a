/** A dotted path into a JSON value: `a.b.0.c`; a key that has dots in it is found first. */
import { isObject, type Json } from "../../domain/Json.ts"

export const valueAt = (value: Json, path: string): Json | undefined => {
  if (isObject(value) && Object.hasOwn(value, path)) return value[path]
  let at: Json | undefined = value
  for (const key of path.replace(/^\$\.?/, "").split(".")) {
    if (key === "") continue
    if (Array.isArray(at)) at = (at as ReadonlyArray<Json>)[Number(key)]
    else if (at !== undefined && isObject(at)) at = Object.hasOwn(at, key) ? at[key] : undefined
    else return undefined
  }
  return at
}
