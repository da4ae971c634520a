/**
 * The language as schemas: the keys of each part, their types, and what they mean. The validator decodes with them, and
 * the JSON Schema for editors is made of them.
 */
import { Schema } from "effect"

import { versions } from "./vocabulary.ts"

const optional = Schema.optionalKey
const mapping = Schema.Record(Schema.String, Schema.Unknown).annotate({ expected: "a mapping" })
const anything = Schema.Unknown
const doc =
  (description: string) =>
  <S extends Schema.Top>(schema: S): S["Rebuild"] =>
    schema.annotate({ description })

const record = Schema.NullOr(mapping)
const text = Schema.String.annotate({ expected: "text" })
const nonEmpty = Schema.String.check(Schema.isNonEmpty({ expected: "text that is not empty" })).annotate({
  expected: "text"
})
const flag = Schema.Boolean.annotate({ expected: "true or false" })

/** A number as it is, or a template that becomes one. */
const number = Schema.Union([Schema.Finite, Schema.String]).annotate({ expected: "a number or a template" })

/** `30`, `"30s"`, `"5m"`, or the parts of a timeout. */
const timeout = Schema.Union([Schema.Finite, Schema.String, mapping]).annotate({
  expected: 'seconds, or text like "30s" or "5m"'
})

const condition = Schema.Union([Schema.Boolean, Schema.String, Schema.Null]).annotate({
  expected: "true, false or a template"
})

export const verbs = ["continue", "retry", "jump", "break", "fail"] as const

export const Action = Schema.Struct({
  do: optional(
    Schema.Literals(verbs)
      .annotate({ expected: `one of ${verbs.join(", ")}` })
      .pipe(doc("What comes next."))
  ),
  to: optional(text.pipe(doc("Label that `jump` goes to."))),
  attempts: optional(number.pipe(doc("Executions in all that `retry` makes, 3 unless said."))),
  backoff: optional(text.pipe(doc("How the delay of `retry` grows: none, fixed, linear, exponential."))),
  delay: optional(number.pipe(doc("Seconds between two tries."))),
  set: optional(record.pipe(doc("Values to keep: `ctx.x` for the run, `iter.x` for the iteration.")))
}).pipe(doc("What a rule does."))

const rule = { when: optional(condition), then: optional(anything), else: optional(anything) }

export const Rule = Schema.Struct(rule).pipe(
  doc("`{when, then}`, or `{else: {then}}`. The first that matches counts.")
)

export const Policy = Schema.Struct({
  mode: optional(Schema.NullOr(text)),
  rules: optional(Schema.NullOr(Schema.Array(Rule).annotate({ expected: "a list of rules" }))),
  admit: optional(mapping),
  exec: optional(text)
})

export const TaskSpec = Schema.Struct({
  policy: optional(Schema.NullOr(Policy).annotate({ expected: "a mapping with rules" })),
  timeout: optional(timeout.pipe(doc("Seconds that one attempt may take.")))
})

export const Task = Schema.Struct({
  name: optional(
    text.pipe(doc("The task's label in a pipeline; the entry of a workbook for kind workbook."))
  ),
  kind: nonEmpty.pipe(doc("The tool.")),
  desc: optional(Schema.NullOr(text)),
  input: optional(record.pipe(doc("Names that the tool's settings and its program read."))),
  spec: optional(Schema.NullOr(TaskSpec).annotate({ expected: "a mapping" })),
  set: optional(record.pipe(doc("Values of this task for later ones; `output` is its data."))),
  output: optional(record.pipe(doc("Which fields of a large result stay readable: {select: [...]}.")))
}).pipe(doc("One call of a tool. Keys that are not named here belong to the tool."))

export const Arc = Schema.Struct({
  step: nonEmpty.pipe(doc("The step that comes next.")),
  when: optional(condition.pipe(doc("Whether this arc is taken."))),
  set: optional(record.pipe(doc("Values to set when it is taken."))),
  desc: optional(Schema.NullOr(text))
}).pipe(doc("A way to the next step."))

export const modes = ["exclusive", "inclusive"] as const

export const Router = Schema.Struct({
  spec: optional(
    Schema.NullOr(
      Schema.Struct({
        mode: optional(
          Schema.Literals(modes)
            .annotate({ expected: "exclusive or inclusive" })
            .pipe(doc("exclusive: the first arc that matches. inclusive: all of them."))
        ),
        on_no_match: optional(
          Schema.Literals(["complete", "quiet"]).annotate({ expected: "complete or quiet" })
        )
      })
    ).annotate({ expected: "a mapping" })
  ),
  arcs: optional(Schema.NullOr(Schema.Array(anything)).annotate({ expected: "a list of arcs" }))
}).pipe(doc("Where the run goes when the step has ended."))

