/** A secret with a name, as a control plane or a local file keeps it. */
import type { Redacted } from "effect"
import type { JsonObject } from "./Json.ts"

export interface Credential {
  readonly name: string
  /** `postgres`, `snowflake`, `bearer`, `basic`, `api_key`, `gcs`, `hmac`, … */
  readonly type: string
  readonly data: Redacted.Redacted<JsonObject>
}

/** What an `auth` key came to. */
export interface ResolvedAuth {
  /** The one credential of `auth: "name"`, `auth: {credential}` or `auth: {type, …}`. */
  readonly primary: Credential | undefined
  /** The members of an alias map, by alias. */
  readonly named: ReadonlyMap<string, Credential>
}

export const noAuth: ResolvedAuth = { primary: undefined, named: new Map() }

/** What a tool makes of the credential that its configuration names. */
export interface CredentialUse {
  /** The credential's fields as settings of the tool. A tool without it reads the credential itself. */
  readonly fields?: (data: JsonObject) => JsonObject
  /** Whether credentials of Google's types come with an access token. */
  readonly googleTokens?: boolean
}
