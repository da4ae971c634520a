/** The headers that authenticate a request, from its resolved `auth` key. */
import { Redacted } from "effect"
import type { Credential, ResolvedAuth } from "../../domain/Credential.ts"
import { isObject, type Json, type JsonObject, plainTextOf } from "../../domain/Json.ts"

export interface Authentication {
  readonly headers: Readonly<Record<string, string>>
  /** What is missing or cannot be used. */
  readonly problem?: { readonly credential: string; readonly detail: string }
  /** Types that this tool makes no header of. */
  readonly unused: ReadonlyArray<string>
}

/** `setting` is the author's `auth` key: its own fields stand beside the stored credential's, and win. */
export const authenticationOf = (setting: Json | undefined, auth: ResolvedAuth): Authentication => {
  const literal = isObject(setting ?? null) ? (setting as JsonObject) : {}
  const sources: ReadonlyArray<readonly [string, string, JsonObject]> = [
    ...(auth.primary === undefined && typeof literal["type"] !== "string"
      ? []
      : [merged(auth.primary, typeof literal["type"] === "string" ? literal : {})]),
    ...[...auth.named.values()].map((credential) => merged(credential, {})),
    ...(auth.named.size > 0 ? [] : aliasesIn(literal))
  ]
  const made = sources.map(([name, type, fields]) => headerOf(name, type, fields))
  const problem = made.map((one) => one.problem).find((one) => one !== undefined)
  return {
    headers: Object.fromEntries(
      made.flatMap(({ header }) => (header === undefined ? [] : [header])).toReversed()
    ),
    unused: made.map(({ unused }) => unused).filter((type) => type !== undefined),
    ...(problem === undefined ? {} : { problem })
  }
}

// --- helpers ---

interface Made {
  readonly header?: readonly [string, string]
  readonly problem?: { readonly credential: string; readonly detail: string }
  readonly unused?: string
}

const merged = (
  credential: Credential | undefined,
  literal: JsonObject
): readonly [string, string, JsonObject] => {
  const type = typeof literal["type"] === "string" ? literal["type"] : (credential?.type ?? "none")
  const stored = credential === undefined ? {} : Redacted.value(credential.data)
  const own = Object.entries(literal).filter(([, value]) => value !== null && value !== "")
  return [credential?.name ?? "auth", type, { ...stored, ...Object.fromEntries(own) }]
}

/** `auth: {api: {type: bearer, token: …}}` with everything written out. */
const aliasesIn = (literal: JsonObject): ReadonlyArray<readonly [string, string, JsonObject]> =>
  typeof literal["type"] === "string"
    ? []
    : Object.entries(literal).flatMap(([alias, fields]) =>
        isObject(fields) && typeof fields["type"] === "string"
          ? [[alias, fields["type"], fields] as const]
          : []
      )

const headerOf = (name: string, type: string, fields: JsonObject): Made => {
  const field = (...names: ReadonlyArray<string>): string | undefined => {
    const value = names
      .map((key) => fields[key])
      .find((item) => item !== undefined && item !== null && item !== "")
    return plainTextOf(value)
  }
  const missing = (what: string): Made => ({
    problem: { credential: name, detail: `type ${type} requires ${what}` }
  })
  switch (type.toLowerCase()) {
    case "none":
      return {}
    case "bearer":
    case "bearer_token":
    case "token":
    case "oauth2":
    case "google_oauth":
    case "google_service_account":
    case "google_id_token":
    case "google":
    case "service_account":
    case "gcs":
    case "gcp":
    case "gcp_adc": {
      const token = field("token", "access_token", "bearer_token", "id_token", "value")
      return token === undefined
        ? missing("'token' or 'credential'")
        : { header: ["authorization", `Bearer ${token}`] }
    }
    case "basic":
    case "basic_auth":
    case "http_basic": {
      const user = field("username", "user")
      const password = field("password", "db_password", "token", "value") ?? ""
      if (user === undefined) return missing("'username'")
      return { header: ["authorization", `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`] }
    }
    case "api_key":
    case "apikey": {
      const key = field("api_key", "key", "token", "value")
      const header = field("header", "header_name") ?? "X-API-Key"
      return key === undefined
        ? missing("'api_key' or 'credential'")
        : { header: [header.toLowerCase(), key] }
    }
    case "header": {
      const header = field("name", "header", "header_name")
      const value = field("value", "token", "api_key")
      return header === undefined || value === undefined
        ? missing("'name' and 'value'")
        : { header: [header.toLowerCase(), value] }
    }
    case "oauth2_client_credentials": {
      // Without a token its fields are for templates: the author asks for one.
      const token = field("token", "access_token")
      return token === undefined ? { unused: type } : { header: ["authorization", `Bearer ${token}`] }
    }
    default:
      return { unused: type }
  }
}
