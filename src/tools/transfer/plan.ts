/** Which column goes where. */
import { Effect } from "effect"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { invalid, type ToolError } from "../../domain/ToolError.ts"
import type { Column, Field, Source, Target, Type } from "./Ends.ts"

/**
 * The fields of a transfer. Without a mapping the source's columns go to columns of the same name, small and capital
 * letters aside. `mapping` is `{target: source}`, or `{target: {value: constant}}`.
 */
export const fieldsOf = (
  source: Source,
  target: Target,
  mapping: JsonObject | undefined,
  call: { readonly kind: string }
): Effect.Effect<ReadonlyArray<Field>, ToolError> => {
  const wanted =
    mapping === undefined
      ? source.columns.map(({ name }): readonly [string, Json] => [name, name])
      : Object.entries(mapping)
  // Where rows tell the columns and there is none, nothing goes anywhere
  if (wanted.length === 0 && mapping === undefined && target.columns?.length !== undefined)
    return Effect.succeed(
      target.columns.map((to) => ({
        from: { value: null },
        type: to.type,
        to,
        arrays: target.type === "postgres"
      }))
    )
  if (wanted.length === 0) {
    return Effect.fail(
      invalid(call, mapping === undefined ? "source" : "mapping", "There is no column to transfer")
    )
  }
  const fields: Array<Field> = []
  for (const [to, from] of wanted) {
    const found = sourceOf(source, from)
    if (found === undefined) {
      return Effect.fail(invalid(call, `mapping.${to}`, `the source has no column ${textOf(from)}`))
    }
    const column =
      target.columns === undefined ? { name: to, type: found.type } : columnNamed(target.columns, to)
    if (column === undefined) {
      return Effect.fail(invalid(call, "mapping", `${target.name} has no column ${to}`))
    }
    fields.push({ from: found.from, type: found.type, to: column, arrays: target.type === "postgres" })
  }
  return Effect.succeed(fields)
}

// --- helpers ---

const sourceOf = (
  source: Source,
  from: Json
): { readonly from: Field["from"]; readonly type: Type } | undefined => {
  if (isObject(from))
    return from["value"] === undefined
      ? undefined
      : { from: { value: from["value"] }, type: { kind: "text" } }
  if (typeof from !== "string") return undefined
  const column = columnNamed(source.columns, from)
  if (column !== undefined) return { from: { name: column.name }, type: column.type }
  // Sources of JSON have paths, and rows that need not look alike.
  return source.type === "http" ? { from: { name: from }, type: { kind: "text" } } : undefined
}

const columnNamed = (columns: ReadonlyArray<Column>, name: string): Column | undefined => {
  const exact = columns.find((one) => one.name === name)
  if (exact !== undefined) return exact
  const alike = columns.filter((one) => one.name.toLowerCase() === name.toLowerCase())
  return alike.length === 1 ? alike[0] : undefined
}

const textOf = (value: Json): string =>
  typeof value === "string" ? value : "like this: expected a name or {value}"
