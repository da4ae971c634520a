/** The query of a SQL source: its text with its parameters in it, since COPY takes none. */
import { Effect, Schema } from "effect"
import * as JsonText from "../../domain/Json.ts"
import { isObject, type Json, JsonValue } from "../../domain/Json.ts"
import * as Coerced from "../Coerced.ts"
import { literalOf } from "../postgres/arrays.ts"
import { bind } from "../sql/placeholders.ts"
import { split } from "../sql/split.ts"
import { quotePath, quoteText } from "../sql/tokens.ts"
import { invalid, type ToolError } from "../../domain/ToolError.ts"

export const queryFields = {
  query: Coerced.optional(Schema.String),
  command: Coerced.optional(Schema.String),
  sql: Coerced.optional(Schema.String),
  table: Coerced.optional(Schema.String),
  params: Schema.optionalKey(JsonValue)
}

export const queryOf = (
  settings: Schema.Struct.Type<typeof queryFields>,
  call: { readonly kind: string }
): Effect.Effect<string, ToolError> => {
  const text = settings.query ?? settings.command ?? settings.sql ?? ""
  if (text === "") {
    return settings.table === undefined || settings.table === null || settings.table === ""
      ? Effect.fail(invalid(call, "source.query", "Missing: one of query, table"))
      : Effect.succeed(`SELECT * FROM ${quotePath(settings.table)}`)
  }
  if (text.includes("\0")) return Effect.fail(invalid(call, "source.query", "SQL cannot contain a zero byte"))
  const [statement, second] = split(text)
  if (statement === undefined || second !== undefined) {
    return Effect.fail(invalid(call, "source.query", "Expected one statement"))
  }
  if (!["SELECT", "WITH", "VALUES", "TABLE", "FROM"].includes(statement.words[0] ?? "")) {
    return Effect.fail(invalid(call, "source.query", "Expected a query: SELECT, WITH, VALUES or TABLE"))
  }
  const params = settings.params
  if (params === undefined || params === null) return Effect.succeed(statement.text)
  if (!isObject(params) && !Array.isArray(params))
    return Effect.fail(invalid(call, "source.params", "Expected a list or an object"))
  const bound = bind(statement.text, params, (n) => `\u0001${n}\u0002`)
  if (bound.missing.length > 0) {
    return Effect.fail(invalid(call, "source.params", `no value for ${bound.missing.join(", ")}`))
  }
  return Effect.succeed(
    // oxlint-disable-next-line no-control-regex -- marks that no SQL text has
    bound.text.replaceAll(/\u0001(\d+)\u0002/g, (_, n) => literal(bound.values[Number(n) - 1] ?? null))
  )
}

/** Typed by the place where it stands, as a parameter would be. */
const literal = (value: Json): string => {
  if (value === null) return "NULL"
  if (Array.isArray(value)) return quoteText(literalOf(value as ReadonlyArray<Json>))
  return quoteText(typeof value === "object" ? JsonText.stringify(value) : String(value))
}
