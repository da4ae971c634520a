/** Which values of a credential, and of the settings of a tool, are secrets. */
import { isObject, type Json, type JsonObject } from "../domain/Json.ts"
import { hasSecretName, looksSecret, secretsInText } from "./secretsInText.ts"

/** Names, places and settings are no secrets: they stand in ordinary output all the time. */
const publicKeys: ReadonlySet<string> = new Set([
  "db_name",
  "auth_provider_x509_cert_url",
  "client_x509_cert_url",
  ...[
    "type",
    "name",
    "service",
    "source",
    "description",
    "tags",
    "host",
    "hostname",
    "port",
    "user",
    "username",
    "database",
    "dbname",
    "schema",
    "sslmode",
    "account",
    "warehouse",
    "role",
    "region",
    "endpoint",
    "header",
    "header_name",
    "scope",
    "scopes",
    "project",
    "project_id",
    "bucket",
    "token_type",
    "expires_at",
    "expires_in",
    "expiry",
    "ttl",
    "ttl_seconds",
    "email",
    "client_email",
    "client_id",
    "auth_uri",
    "token_uri",
    "auth_url",
    "token_url",
    "issuer",
    "audience",
    "tenant",
    "cache_type",
    "scope_type",
    "credential_type",
    "auto_renew",
    "key_id",
    "private_key_id",
    "universe_domain"
  ].flatMap((key) => [key, `db_${key}`, `sf_${key}`, `nats_${key}`])
])

/** Addresses below which a service has its resources: they stand in the results of every call. */
const baseUrl =
  /^(base|api|server|service|endpoint|host|account|site|home|issuer|jwks|docs?|repo(sitory)?|registry|token|auth|oauth)_?ur[il]$/

/** The values of a credential that must never be seen, and the secrets inside of them: a URL's password, a libpq string's. */
export const secretsOf = (data: JsonObject): ReadonlyArray<Json> =>
  Object.entries(data).flatMap(([key, value]): ReadonlyArray<Json> => {
    if (isObject(value)) return secretsOf(value)
    if (typeof value !== "string") return publicKeys.has(key.toLowerCase()) ? [] : [value]
    return [...(isSecret(key.toLowerCase(), value) ? [value] : []), ...secretsInText(value)]
  })

const isSecret = (key: string, value: string): boolean => {
  if (publicKeys.has(key)) return false
  return (
    !/(^|_)ur[il]$/.test(key) ||
    (!baseUrl.test(key) && (/.[_-]ur[il]$/.test(key) ? hasPath(value) : looksSecret(value)))
  )
}

const hasPath = (value: string): boolean => {
  if (!URL.canParse(value)) return true
  const { pathname, search } = new URL(value)
  return pathname.length > 1 || search !== ""
}

/** Secrets that an author wrote into a tool's settings, or that a template brought there: by their names, and inside URLs. */
export const secretsInSettings = (settings: JsonObject): ReadonlyArray<string> =>
  Object.entries(settings).flatMap(([key, value]) => inSetting(key, value, 0))

const inSetting = (key: string, value: Json | undefined, depth: number): ReadonlyArray<string> => {
  if (isObject(value ?? null) && depth < 2) {
    const members = Object.entries(value as JsonObject)
    return members.length > mostMembers
      ? []
      : members.flatMap(([name, member]) => inSetting(name, member, depth + 1))
  }
  if (typeof value !== "string" || value.length > longestSetting) return []
  if (hasSecretName(key)) return [value, ...secretsInText(value)]
  return value.includes("://") ? secretsInText(value) : []
}

/** A larger mapping is data. */
const mostMembers = 200

/** Longer texts are programs and documents. */
const longestSetting = 4_096
