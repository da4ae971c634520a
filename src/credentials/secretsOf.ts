/** Which values of a credential are secrets. */
import { isObject, type Json, type JsonObject } from "../domain/Json.ts"

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

/** The values of a credential that must never be seen. A URL is public, its password is not. */
export const secretsOf = (data: JsonObject): ReadonlyArray<Json> =>
  Object.entries(data).flatMap(([key, value]): ReadonlyArray<Json> => {
    const password = typeof value === "string" ? passwordInUrl(value) : undefined
    if (password !== undefined) return [password]
    if (publicKeys.has(key.toLowerCase()) || /(^|_)ur[il]$/i.test(key)) return []
    if (isObject(value)) return secretsOf(value)
    return [value]
  })

const passwordInUrl = (text: string): string | undefined => {
  const match = /^[a-z][\w+.-]*:\/\/[^\s/@:]*:([^\s/@]+)@/i.exec(text)
  return match?.[1]
}
