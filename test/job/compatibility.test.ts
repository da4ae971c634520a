import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Json, JsonObject } from "../../src/domain/Json.ts"
import { Template } from "../../src/template/Template.ts"
import { WorkerConfig, type WorkerSettings } from "../../src/WorkerConfig.ts"
import { aCommand, failing, task, work, world } from "./pipelineWorld.ts"

const worked = (settings: Partial<WorkerSettings>, config: Json) =>
  work(aCommand(config)).pipe(Effect.provide(Layer.mergeAll(world().layer, WorkerConfig.layer(settings))))

const answering = (answer: Json, more: JsonObject = {}) => task([], [{ data: answer }], more)

const verdicts: ReadonlyArray<readonly [string, Json, fails: boolean]> = [
  ["status error", { status: "error", message: "no rows" }, true],
  ["status failed", { status: "FAILED" }, true],
  ["status error in a member", { check: { status: "error" } }, true],
  ["status failed in a member", { check: { status: "failed" } }, false],
  ["status error deeper", { check: { deep: { status: "error" } } }, false],
  ["another status", { status: "ok" }, false],
  ["no object", ["error"], false]
]

describe("1.5 NOETL_COMPAT_STATUS_IN_DATA", () => {
  it.effect.each(verdicts)("off: data with %s is a value", ([, data]) =>
    Effect.gen(function* () {
      const result = yield* worked({}, answering(data))
      assert.strictEqual(result.status, "success")
      assert.deepStrictEqual(result.data, data)
    })
  )

  it.effect.each(verdicts)("on: data with %s", ([, data, fails]) =>
    Effect.gen(function* () {
      const result = yield* worked({ statusInData: true }, answering(data))
      assert.strictEqual(result.status, fails ? "error" : "success")
      assert.deepStrictEqual(result.data, data)
    })
  )

  it.effect("on: the data of a tool is left alone that declares its status to be data", () =>
    Effect.gen(function* () {
      const agent = { ...task([], [{ data: { status: "error" } }]), kind: "agent" }
      assert.strictEqual((yield* worked({ statusInData: true }, [agent])).status, "success")
    })
  )

  it.effect("on: the failure has the data's own words, and rules can handle it", () =>
    Effect.gen(function* () {
      const data = { status: "error", message: "no rows" }
      const failed = yield* worked({ statusInData: true }, answering(data))
      assert.deepInclude(failed.error, { kind: "tool_error", message: "no rows" })
      const handled = yield* worked(
        { statusInData: true },
        task([{ when: "{{ output.status == 'error' }}", then: { do: "continue" } }], [{ data }])
      )
      assert.strictEqual(handled.status, "success")
    })
  )
})

describe("1.5 NOETL_COMPAT_LENIENT_TOOL_STATUS", () => {
  const answered = task([], [{ error: 503, data: { status_code: 503 } }])

  it.effect("off: a failure that is answered fails the step", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* worked({}, answered)).status, "error")
    })
  )

  it.effect("on: it ends well, with the tool's data", () =>
    Effect.gen(function* () {
      const result = yield* worked({ lenientStatus: true }, answered)
      assert.strictEqual(result.status, "success")
      assert.isUndefined(result.error)
      assert.deepStrictEqual(result.data, { status_code: 503 })
    })
  )

  it.effect("on: a pipeline ends well too, and says at which task it stopped", () =>
    Effect.gen(function* () {
      const result = yield* worked({ lenientStatus: true }, [
        { name: "a", kind: "stub", id: "a", answers: failing },
        { name: "b", kind: "stub", id: "b", answers: ["never"] }
      ])
      assert.strictEqual(result.status, "success")
      assert.deepInclude(result.data as JsonObject, { failed_task: 0 })
    })
  )

  it.effect("on: a failure that is thrown fails the step all the same", () =>
    Effect.gen(function* () {
      const result = yield* worked({ lenientStatus: true }, task([], [{ throw: { kind: "connection" } }]))
      assert.strictEqual(result.status, "error")
    })
  )
})

describe("2.5 NOETL_COMPAT_RETYPE_STRINGS", () => {
  const source = {
    two: "{{ a }}{{ b }}",
    zip: "{{ zip }}",
    code: "{{ no }}",
    flag: "{{ flag }}",
    list: "[{{ a }}]",
    plain: "12"
  }
  const rendered = (options: { readonly retypeStrings: boolean }) =>
    Effect.flatMap(Template, (template) =>
      template.render(source, { layers: [{ a: 1, b: 2, zip: "00501", no: "501", flag: "true" }] })
    ).pipe(Effect.provide(Template.layerWith(options)))

  it.effect("off: text is text", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* rendered({ retypeStrings: false }), {
        two: "12",
        zip: "00501",
        code: "501",
        flag: "true",
        list: "[1]",
        plain: "12"
      })
    })
  )

  it.effect("on: text that is JSON is its value, and what is no template stays", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* rendered({ retypeStrings: true }), {
        two: 12,
        zip: "00501",
        code: 501,
        flag: true,
        list: [1],
        plain: "12"
      })
    })
  )
})
