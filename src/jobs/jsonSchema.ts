/** JSON Schema of what `worker_enqueue_many` takes, with the payloads of the kinds that every worker knows: for other languages. */
import { Schema } from "effect"
import { columns } from "./submission.ts"

const Tool = Schema.Struct({
  tool: Schema.String.annotate({ description: "The tool's kind: shell, http, python, postgres, …" }),
  config: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  args: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  name: Schema.optionalKey(Schema.String)
})
const Pipeline = Schema.Struct({
  tasks: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)),
  args: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  name: Schema.optionalKey(Schema.String)
})

export const jsonSchema = () => {
  const schemaOf = (schema: Schema.Constraint) => Schema.toJsonSchemaDocument(schema).schema
  const job = schemaOf(Schema.Struct({ ...columns.fields, payload: Schema.optionalKey(Schema.Unknown) }))
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "A job of noetl-worker, as worker_enqueue_many takes it",
    ...job,
    $defs: { tool: schemaOf(Tool), pipeline: schemaOf(Pipeline) },
    allOf: (["tool", "pipeline"] as const).map((kind) => ({
      if: { properties: { kind: { const: kind } }, required: ["kind"] },
      then: { properties: { payload: { $ref: `#/$defs/${kind}` } }, required: ["payload"] }
    }))
  }
}
