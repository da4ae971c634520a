import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { Template } from "../../src/template/Template.ts"
import { TemplateError } from "../../src/template/TemplateError.ts"
import { errorOf, render, tryRender } from "./support.ts"
import { cpuMillis } from "../support/cpuMillis.ts"

const long = "x".repeat(10_000)

const bombs: ReadonlyArray<readonly [string, string]> = [
  ["loops in loops", "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}"],
  [
    "loops that print",
    "{% for i in range(100000) %}{% for j in range(100000) %}{{ i }}{% endfor %}{% endfor %}"
  ],
  ["a filter in loops", "{% for i in range(99999) %}{{ range(99999) | sort | join }}{% endfor %}"],
  ["a long repetition", "{{ 'a' * 1000000000000 }}"],
  ["repetition of repetition", "{{ (('a' * 100000) * 100000) * 100000 }}"],
  [
    "doubling text",
    `{% set ns = namespace(x='${long}') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}`
  ],
  [
    "doubling a list",
    "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}"
  ],
  [
    "a list of lists",
    "{% set ns = namespace(x=[1]) %}{% for i in range(9999) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}"
  ],
  [
    "doubling by replace",
    "{% set ns = namespace(x='aaaa') %}{% for i in range(99) %}{% set ns.x = ns.x | replace('a', 'aaaa') %}{% endfor %}"
  ],
  [
    "doubling by join",
    "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x | list | join(ns.x) %}{% endfor %}"
  ],
  ["a range too long", "{{ range(999999999) }}"],
  ["a number too large", "{{ 9 ** 9 ** 9 ** 9 }}"],
  ["factorial digits", "{{ (10 ** 30) * (10 ** 30) }}"],
  [
    "searching again and again",
    "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{{ 'b' in s }}{% endfor %}"
  ],
  ["brackets in brackets", `{{ ${"[".repeat(5_000)}1${"]".repeat(5_000)} }}`],
  ["a long sum", `{{ ${"1 + ".repeat(50_000)}1 }}`],
  ["a long chain of filters", `{{ 1 ${"| string ".repeat(10_000)} }}`],
  ["a long path", `{{ a${".b".repeat(50_000)} }}`],
  ["not not not", `{{ ${"not ".repeat(50_000)}1 }}`],
  ["minus minus", `{{ ${"-".repeat(50_000)}1 }}`],
  ["if in if", "{% if 1 %}".repeat(5_000) + "{% endif %}".repeat(5_000)],
  ["a pattern that could run away", `{{ ${" ".repeat(100_000)} 'a'`],
  ["rounding to many digits", "{{ 1.5 | round(999999999) }}"]
]

/** What something gives, which must not take more CPU time than this. */
const within = <A>(millis: number, work: () => A): A => {
  const given: Array<A> = []
  assert.isBelow(
    cpuMillis(() => given.push(work())),
    millis
  )
  return given[0] as A
}

describe("Template", () => {
  it.each(bombs)("stops %s, soon and with a clear error", (_, template) => {
    const error = within(2_000, () => errorOf({ key: template }))
    assert.include(["limit", "syntax", "evaluation"], error.kind)
    assert.strictEqual(error.at, "key")
    assert.isBelow(error.message.length, 200)
  })

  it("counts the turns of all loops together", () => {
    const template = "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}"
    assert.strictEqual(errorOf(template).detail, "the template's loops run more than 250000 times")
  })

  it("refuses a template that is too long, not a text that is", () => {
    const text = "x".repeat(3_000_000)
    assert.strictEqual(errorOf(`${text}{{ a }}`).detail, "the template is longer than 1048576 characters")
    assert.strictEqual(render(text), text)
  })

  it("passes a value of 50 MB on without copying it", () => {
    const value = { rows: Array.from({ length: 50 }, (_, i) => ({ i, text: "y".repeat(1_000_000) })) }
    const rendered = within(500, () =>
      render({ input: "{{ start }}", first: "{{ start.rows[0].i }}" }, { start: value })
    )
    assert.strictEqual((rendered as { readonly input: unknown }).input, value)
  })

  it("prints a value of 50 MB, and refuses three of them", () => {
    const value = { rows: Array.from({ length: 50 }, () => "y".repeat(1_000_000)) }
    assert.strictEqual(render("{{ start | tojson | length }}", { start: value }), 50_000_160)
    const three = tryRender("{{ start | tojson }}{{ start | tojson }}{{ start | tojson }}", { start: value })
    assert.instanceOf(three, TemplateError)
  })

  it("refuses values that contain themselves", () => {
    const cycle: Record<string, never> = {}
    Object.assign(cycle, { self: cycle, text: "{{ x }}" })
    assert.strictEqual(errorOf(cycle).kind, "limit")
    assert.strictEqual(errorOf("{{ c | tojson }}", { c: cycle }).kind, "limit")
    const other: Record<string, never> = {}
    Object.assign(other, { self: other, text: "{{ x }}" })
    assert.strictEqual(errorOf("{{ c == d }}", { c: cycle, d: other }).kind, "limit")
  })

  it("gives up when references lead to references for ever", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const template = yield* Template
        let n = 0
        const next = () => ({ _ref: `noetl://execution/1/result/x/${n++}` })
        const error = yield* Effect.flip(
          template.render(`{{ x${".next".repeat(60)} }}`, {
            layers: [{ x: next() }],
            resolve: () => Effect.succeed({ next: next() })
          })
        )
        assert.strictEqual(error.kind, "limit")
      }).pipe(Effect.provide(Template.layer))
    ))

  it.live("lets others run, and ends by the clock", () =>
    Effect.gen(function* () {
      const slow = Template.layerWith({
        limits: { templateSize: 1e6, outputSize: 1e12, steps: 1e12, iterations: 1e12, millis: 50 }
      })
      const start = yield* Clock.currentTimeMillis
      const fiber = yield* Effect.forkChild(
        Effect.flatMap(Template, (template) =>
          template.render(
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            { layers: [] }
          )
        ).pipe(Effect.provide(slow), Effect.flip)
      )
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(
        error._tag === "TemplateError" && error.detail,
        "the template runs for more than 50 ms"
      )
      assert.isBelow((yield* Clock.currentTimeMillis) - start, 1_000)
    })
  )

  it.effect("forgets templates that were not used lately", () =>
    Effect.gen(function* () {
      const template = yield* Template
      const before = process.memoryUsage().heapUsed
      for (let i = 0; i < 20_000; i++)
        yield* template.render(`{{ a }} ${i} ${long.slice(0, 500)}`, { layers: [{ a: 1 }] })
      assert.isBelow(process.memoryUsage().heapUsed - before, 150_000_000)
    }).pipe(Effect.provide(Template.layer))
  )
})
