/** Key files of Google's, and the statements that are signed with them. */
import { createSign } from "node:crypto"
import { isObject, type Json, type JsonObject, parse } from "../domain/Json.ts"

/** A service account's key, or a user's permission that is renewed. */
export type KeyFile =
  | {
      readonly type: "service_account"
      readonly email: string
      readonly privateKey: string
    }
  | {
      readonly type: "authorized_user"
      readonly clientId: string
      readonly clientSecret: string
      readonly refreshToken: string
    }

/** The file as an object, or as text in one of the members that people keep it in. */
export const keyFileOf = (data: JsonObject): KeyFile | undefined =>
  [data, ...places.map((place) => data[place])].map(asKey).find((found) => found !== undefined)

const places = ["service_account_json", "service_account", "credentials", "key", "value"]

const asKey = (value: Json | undefined): KeyFile | undefined => {
  const found = typeof value === "string" && value.trimStart().startsWith("{") ? parsed(value) : value
  if (found === undefined || !isObject(found)) return undefined
  const [email, privateKey] = [text(found["client_email"]), text(found["private_key"])]
  if (email !== undefined && privateKey !== undefined) return { type: "service_account", email, privateKey }
  const clientId = text(found["client_id"])
  const clientSecret = text(found["client_secret"])
  const refreshToken = text(found["refresh_token"])
  return clientId === undefined || clientSecret === undefined || refreshToken === undefined
    ? undefined
    : { type: "authorized_user", clientId, clientSecret, refreshToken }
}

const parsed = (value: string): Json | undefined => {
  const result = parse(value)
  return result._tag === "Success" ? result.success : undefined
}

const text = (value: Json | undefined): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

/** Claims as a JWT with an RS256 signature. Throws when the key is none. */
export const signed = (claims: JsonObject, privateKey: string): string => {
  const part = (value: JsonObject) => Buffer.from(JSON.stringify(value)).toString("base64url")
  const statement = `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}`
  return `${statement}.${createSign("RSA-SHA256").update(statement).sign(privateKey, "base64url")}`
}
