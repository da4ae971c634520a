/** Decodes a part of a playbook with its schema; every mismatch becomes a problem with its place. */
import { Result, Schema, SchemaIssue } from "effect"
import { isObject, type Json } from "../domain/Json.ts"
import type { Source } from "./Source.ts"

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** Whether the value fits. Unknown keys are not looked at: which of them are wrong depends on the part. */
export const fits = (schema: Schema.ConstraintDecoder<unknown>, value: Json, source: Source): boolean => {
  const decoded = Schema.decodeUnknownResult(schema, { errors: "all", onExcessProperty: "ignore" })(value)
  if (Result.isSuccess(decoded)) return true
  for (const issue of issuesOf(decoded.failure.issue).issues) {
    const path = (issue.path ?? []).map((part) => (typeof part === "object" ? part.key : part))
    const { holder, member } = holderOf(value, path)
    source.report("error", holder, member, withFound(issue.message, memberOf(value, path)))
  }
  return false
}

type Path = ReadonlyArray<PropertyKey>

const memberOf = (value: Json | undefined, path: Path): Json | undefined =>
  path.reduce<Json | undefined>(
    (node, key) =>
      Array.isArray(node)
        ? (node as ReadonlyArray<Json>)[Number(key)]
        : isObject(node) && Object.hasOwn(node, key)
          ? node[String(key)]
          : undefined,
    value
  )

/** The innermost value that is there, and the member of it that is wrong. */
const holderOf = (value: Json, path: Path) => {
  for (let length = path.length - 1; length >= 0; length--) {
    const holder = memberOf(value, path.slice(0, length))
    if (typeof holder === "object" && holder !== null) {
      const key = path[length]
      return { holder, member: typeof key === "number" ? key : String(key) }
    }
  }
  return { holder: typeof value === "object" && value !== null ? value : undefined, member: undefined }
}

const withFound = (message: string, found: Json | undefined): string => {
  const sentence = message.charAt(0).toLowerCase() + message.slice(1)
  if (found === undefined || sentence.includes("got "))
    return sentence.replace(/, got .*$/s, `, got ${nameOf(found)}`)
  return sentence
}

/** A value as errors name it. */
export const nameOf = (value: Json | undefined): string => {
  if (value === undefined) return "nothing"
  if (value === null) return "null"
  if (Array.isArray(value)) return "a list"
  if (typeof value === "object") return "a mapping"
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  return String(value)
}
