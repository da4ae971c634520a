/** What a stored credential is to a tool: its fields under the tool's own names. */
import type { Json, JsonObject } from "../domain/Json.ts"

/** The fields of a credential for a kind of tool; undefined where the tool reads the credential itself. */
export const fieldsFor = (kind: string, data: JsonObject): JsonObject | undefined => {
  const mapping = mappings.get(kind)
  return mapping === undefined ? undefined : mapping(data)
}

/** What a tool cannot do without: a credential that has none of it is of another kind. */
export const fits = (kind: string, data: JsonObject): boolean => {
  const fields = fieldsFor(kind, data)
  return fields === undefined || Object.keys(fields).length > 0
}

type Mapping = (data: JsonObject) => JsonObject

const renamed =
  (names: ReadonlyArray<readonly [string, ReadonlyArray<string>]>): Mapping =>
  (data) =>
    Object.fromEntries(
      names.flatMap(([name, sources]): ReadonlyArray<readonly [string, Json]> => {
        const source = sources.find((one) => data[one] !== undefined && data[one] !== null)
        return source === undefined ? [] : [[name, data[source] as Json]]
      })
    )

const postgresNames = renamed([
  ["host", ["db_host", "host", "hostname"]],
  ["port", ["db_port", "port"]],
  ["user", ["db_user", "user", "username"]],
  ["password", ["db_password", "password"]],
  ["database", ["db_name", "database", "dbname"]],
  ["sslmode", ["sslmode", "db_sslmode"]]
])

/** A port may be stored as text. */
const postgres: Mapping = (data) => {
  const fields = postgresNames(data)
  const port = fields["port"]
  return typeof port === "string" && /^\d{1,5}$/.test(port) ? { ...fields, port: Number(port) } : fields
}

const snowflake: Mapping = renamed([
  ["account", ["sf_account", "account"]],
  ["user", ["sf_user", "user", "username"]],
  ["password", ["sf_password", "password"]],
  ["private_key", ["sf_private_key", "private_key"]],
  ["public_key", ["sf_public_key", "public_key"]],
  ["private_key_passphrase", ["sf_private_key_passphrase", "private_key_passphrase"]],
  ["warehouse", ["sf_warehouse", "warehouse"]],
  ["database", ["sf_database", "database"]],
  ["schema", ["sf_schema", "schema"]],
  ["role", ["sf_role", "role"]]
])

const messagingNames = renamed([
  ["url", ["nats_url", "url"]],
  ["user", ["nats_user", "nats_username", "user"]],
  ["password", ["nats_password", "password"]],
  ["token", ["nats_token", "token"]]
])
const renamedKeys = new Set(["nats_url", "nats_user", "nats_username", "nats_password", "nats_token"])

/** Every other field as it is. */
const messaging: Mapping = (data) => ({
  ...Object.fromEntries(Object.entries(data).filter(([key]) => !renamedKeys.has(key))),
  ...messagingNames(data)
})

const mappings: ReadonlyMap<string, Mapping> = new Map([
  ["postgres", postgres],
  ["snowflake", snowflake],
  ["nats", messaging],
  ["subscription", messaging],
  ["pubsub", messaging],
  ["kafka", messaging]
])

/** What is no secret in a credential and stands in ordinary output all the time: names, places, settings. */
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
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return secretsOf(value as JsonObject)
    return [value]
  })

const passwordInUrl = (text: string): string | undefined => {
  const match = /^[a-z][\w+.-]*:\/\/[^\s/@:]*:([^\s/@]+)@/i.exec(text)
  return match?.[1]
}
