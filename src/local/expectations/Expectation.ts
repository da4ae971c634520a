/** What runs of playbooks must give, as a file says it. */
import { Result, Schema, SchemaIssue } from "effect"
import { parse } from "yaml"
import { JsonRecord, type JsonObject, JsonValue } from "../../domain/Json.ts"
import { messageOf } from "../../domain/messageOf.ts"

const optional = Schema.optionalKey
const names = Schema.Array(Schema.String)

/** What a tool answers in place of doing anything: data, or a failure. */
const Answer = Schema.Struct({
  data: optional(JsonValue),
  error: optional(
    Schema.Struct({
      message: Schema.String,
      kind: optional(Schema.String),
      retryable: optional(Schema.Boolean)
    })
  )
})
export type Answer = typeof Answer.Type

export const Expectation = Schema.Struct({
  /** Path of the file, from the folder of the expectations. */
  playbook: Schema.NonEmptyString,
  /** What is shown for it; the path unless said. */
  name: optional(Schema.String),
  /** A text `$NAME` in it is the variable of that name. */
  payload: optional(JsonRecord),
  target: optional(Schema.String),
  /** Answers by kind of tool, by a task's label or by a step's name. A list is given one after the other. */
  stubs: optional(Schema.Record(Schema.String, Schema.Union([Answer, Schema.Array(Answer)]))),
  status: Schema.Literals(["completed", "failed", "cancelled"]),
  /** `step.path` → value: an object has at least these members, a list exactly these items, `">= 2"` is a number. */
  values: optional(JsonRecord),
  ran: optional(names),
  not: optional(names),
  /** Steps that run exactly once. */
  once: optional(names),
  /** Steps each of which starts when the one before it has ended. */
  order: optional(Schema.Array(names)),
  /** Step → what its error must say. */
  error: optional(Schema.Record(Schema.String, Schema.Union([Schema.String, names])))
})
export type Expectation = typeof Expectation.Type

const decode = Schema.decodeUnknownResult(Schema.Array(Expectation), {
  errors: "all",
  onExcessProperty: "error"
})
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** Text of a file → expectations, or a line for each thing that is wrong. */
export const read = (
  file: string,
  text: string
): Result.Result<ReadonlyArray<Expectation>, ReadonlyArray<string>> => {
  try {
    const decoded = decode(parse(text) as unknown)
    if (Result.isSuccess(decoded)) return Result.succeed(decoded.success)
    return Result.fail(
      issuesOf(decoded.failure.issue).issues.map(({ message, path = [] }) => {
        const at = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".")
        return `${file}: ${at === "" ? "" : `${at}: `}${message}`
      })
    )
  } catch (cause) {
    return Result.fail([`${file}: ${messageOf(cause).split("\n")[0] ?? ""}`])
  }
}

/** The payload with variables in it. */
export const payloadOf = (
  { payload = {} }: Expectation,
  variables: Readonly<Record<string, string | undefined>>
): JsonObject =>
  Object.fromEntries(
    Object.entries(payload).map(([key, value]) => {
      if (typeof value !== "string") return [key, value] as const
      return [
        key,
        value.replaceAll(/\$([A-Z_][A-Z0-9_]*)/g, (text, name: string) => variables[name] ?? text)
      ] as const
    })
  )
