/** What does not fit a JSON Schema: as much of the specification as ours uses. A keyword that is not known throws. */
import { isObject, type Json, type JsonObject } from "../../src/domain/Json.ts"
import { isDeepStrictEqual } from "node:util"

const silent: ReadonlySet<string> = new Set(["$schema", "title", "description", "deprecated", "definitions"])

export const mismatches = (root: JsonObject, value: unknown): ReadonlyArray<string> => {
  const check = (schema: Json, found: unknown, at: string): ReadonlyArray<string> => {
    if (!isObject(schema)) return schema === false ? [`${at}: nothing is allowed`] : []
    return Object.entries(schema).flatMap(([keyword, wanted]) =>
      silent.has(keyword) ? [] : one(schema, keyword, wanted, found, at)
    )
  }
  const members = (found: unknown): ReadonlyArray<readonly [string, unknown]> =>
    isObject(found) ? Object.entries(found) : []
  const one = (
    schema: JsonObject,
    keyword: string,
    wanted: Json,
    found: unknown,
    at: string
  ): ReadonlyArray<string> => {
    const must = (ok: boolean, what: string) => (ok ? [] : [`${at}: ${what}`])
    switch (keyword) {
      case "$ref": {
        const name = String(wanted).replace("#/definitions/", "")
        return check((root["definitions"] as JsonObject)[name] ?? false, found, at)
      }
      case "type":
        return must(
          [wanted].flat().some((type) => isOf(String(type), found)),
          `is no ${JSON.stringify(wanted)}`
        )
      case "enum":
        return must(
          (wanted as ReadonlyArray<Json>).some((item) => isDeepStrictEqual(item, found)),
          `is none of ${JSON.stringify(wanted)}`
        )
      case "const":
        return must(isDeepStrictEqual(wanted, found), `is not ${JSON.stringify(wanted)}`)
      case "anyOf":
        return must(
          (wanted as ReadonlyArray<Json>).some((option) => check(option, found, at).length === 0),
          "fits no alternative"
        )
      case "allOf":
        return (wanted as ReadonlyArray<Json>).flatMap((option) => check(option, found, at))
      case "required":
        return isObject(found)
          ? (wanted as ReadonlyArray<string>).flatMap((key) =>
              must(Object.hasOwn(found, key), `has no ${key}`)
            )
          : []
      case "properties":
        return members(found).flatMap(([key, member]) =>
          check((wanted as JsonObject)[key] ?? {}, member, `${at}.${key}`)
        )
      case "additionalProperties": {
        const known = isObject(schema["properties"]) ? Object.keys(schema["properties"]) : []
        return members(found)
          .filter(([key]) => !known.includes(key))
          .flatMap(([key, member]) => check(wanted, member, `${at}.${key}`))
      }
      case "items":
        return Array.isArray(found)
          ? found.flatMap((item: unknown, i) => check(wanted, item, `${at}[${i}]`))
          : []
      case "minItems":
        return must(
          !Array.isArray(found) || found.length >= Number(wanted),
          `has fewer than ${String(wanted)} items`
        )
      case "minLength":
        return must(typeof found !== "string" || found.length >= Number(wanted), "is too short")
      case "minProperties":
        return must(members(found).length >= Number(wanted), "has too few members")
      case "maxProperties":
        return must(members(found).length <= Number(wanted), "has too many members")
      default:
        throw new Error(`the keyword ${keyword} is not known here`)
    }
  }
  return check(root, value, "playbook")
}

const isOf = (type: string, found: unknown): boolean => {
  if (type === "null") return found === null
  if (type === "array") return Array.isArray(found)
  if (type === "object") return isObject(found)
  if (type === "integer") return Number.isInteger(found)
  return typeof found === type
}
