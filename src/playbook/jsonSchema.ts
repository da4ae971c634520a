/**
 * The language as a JSON Schema, for editors: they complete keys and mark what is wrong. What is understood of older
 * dialects is allowed and marked as deprecated; keys of a tool are the tool's own.
 */
import { Schema } from "effect"
import type { JsonObject } from "../domain/Json.ts"
import { isObject } from "../domain/Json.ts"
import {
  Arc,
  Executor,
  KeychainEntry,
  Loop,
  Root,
  Router,
  Step,
  StepSpec,
  Task,
  TaskSpec
} from "./schemas.ts"
import { kinds } from "./vocabulary.ts"

export const jsonSchema = (): JsonObject => ({
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "NoETL playbook",
  ...withProperties(objectOf(Root), {
    executor: orNull(objectOf(Executor)),
    keychain: orNull({ type: "array", items: { ...objectOf(KeychainEntry), additionalProperties: true } }),
    workbook: orNull({
      type: "array",
      items: {
        type: "object",
        required: ["name", "tool"],
        properties: { name: { type: "string" }, tool: ref("task") }
      }
    }),
    workflow: { type: "array", minItems: 1, items: ref("step") },
    vars: deprecated("write workload")
  }),
  additionalProperties: true,
  definitions: { step: step(), task: task(), router: router(), arc: objectOf(Arc), loop: loop() }
})

const step = (): JsonObject => ({
  ...withProperties(objectOf(Step), {
    tool: {
      description: "One tool, or a list of tasks.",
      anyOf: [ref("task"), { type: "array", minItems: 1, items: ref("task") }]
    },
    next: { anyOf: [ref("router"), { type: "string" }, { type: "array" }, { type: "null" }] },
    loop: ref("loop"),
    spec: orNull(objectOf(StepSpec)),
    args: deprecated("write input"),
    vars: deprecated("write set: {ctx.NAME: value}"),
    when: deprecated("write spec.policy.admit"),
    case: deprecated("write next.arcs and spec.policy.rules"),
    save: deprecated("append a task to tool"),
    sink: deprecated("append a task to tool")
  }),
  additionalProperties: false
})

/** A tool's own keys are not listed; `{label: {kind}}` is a task of an older dialect. */
const task = (): JsonObject => ({
  anyOf: [
    {
      ...withProperties(objectOf(Task), {
        kind: { description: "The tool.", enum: kinds },
        spec: orNull({ ...objectOf(TaskSpec), additionalProperties: true })
      }),
      additionalProperties: true
    },
    {
      type: "object",
      minProperties: 1,
      maxProperties: 1,
      additionalProperties: { type: "object", required: ["kind"] }
    }
  ]
})

const router = (): JsonObject => ({
  ...withProperties(objectOf(Router), { arcs: orNull({ type: "array", items: ref("arc") }) }),
  additionalProperties: false
})

const loop = (): JsonObject => ({
  ...objectOf(Loop),
  required: [],
  additionalProperties: true
})

const ref = (name: string): JsonObject => ({ $ref: `#/definitions/${name}` })

const orNull = (schema: JsonObject): JsonObject => ({ anyOf: [schema, { type: "null" }] })

const deprecated = (instead: string): JsonObject => ({
  deprecated: true,
  description: `An older dialect: ${instead}.`
})

const objectOf = (schema: Schema.Constraint): JsonObject => {
  const document = Schema.toJsonSchemaDocument(schema).schema as unknown
  return isObject(document) ? document : {}
}

const withProperties = (schema: JsonObject, more: JsonObject): JsonObject => ({
  ...schema,
  properties: { ...(isObject(schema["properties"]) ? schema["properties"] : {}), ...more }
})
