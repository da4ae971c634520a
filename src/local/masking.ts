/** Values whose names say that they are secret, for everything that is shown or written for people. */
import { isObject, type Json, type JsonObject } from "../domain/Json.ts"

const secret = /token|secret|password|passwd|api_?key|authorization/i

export const masked = (value: Json, depth = 0): Json => {
  if (typeof value !== "object" || value === null || depth > 32) return value
  if (Array.isArray(value)) return (value as ReadonlyArray<Json>).map((item) => masked(item, depth + 1))
  return isObject(value) ? maskedObject(value, depth) : value
}

export const maskedObject = (value: JsonObject, depth = 0): JsonObject =>
  Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      secret.test(key) && (typeof member === "string" || typeof member === "number") && member !== ""
        ? "***"
        : masked(member, depth + 1)
    ])
  )

/** A value in one line, cut at so many characters. */
export const shortened = (text: string, most: number): string => {
  const line = text.replaceAll(/\s+/g, " ").trim()
  return line.length <= most ? line : `${line.slice(0, Math.max(0, most - 1))}…`
}
