/** What an author may write under `auth`: a name, one credential as an object, or a mapping of aliases. */
import { isObject, type Json, type JsonObject } from "../domain/Json.ts"

/** Where one credential comes from. */
export type Wanted =
  | { readonly type: "stored"; readonly name: string; readonly overlay: JsonObject }
  | { readonly type: "env"; readonly name: string; readonly overlay: JsonObject }
  | { readonly type: "inline"; readonly fields: JsonObject }

export type AuthShape =
  | { readonly type: "none" }
  | { readonly type: "one"; readonly name: string; readonly wanted: Wanted }
  | { readonly type: "many"; readonly members: ReadonlyArray<readonly [string, Wanted]> }
  | { readonly type: "wrong"; readonly at: string; readonly problem: string }

/** The first of these keys that is there counts. */
export const authKeys = ["auth", "credential", "credentials"] as const

export const authShapeOf = (config: JsonObject): AuthShape => {
  const key = authKeys.find((name) => config[name] !== undefined && config[name] !== null)
  const value = key === undefined ? undefined : config[key]
  if (key === undefined || value === undefined || value === "") return { type: "none" }
  if (typeof value === "string") return one(value, stored(value))
  if (!isObject(value))
    return { type: "wrong", at: key, problem: "expected a name, an object or a mapping of aliases" }
  if (isSingle(value)) return single(key, value)
  return many(key, value)
}

const one = (name: string, wanted: Wanted): AuthShape => ({ type: "one", name, wanted })

const stored = (name: string, overlay: JsonObject = {}): Wanted => ({ type: "stored", name, overlay })

/** Keys that only an object for one credential has. A member that is an object itself makes a mapping of aliases. */
const singleKeys: ReadonlySet<string> = new Set([
  "type",
  "source",
  "service",
  "tool",
  "key",
  "credential",
  "secret",
  "env",
  "inline",
  "fields",
  "token",
  "username",
  "user",
  "password",
  "header",
  "header_name",
  "scopes",
  "access_token",
  "api_key",
  "value"
])
const nested: ReadonlySet<string> = new Set(["inline", "fields", "scopes"])

const isSingle = (value: JsonObject): boolean =>
  Object.entries(value).some(([key, member]) => singleKeys.has(key) && (nested.has(key) || !isObject(member)))

const single = (at: string, value: JsonObject): AuthShape => {
  if (value["type"] === "none") return { type: "none" }
  const wanted = wantedOf(value)
  if (wanted === undefined) return { type: "wrong", at, problem: "it names no credential and has no fields" }
  const name = wanted.type === "inline" ? (text(value["type"]) ?? "inline") : wanted.name
  return one(name, wanted)
}

const text = (value: Json | undefined): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

const wantedOf = (value: JsonObject): Wanted | undefined => {
  const { source, credential, key, secret, env, inline, fields, ...overlay } = value
  const where = text(source)
  const name = text(credential) ?? text(key)
  const fromEnv = text(env) ?? text(secret) ?? (where === "env" || where === "secret" ? name : undefined)
  if (fromEnv !== undefined) return { type: "env", name: fromEnv, overlay }
  if (name !== undefined && where !== "inline") return stored(name, overlay)
  const given = isObject(inline) ? inline : isObject(fields) ? fields : {}
  const all = { ...overlay, ...given }
  // `gcp_adc` and the like need no fields.
  return Object.keys(all).length === 0 ? undefined : { type: "inline", fields: all }
}

const many = (at: string, value: JsonObject): AuthShape => {
  const members: Array<readonly [string, Wanted]> = []
  for (const [alias, member] of Object.entries(value)) {
    const wanted =
      typeof member === "string" && member !== ""
        ? stored(member)
        : isObject(member)
          ? memberOf(alias, member)
          : undefined
    if (wanted === undefined)
      return { type: "wrong", at: `${at}.${alias}`, problem: "expected a name or an object" }
    members.push([alias, wanted])
  }
  return members.length === 0 ? { type: "none" } : { type: "many", members }
}

/** A member that says only its type is stored under its alias. */
const memberOf = (alias: string, member: JsonObject): Wanted | undefined => {
  const wanted = wantedOf(member)
  if (wanted?.type !== "inline") return wanted ?? stored(alias)
  return Object.keys(wanted.fields).every((key) => key === "type" || key === "service" || key === "tool")
    ? stored(alias, wanted.fields)
    : wanted
}
