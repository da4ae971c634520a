/** Credentials of Google's kinds, with the tokens that Google gives for them. */
import { Effect, Redacted } from "effect"
import type { Credential, ResolvedAuth } from "../domain/Credential.ts"
import type { Json, JsonObject } from "../domain/Json.ts"
import { everything, type GoogleTokens } from "../google/GoogleTokens.ts"
import { keyFileOf } from "../google/keyFile.ts"
import type { ToolError } from "../domain/ToolError.ts"
import { noToken, tokenFailed } from "./errors.ts"

type Tokens = GoogleTokens["Service"]

/** `gcp_adc` is the worker's own identity where it has no key of its own. */
const own: ReadonlySet<string> = new Set(["gcp_adc"])
const google: ReadonlySet<string> = new Set([
  ...own,
  "gcp",
  "gcs",
  "google",
  "google_oauth",
  "google_service_account",
  "google_id_token",
  "service_account"
])

const tokenFields = ["access_token", "token", "bearer_token", "id_token", "value", "api_key"]

export const credentialsOf = (auth: ResolvedAuth): ReadonlyArray<Credential> => [
  ...(auth.primary === undefined ? [] : [auth.primary]),
  ...auth.named.values()
]

/** The same credentials; one of Google's that has no token has it now. */
export const withTokens = Effect.fnUntraced(function* (tokens: Tokens, tool: string, auth: ResolvedAuth) {
  const primary = auth.primary === undefined ? undefined : yield* withToken(tokens, tool, auth.primary)
  const named = yield* Effect.forEach(
    auth.named,
    ([alias, one]) => Effect.map(withToken(tokens, tool, one), (found) => [alias, found] as const),
    { concurrency: 8 }
  )
  return { primary, named: new Map(named) } satisfies ResolvedAuth
})

const withToken = (
  tokens: Tokens,
  tool: string,
  credential: Credential
): Effect.Effect<Credential, ToolError> => {
  const data = Redacted.value(credential.data)
  if (!google.has(credential.type.toLowerCase()) || storedToken(data, undefined) !== undefined)
    return Effect.succeed(credential)
  return Effect.map(minted(tokens, tool, credential, audienceOf(credential, undefined)), (token) => ({
    ...credential,
    data: Redacted.make({ ...data, access_token: token })
  }))
}

/** For an audience an ID token is made; a stored token is for whatever it was made for. */
export const tokenOf = (
  tokens: Tokens,
  tool: string,
  credential: Credential,
  audience: string | undefined
): Effect.Effect<string, ToolError> => {
  const data = Redacted.value(credential.data)
  const mints = google.has(credential.type.toLowerCase()) || keyFileOf(data) !== undefined
  const stored = storedToken(data, mints ? audience : undefined)
  if (stored !== undefined) return Effect.succeed(stored)
  return mints
    ? minted(tokens, tool, credential, audienceOf(credential, audience))
    : Effect.fail(noToken(tool, credential.name))
}

const storedToken = (data: JsonObject, audience: string | undefined): string | undefined => {
  return audience === undefined ? tokenFields.map((field) => data[field]).find(isToken) : undefined
}

/** A key file is no token, whatever member it is kept in. */
const isToken = (value: Json | undefined): value is string =>
  typeof value === "string" && value !== "" && !value.trimStart().startsWith("{")

const minted = (tokens: Tokens, tool: string, credential: Credential, audience: string | undefined) => {
  const data = Redacted.value(credential.data)
  const ours = own.has(credential.type.toLowerCase()) && keyFileOf(data) === undefined
  return tokens
    .token({ data: ours ? undefined : data, scopes: scopesOf(data), audience })
    .pipe(Effect.mapError((error) => tokenFailed(tool, credential.name, error)))
}

const audienceOf = (credential: Credential, asked: string | undefined): string | undefined => {
  if (asked !== undefined) return asked
  const { audience, target_audience: target } = Redacted.value(credential.data)
  const found = audience ?? target
  return credential.type.toLowerCase() === "google_id_token" && typeof found === "string" ? found : undefined
}

const scopesOf = (data: JsonObject): ReadonlyArray<string> => {
  const given = data["scopes"] ?? data["scope"]
  const list = typeof given === "string" ? given.split(/[\s,]+/) : Array.isArray(given) ? given : []
  const scopes = list.filter((one: Json): one is string => typeof one === "string" && one !== "")
  return scopes.length === 0 ? [everything] : scopes
}
