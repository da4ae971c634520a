/** Renderings a second, and what a large context costs. Run with `node bench/template.ts`. */
import { Effect } from "effect"
import type { Json } from "../src/domain/Json.ts"
import { Template } from "../src/template/Template.ts"

const rows = Array.from({ length: 20_000 }, (_, i) => ({ id: i, name: `user ${i}`, tags: ["a", "b"] }))
const layers = [
  { api_url: "http://api", ctx: { page: 3 }, start: { rows }, execution_id: "7670000000000000123" }
]

const cases: ReadonlyArray<readonly [string, Json]> = [
  ["a path", "{{ ctx.page }}"],
  ["a path with an index into 20 000 rows", "{{ start.rows[-1].name }}"],
  ["text with two holes", "{{ api_url }}/v1/items?page={{ ctx.page }}"],
  ["filters", "{{ (ctx.page | int) + 1 }}"],
  [
    "a configuration of ten keys",
    {
      url: "{{ api_url }}/items",
      method: "GET",
      headers: { "x-execution": "{{ execution_id }}", accept: "application/json" },
      params: { page: "{{ ctx.page }}", size: 10, from: "{{ (ctx.page | int) * 10 }}" },
      timeout: 30,
      body: { id: "{{ execution_id }}", items: ["{{ ctx.page }}", 2, 3] }
    }
  ],
  ["a loop of 100 rows", "{% for r in start.rows[:100] %}{{ r.id }},{{ r.name }};{% endfor %}"],
  ["tojson of 20 000 rows", "{{ start.rows | tojson | length }}"]
]

const program = Effect.gen(function* () {
  const template = yield* Template
  for (const [name, source] of cases) {
    const once = template.render(source, { layers })
    for (let i = 0; i < 50; i++) yield* once
    const start = performance.now()
    let count = 0
    while (performance.now() - start < 500) {
      yield* once
      count++
    }
    const micros = ((performance.now() - start) * 1000) / count
    yield* Effect.sync(() => console.log(`${name.padEnd(40)} ${micros.toFixed(1).padStart(10)} µs`))
  }
})

Effect.runSync(program.pipe(Effect.provide(Template.layer)))