export const loopModes = ["sequential", "parallel", "cursor"] as const

export const Loop = Schema.Struct({
  in: optional(anything.pipe(doc("What to loop over: a list, a mapping, a number, or a template of one."))),
  cursor: optional(
    Schema.Struct({
      kind: text,
      auth: optional(anything),
      claim: text.pipe(doc("SQL that claims the next rows: `{{ __frame_max_rows }}` is how many.")),
      options: optional(record)
    }).pipe(doc("Rows of a database that are claimed until none are left."))
  ),
  iterator: nonEmpty.pipe(doc("The name of the item in templates.")),
  spec: optional(
    Schema.NullOr(
      Schema.Struct({
        mode: optional(
          Schema.Literals(loopModes)
            .annotate({ expected: `one of ${loopModes.join(", ")}` })
            .pipe(doc("sequential unless said."))
        ),
        max_in_flight: optional(Schema.NullOr(number).pipe(doc("Iterations at once in mode parallel."))),
        policy: optional(record),
        frame: optional(record)
      })
    ).annotate({ expected: "a mapping" })
  )
}).pipe(doc("Runs the step's tool once for each item."))

export const StepSpec = Schema.Struct({
  timeout: optional(timeout.pipe(doc("Seconds that the whole step may take."))),
  policy: optional(
    Schema.NullOr(mapping)
      .annotate({ expected: "a mapping" })
      .pipe(doc("{admit: {rules}}: whether the step runs."))
  ),
  next_mode: optional(text)
})

export const Step = Schema.Struct({
  step: nonEmpty.pipe(doc("The step's name, unique in the playbook.")),
  desc: optional(Schema.NullOr(text)),
  input: optional(record.pipe(doc("Names for all tasks of the step."))),
  spec: optional(Schema.NullOr(StepSpec).annotate({ expected: "a mapping" })),
  timeout: optional(timeout),
  loop: optional(mapping.annotate({ expected: "a mapping" })),
  tool: optional(anything.pipe(doc("One tool, or a list of tasks."))),
  output: optional(record),
  set: optional(record.pipe(doc("Values to keep when the step succeeded; `output.data` is its result."))),
  next: optional(anything)
}).pipe(doc("A step of the workflow."))

export const Entry = Schema.Struct({
  name: nonEmpty,
  desc: optional(Schema.NullOr(text)),
  tool: mapping.annotate({ expected: "a tool: {kind, …}" }),
  assert: optional(anything)
}).pipe(doc("A tool that steps call by its name."))

export const KeychainEntry = Schema.Struct({
  name: nonEmpty,
  kind: optional(text),
  type: optional(text)
}).pipe(doc("A secret: `{{ keychain.NAME.FIELD }}`. It is looked up when it is read."))

export const Executor = Schema.Struct({
  profile: optional(
    Schema.Literals(["local", "distributed", "auto"]).annotate({ expected: "local, distributed or auto" })
  ),
  version: optional(text),
  requires: optional(
    Schema.NullOr(
      Schema.Struct({
        tools: optional(Schema.Array(Schema.String).annotate({ expected: "a list of kinds" })),
        features: optional(Schema.Array(Schema.String).annotate({ expected: "a list of features" }))
      })
    )
  ),
  spec: optional(
    Schema.NullOr(
      Schema.Struct({
        entry_step: optional(Schema.NullOr(text)),
        final_step: optional(Schema.NullOr(text)),
        no_next_is_error: optional(flag),
        policy: optional(record)
      })
    )
  )
})

export const Root = Schema.Struct({
  apiVersion: Schema.Literals(["noetl.io/v2", "noetl.io/v10"]).annotate({ expected: versions.join(" or ") }),
  kind: Schema.Literals(["Playbook", "Agent"]).annotate({ expected: "Playbook" }),
  metadata: mapping.annotate({ expected: "a mapping with a name" }),
  executor: optional(Schema.NullOr(Executor).annotate({ expected: "a mapping" })),
  workload: optional(
    record.pipe(doc("The values that the playbook starts with; a run's payload replaces them."))
  ),
  keychain: optional(Schema.NullOr(Schema.Array(KeychainEntry)).annotate({ expected: "a list of secrets" })),
  workbook: optional(Schema.NullOr(Schema.Array(mapping)).annotate({ expected: "a list of {name, tool}" })),
  workflow: Schema.Array(mapping).annotate({ expected: "a list of steps" }),
  spec: optional(anything)
})

/** The keys of a part, for what is unknown. */
export const keysOf = (schema: { readonly fields: object }): ReadonlyArray<string> =>
  Object.keys(schema.fields)
