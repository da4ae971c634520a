/** `--input`, `--payload` and `--set` → one payload, later ones over earlier ones. */
import { Result } from "effect"
import { isObject, type Json, type JsonObject, parse } from "../domain/Json.ts"

/** `a.b=1` → `{a: {b: 1}}`: the value is JSON where it is JSON, else text. Fails with a sentence. */
export const assignment = (text: string): Result.Result<JsonObject, string> => {
  const at = text.indexOf("=")
  const path = (at === -1 ? text : text.slice(0, at)).split(".").map((part) => part.trim())
  if (at === -1 || path.some((part) => part === ""))
    return Result.fail(`--set ${text}: expected NAME=VALUE, with dots in NAME for mappings`)
  const written = text.slice(at + 1)
  const value = Result.getOrElse(parse(written), (): Json => written)
  return Result.succeed(path.reduceRight<Json>((inner, part) => ({ [part]: inner }), value) as JsonObject)
}

/** Mappings in mappings are merged, so that two `--set a.x=… --set a.y=…` both count. */
export const together = (parts: ReadonlyArray<JsonObject>): JsonObject => parts.reduce(merged, {})

const merged = (below: JsonObject, above: JsonObject): JsonObject =>
  Object.fromEntries([
    ...Object.entries(below),
    ...Object.entries(above).map(([key, value]): readonly [string, Json] => {
      const before = Object.hasOwn(below, key) ? below[key] : undefined
      return [key, isObject(before) && isObject(value) ? merged(before, value) : value]
    })
  ])

/** `--payload`: a JSON object. Fails with a sentence. */
export const payloadOf = (text: string): Result.Result<JsonObject, string> => {
  const value = parse(text)
  if (Result.isFailure(value)) return Result.fail(`--payload is no JSON: ${value.failure.message}`)
  return isObject(value.success)
    ? Result.succeed(value.success)
    : Result.fail("--payload: expected a JSON object")
}
