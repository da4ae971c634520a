import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { isJson, stringify } from "../../src/domain/Json.ts"
import { TemplateError } from "../../src/template/TemplateError.ts"
import { tryRender } from "./support.ts"

/** Pieces from which templates are made that are nearly right. */
const pieces = [
  "{{",
  "}}",
  "{%",
  "%}",
  "{#",
  "#}",
  "-",
  " if ",
  " else ",
  " elif ",
  " endif ",
  " for ",
  " in ",
  " endfor ",
  " set ",
  " is ",
  " not ",
  " and ",
  " or ",
  " defined ",
  " none ",
  "x",
  "l",
  "m.a",
  "loop.index",
  "'a'",
  '"b"',
  "1",
  "2.5",
  "0",
  "true",
  "null",
  "[",
  "]",
  "{",
  "}",
  "(",
  ")",
  ",",
  ":",
  ".",
  "|",
  " default ",
  " int ",
  " tojson ",
  " map ",
  " sort ",
  " join ",
  " replace ",
  " range ",
  " namespace ",
  "+",
  "*",
  "**",
  "/",
  "//",
  "%",
  "~",
  "==",
  "<",
  "\n",
  "\\",
  "`",
  "é",
  "😀",
  " raw ",
  " endraw ",
  "ns.x",
  "="
]

const Piece = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: pieces.length - 1 }))
const Pieces = Schema.Array(Piece).check(Schema.isMaxLength(24))
const Data = Schema.Record(Schema.Literals(["x", "l", "m"]), Schema.Json)

const variables = { x: "{{ l }}", l: [3, "b", null, { a: 1 }], m: { a: "y", big: 7670000000000000123n } }

const isFine = (outcome: unknown): boolean =>
  outcome instanceof TemplateError || outcome === undefined || isJson(outcome)

describe("Template", () => {
  it.prop(
    "never throws anything but its own error, whatever the template",
    [Schema.String],
    ([source]) => isFine(tryRender(source, variables)) && isFine(tryRender(`{{ ${source} }}`, variables)),
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "never throws anything but its own error for templates that are nearly right",
    [Pieces],
    ([chosen]) => {
      const source = chosen.map((i) => pieces[i]).join("")
      return isFine(tryRender(source, variables)) && isFine(tryRender(`{{ ${source} }}`, variables))
    },
    { arbitrary: { runs: 3_000 } }
  )

  it.prop("gives data back as it came in", [Schema.Json], ([value]) => {
    assert.deepStrictEqual(tryRender("{{ value }}", { value: value as never }), value)
  })

  it.prop("renders data once, whatever it contains", [Schema.String], ([text]) => {
    assert.strictEqual(tryRender("<{{ text }}>", { text }), `<${text}>`)
    assert.deepStrictEqual(tryRender({ a: ["{{ text }}"] }, { text }), { a: [text] })
  })

  it.prop("makes JSON that reads back as the same value", [Schema.Json], ([value]) => {
    // As text, because JSON has no negative zero, and an integer from 2^53 on reads back exactly, as a bigint.
    assert.strictEqual(
      stringify(tryRender("{{ value | tojson | fromjson }}", { value: value as never })),
      JSON.stringify(value)
    )
  })

  it.prop("works over any data", [Data], ([data]) =>
    isFine(
      tryRender(
        {
          a: "{{ x | default(l) | string | upper }}",
          b: "{% for i in l %}{{ i }}{{ loop.index }}{% endfor %}",
          c: "{{ (l | list | length) + (m | length) }}",
          d: "{{ x == l or x in l }}",
          e: "{{ m.a.b | int + 1 }}"
        },
        data as never
      )
    )
  )
})
