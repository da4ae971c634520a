/** Parts of a document as what they should be; something empty where they are not. */
import { isObject, type Json, type JsonObject } from "../domain/Json.ts"

export const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {})

export const listOf = (value: Json | undefined): ReadonlyArray<Json> =>
  Array.isArray(value) ? (value as ReadonlyArray<Json>) : []

export const objectsOf = (value: Json | undefined): ReadonlyArray<JsonObject> =>
  listOf(value).filter(isObject)

/** Text that is not empty. */
export const textOf = (value: Json | undefined): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

/** The same, empty where there is none. */
export const wordOf = (value: Json | undefined): string => textOf(value) ?? ""
