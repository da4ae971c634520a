/** The credentials of `auth` as DuckDB's secrets, each under its alias. Values are bound, never part of a text. */
import { Effect, Redacted } from "effect"
import type { Credential, ResolvedAuth } from "../../domain/Credential.ts"
import { type Json, type JsonObject, stringify } from "../../domain/Json.ts"
import { quoteName } from "../sql/tokens.ts"
import { invalid, ToolError } from "../../domain/ToolError.ts"
import type { Session } from "./Databases.ts"
import { failureOf } from "./failure.ts"

export const secretsOf = ({ named, primary }: ResolvedAuth): ReadonlyArray<readonly [string, Credential]> =>
  named.size > 0 ? [...named] : primary === undefined ? [] : [[primary.name, primary]]

/** Whether DuckDB has a kind of secret for it. */
export const makesSecret = ({ type }: Credential): boolean => kinds.has(type.toLowerCase())

/** They are gone with a session that is alone in its database. `at` is where they were named. */
export const createSecrets = (
  session: Session,
  auth: ResolvedAuth,
  call: { readonly kind: string },
  at = "auth"
): Effect.Effect<void, ToolError> =>
  Effect.forEach(
    secretsOf(auth),
    ([alias, credential]) => create(session, alias, credential, call, `${at}.${alias}`),
    { discard: true }
  )

// --- helpers ---

interface SecretKind {
  readonly type: string
  readonly extension: string
  /** DuckDB's names, and the fields that fill them; the first that is there counts. */
  readonly fields: ReadonlyArray<readonly [string, ReadonlyArray<string>]>
  readonly required: ReadonlyArray<string>
}

const keys = [
  ["KEY_ID", ["key_id", "access_key_id", "aws_access_key_id", "access_key", "hmac_key_id"]],
  ["SECRET", ["secret", "secret_access_key", "aws_secret_access_key", "secret_key", "hmac_secret"]],
  ["SCOPE", ["scope", "scopes"]]
] as const

const postgres: SecretKind = {
  type: "postgres",
  extension: "postgres_scanner",
  fields: [
    ["HOST", ["db_host", "host", "hostname"]],
    ["PORT", ["db_port", "port"]],
    ["USER", ["db_user", "user", "username"]],
    ["PASSWORD", ["db_password", "password"]],
    ["DATABASE", ["db_name", "database", "dbname"]]
  ],
  required: ["HOST"]
}
const gcs: SecretKind = { type: "gcs", extension: "httpfs", fields: keys, required: ["KEY_ID", "SECRET"] }
const s3: SecretKind = {
  type: "s3",
  extension: "httpfs",
  fields: [
    ...keys,
    ["SESSION_TOKEN", ["session_token", "aws_session_token"]],
    ["REGION", ["region", "aws_region"]],
    ["ENDPOINT", ["endpoint", "endpoint_url"]],
    ["URL_STYLE", ["url_style"]],
    ["USE_SSL", ["use_ssl"]]
  ],
  required: ["KEY_ID", "SECRET"]
}

const kinds: ReadonlyMap<string, SecretKind> = new Map([
  ["postgres", postgres],
  ["postgresql", postgres],
  ["gcs", gcs],
  ["gcs_hmac", gcs],
  ["hmac", gcs],
  ["s3", s3],
  ["aws", s3]
])

const create = Effect.fnUntraced(function* (
  session: Session,
  alias: string,
  credential: Credential,
  call: { readonly kind: string },
  at: string
) {
  const kind = kinds.get(credential.type.toLowerCase())
  if (kind === undefined) {
    // Templates may read it all the same.
    return yield* Effect.logWarning(
      `${at}: DuckDB has no secret for a credential of type '${credential.type}'`
    )
  }
  if (!session.extensions.has(kind.extension)) {
    const problem = `a secret of type ${kind.type} needs DuckDB's extension ${kind.extension}, which is not loaded here: the operator installs it and names it in its options`
    return yield* invalid(call, at, problem)
  }
  const given = filled(kind, Redacted.value(credential.data))
  const missing = kind.required.filter((name) => !given.some(([one]) => one === name))
  if (missing.length > 0) {
    return yield* invalid(
      call,
      at,
      `a secret of type ${kind.type} needs ${missing.join(" and ").toLowerCase()}`
    )
  }
  const list = given.map(([name], i) => `, ${name} $${i + 1}`).join("")
  const sql = `CREATE OR REPLACE TEMPORARY SECRET ${quoteName(alias)} (TYPE ${kind.type}${list})`
  const values = given.map(([, value]) => valueOf(session, value))
  yield* Effect.mapError(
    session.run(() => session.connection.run(sql, values)),
    (cause) => ToolError.ofFailure(call.kind, failureOf(cause, call.kind, { auth: alias }))
  )
})

const filled = (kind: SecretKind, data: JsonObject): ReadonlyArray<readonly [string, Json]> => {
  const found = new Map<string, Json>()
  for (const [name, sources] of kind.fields) {
    const source = sources.find((one) => isGiven(data[one]))
    if (source !== undefined) found.set(name, data[source] ?? null)
  }
  const endpoint = found.get("ENDPOINT")
  const url = typeof endpoint === "string" ? /^(https?):\/\/([^/]+)\/?$/i.exec(endpoint) : null
  if (url !== null) {
    // DuckDB wants a host there, and is told apart whether it speaks TLS.
    found.set("ENDPOINT", url[2] ?? "")
    if (!found.has("USE_SSL")) found.set("USE_SSL", url[1]?.toLowerCase() === "https")
  }
  return [...found]
}

const isGiven = (value: Json | undefined): boolean => value !== undefined && value !== null && value !== ""

const valueOf = ({ duckdb }: Session, value: Json) =>
  Array.isArray(value) ? duckdb.listValue((value as ReadonlyArray<Json>).map(textOf)) : textOf(value)

const textOf = (value: Json): string => (typeof value === "string" ? value : stringify(value))
