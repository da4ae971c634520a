import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { JsonObject } from "../../src/domain/Json.ts"
import { aCommand, work, world } from "./pipelineWorld.ts"

const names = [
  "action",
  "step",
  "node_name",
  "attempt",
  "execution_id",
  "command_id",
  "server_url",
  "results",
  "vars",
  "output",
  "_task",
  "_attempt",
  "job",
  "steps"
]
const authors: JsonObject = Object.fromEntries(names.map((name) => [name, `author's ${name}`]))
const read = Object.fromEntries(names.map((name) => [name, `{{ ${name} }}`]))

const worked = (config: Parameters<typeof aCommand>[0], context: JsonObject) => {
  const { calls, layer } = world()
  return Effect.map(work(aCommand(config, { context })), (result) => ({ result, calls })).pipe(
    Effect.provide(layer)
  )
}

describe("The author's names", () => {
  it.effect.each<readonly [string, JsonObject]>([
    ["beside the workload", { ...authors, workload: authors }],
    ["only in the workload", { workload: authors }],
    ["only in ctx", { ctx: authors }],
    ["only in iter", { iter: authors }]
  ])("win over the worker's in settings and arguments, where they are %s", ([, context]) =>
    Effect.gen(function* () {
      const { calls } = yield* worked({ read, input: read }, context)
      assert.deepStrictEqual(calls[0]?.config["read"], authors)
      assert.deepStrictEqual(calls[0]?.args, authors)
    })
  )

  it.effect("win in what a program gets", () =>
    Effect.gen(function* () {
      const { calls } = yield* worked({}, { ...authors, workload: authors })
      assert.deepInclude(calls[0]?.variables, authors)
    })
  )

  it.effect(
    "win behind the first task of a pipeline, where output and results have values of their own",
    () =>
      Effect.gen(function* () {
        const first = { name: "first", kind: "stub", answers: [{ x: 1 }] }
        const second = {
          name: "second",
          kind: "stub",
          read: { output: "{{ output }}", results: "{{ results }}" }
        }
        const { calls } = yield* worked([first, second], authors)
        assert.deepStrictEqual(calls[1]?.config["read"], {
          output: "author's output",
          results: "author's results"
        })
      })
  )

  it.effect("win in rules, save output, which is what rules are about", () =>
    Effect.gen(function* () {
      const rules = [
        { when: "{{ action == 'python' or step == 'work' }}", then: { do: "fail" } },
        {
          when: "{{ action == 'list_users' and step == 's1' and output.status == 'ok' }}",
          then: { set: { way: "right" } }
        }
      ]
      const context = { workload: { action: "list_users", step: "s1", output: "csv" } }
      const { result } = yield* worked({ answers: [1], spec: { policy: { rules } } }, context)
      assert.deepStrictEqual(result.contextUpdates, { "ctx.way": "right" })
    })
  )

  it.effect("leave the worker's where the author has none", () =>
    Effect.gen(function* () {
      const { calls } = yield* worked(
        { text: "{{ step }} {{ action }} {{ _task }} {{ attempt }}" },
        { workload: {} }
      )
      assert.strictEqual(calls[0]?.config["text"], "work stub work 1")
    })
  )
})
