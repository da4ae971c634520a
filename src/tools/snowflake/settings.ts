/** Which account, as whom and how that is proven, in every spelling that authors use. */
import { Effect, Redacted, Schema } from "effect"
import { createPrivateKey } from "node:crypto"
import type { Json } from "../../domain/Json.ts"
import * as Coerced from "../Coerced.ts"
import { invalid, type ToolError } from "../../domain/ToolError.ts"

const names = [
  "account",
  "user",
  "password",
  "private_key",
  "private_key_passphrase",
  "authenticator",
  "token",
  "warehouse",
  "database",
  "schema",
  "role"
] as const
type Name = (typeof names)[number]

const text = Coerced.optional(Coerced.Text)
const plain = Object.fromEntries(names.map((name) => [name, text])) as Record<Name, typeof text>
const prefixed = Object.fromEntries(names.map((name) => [`sf_${name}`, text])) as Record<
  `sf_${Name}`,
  typeof text
>

export const fields = {
  ...plain,
  ...prefixed,
  username: text,
  sf_username: text,
  access_url: text,
  session_parameters: Coerced.optional(Coerced.JsonMap)
}

const Fields = Schema.Struct(fields)
export interface Settings extends Schema.Schema.Type<typeof Fields> {}

/** All that makes two sessions interchangeable. Compared by value. */
export interface Account {
  readonly account: string
  readonly accessUrl: string | undefined
  readonly user: string
  readonly proof: Proof
  readonly warehouse: string
  readonly database: string | undefined
  readonly schema: string
  readonly role: string | undefined
  /** JSON text, so that it can be compared. */
  readonly parameters: string
}

export interface Proof {
  readonly kind: "password" | "key" | "oauth" | "pat"
  readonly secret: Redacted.Redacted
}

export const accountOf = (
  settings: Settings,
  call: { readonly kind: string },
  allowedUrls: ReadonlyArray<string>,
  at = ""
): Effect.Effect<Account, ToolError> => {
  const get = (name: Name): string | undefined => {
    const value = settings[name] ?? settings[`sf_${name}`]
    return value === undefined || value === null || value === "" ? undefined : value
  }
  const account = get("account")
  const user = get("user") ?? settings.username ?? settings.sf_username ?? undefined
  if (account === undefined) return Effect.fail(invalid(call, `${at}account`, "Missing"))
  if (!/^[\w.-]+$/.test(account)) return Effect.fail(invalid(call, `${at}account`, "not an account's name"))
  const proof = proofOf(get)
  if (typeof proof === "object" && "at" in proof)
    return Effect.fail(invalid(call, `${at}${proof.at}`, proof.problem))
  if (user === undefined && proof.kind !== "oauth" && proof.kind !== "pat") {
    return Effect.fail(invalid(call, `${at}user`, "Missing"))
  }
  const accessUrl = settings.access_url ?? undefined
  if (accessUrl !== undefined && !isAllowed(accessUrl, allowedUrls)) {
    return Effect.fail(
      invalid(call, `${at}access_url`, "not an address that this worker may use for Snowflake")
    )
  }
  return Effect.succeed({
    account,
    accessUrl,
    user: user ?? "",
    proof,
    warehouse: get("warehouse") ?? "COMPUTE_WH",
    database: get("database"),
    schema: get("schema") ?? "PUBLIC",
    role: get("role"),
    parameters: JSON.stringify(settings.session_parameters ?? {}, (_, value: Json) =>
      typeof value === "bigint" ? String(value) : value
    )
  })
}

// --- helpers ---

type Problem = { readonly at: Name; readonly problem: string }

const proofOf = (get: (name: Name) => string | undefined): Proof | Problem => {
  const authenticator = (get("authenticator") ?? "").toUpperCase()
  const key = get("private_key")
  const token = get("token")
  if (
    authenticator.startsWith("OAUTH") ||
    (authenticator === "" && token !== undefined && key === undefined && get("password") === undefined)
  ) {
    return token === undefined
      ? { at: "token", problem: "Missing: OAuth needs a token" }
      : { kind: "oauth", secret: Redacted.make(token) }
  }
  if (authenticator === "PROGRAMMATIC_ACCESS_TOKEN") {
    const pat = token ?? get("password")
    return pat === undefined
      ? { at: "token", problem: "Missing" }
      : { kind: "pat", secret: Redacted.make(pat) }
  }
  if (key !== undefined) return keyOf(key, get("private_key_passphrase"))
  const password = get("password")
  return password === undefined
    ? { at: "password", problem: "Missing: one of password, private_key, token" }
    : { kind: "password", secret: Redacted.make(password) }
}

/** The driver wants PKCS#8 in clear; keys come encrypted, as PKCS#1, and with line breaks that a store has flattened. */
const keyOf = (text: string, passphrase: string | undefined): Proof | Problem => {
  const pem = text.includes("-----BEGIN")
    ? text.replaceAll("\\n", "\n")
    : `-----BEGIN ${passphrase === undefined ? "" : "ENCRYPTED "}PRIVATE KEY-----\n${text.replaceAll(/\s/g, "")}\n-----END ${passphrase === undefined ? "" : "ENCRYPTED "}PRIVATE KEY-----\n`
  try {
    const key = createPrivateKey({
      key: pem,
      format: "pem",
      ...(passphrase === undefined ? {} : { passphrase })
    })
    if (key.asymmetricKeyType !== "rsa") return { at: "private_key", problem: "Expected an RSA key" }
    return { kind: "key", secret: Redacted.make(key.export({ type: "pkcs8", format: "pem" }) as string) }
  } catch {
    return {
      at: "private_key",
      problem: "Expected a PEM private key, and its passphrase where it is encrypted"
    }
  }
}

const isAllowed = (url: string, allowed: ReadonlyArray<string>): boolean => {
  if (!URL.canParse(url)) return false
  const { host, protocol } = new URL(url)
  if (protocol === "https:" && /\.snowflakecomputing\.(com|cn)$/.test(host)) return true
  const { hostname, origin } = new URL(url)
  return allowed.some((one) => one === origin || one === `${protocol}//${hostname}:*`)
}
