/** Where a tool's SQL text comes from: `script`, then base64, then commands, then queries. */
import { Effect, Schema } from "effect"
import { isObject, type Json, JsonValue } from "../../domain/Json.ts"
import * as Coerced from "../Coerced.ts"
import { ScriptSource } from "../python/ScriptSource.ts"
import type { ToolCall } from "../Tool.ts"
import { invalid, ToolError } from "../../domain/ToolError.ts"

export const fields = {
  script: Schema.optionalKey(JsonValue),
  command_b64: Coerced.optional(Schema.String),
  commands_b64: Coerced.optional(Schema.String),
  query_b64: Coerced.optional(Schema.String),
  queries_b64: Coerced.optional(Schema.String),
  command: Coerced.optional(Coerced.TextList),
  commands: Coerced.optional(Coerced.TextList),
  cmd: Coerced.optional(Coerced.TextList),
  cmds: Coerced.optional(Coerced.TextList),
  query: Coerced.optional(Coerced.TextList),
  queries: Coerced.optional(Coerced.TextList),
  sql: Coerced.optional(Coerced.TextList),
  params: Schema.optionalKey(JsonValue),
  parameters: Schema.optionalKey(JsonValue)
}

export interface Settings extends Schema.Struct.Type<typeof fields> {}

const encoded = ["command_b64", "commands_b64", "query_b64", "queries_b64"] as const
const plain = ["command", "commands", "cmd", "cmds", "query", "queries", "sql"] as const

/** The text of the block; a list is joined, each member a statement or several. */
export const textOf = Effect.fnUntraced(function* (
  scripts: ScriptSource["Service"],
  settings: Settings,
  call: ToolCall
) {
  const text = yield* given(scripts, settings, call)
  if (text.includes("\0")) return yield* invalid(call, "command", "SQL cannot contain a zero byte")
  return text
})

/** `params` as a list or a map. */
export const paramsOf = (
  settings: Settings,
  call: ToolCall
): Effect.Effect<ReadonlyArray<Json> | { readonly [key: string]: Json } | undefined, ToolError> => {
  const params = settings.params ?? settings.parameters
  if (params === undefined || params === null) return Effect.succeed(undefined)
  return isObject(params) || Array.isArray(params)
    ? Effect.succeed(params)
    : Effect.fail(invalid(call, "params", "Expected a list or an object"))
}

// --- helpers ---

const given = Effect.fnUntraced(function* (
  scripts: ScriptSource["Service"],
  settings: Settings,
  call: ToolCall
) {
  if (settings.script !== undefined && settings.script !== null) {
    const { text } = yield* scripts.load(call.kind, settings.script)
    return text
  }
  for (const key of encoded) {
    const text = settings[key]
    if (typeof text === "string" && text !== "") return yield* decoded(call, key, text)
  }
  for (const key of plain) {
    const list = settings[key]
    if (list !== undefined && list !== null && list.length > 0) return joined(list)
  }
  return yield* invalid(call, "command", "Missing: one of command, commands, query, queries, script")
})

/** A member may end in a comment, which must not swallow the semicolon after it. */
const joined = (list: ReadonlyArray<string>): string =>
  list.length === 1 ? (list[0] ?? "") : list.map((one) => `${one.trimEnd().replace(/;$/, "")}\n;`).join("\n")

const decoded = (call: ToolCall, key: string, text: string): Effect.Effect<string, ToolError> => {
  const compact = text.replaceAll(/\s/g, "")
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(compact))
    return Effect.fail(invalid(call, key, "Expected base64 text"))
  return Effect.try({
    try: () =>
      new TextDecoder("utf-8", { fatal: true }).decode(
        Buffer.from(compact.replaceAll("-", "+").replaceAll("_", "/"), "base64")
      ),
    catch: () => invalid(call, key, "Expected base64 of UTF-8 text")
  })
}
