import { assert, describe, it } from "@effect/vitest"
import { HashMap } from "effect"
import { resultOf } from "../../src/playbook/engine/Engine.ts"
import type { IssuedCommand } from "../../src/playbook/engine/Event.ts"
import { broken, done, entered, simulate, workflow } from "../support/simulated.ts"

const step = (name: string, more = "") => `- step: ${name}\n  tool: {kind: noop}\n${more}`
const to = (...names: ReadonlyArray<string>) =>
  `  next: {arcs: [${names.map((name) => `{step: ${name}}`).join(", ")}]}\n`
const all = (...names: ReadonlyArray<string>) =>
  `  next: {spec: {mode: inclusive}, arcs: [${names.map((name) => `{step: ${name}}`).join(", ")}]}\n`

const failing =
  (...names: ReadonlyArray<string>) =>
  (command: IssuedCommand) =>
    names.includes(command.step) ? broken() : done()

describe("A run of a playbook", () => {
  it("takes the first arc that matches, and ends a branch where none does", () => {
    const playbook = workflow(
      step(
        "start",
        "  next:\n    arcs:\n    - {step: a, when: '{{ n > 5 }}'}\n    - {step: b, when: '{{ n > 1 }}'}\n    - {step: c}\n"
      ) +
        step("a") +
        step("b", "  next: {arcs: [{step: c, when: '{{ false }}'}]}\n") +
        step("c"),
      "workload: {n: 3}"
    )
    const run = simulate(playbook)
    assert.deepStrictEqual(entered(run), ["start", "b"])
    assert.strictEqual(run.ending, "completed")
    assert.isTrue(run.log.some(({ type }) => type === "next.no_match"))
  })

  it("starts at the target, else the playbook's entry, else start, else the first step", () => {
    const steps = step("one") + step("start") + step("two")
    assert.deepStrictEqual(entered(simulate(workflow(steps), { target: "two" })), ["two"])
    assert.deepStrictEqual(entered(simulate(workflow(steps, "executor: {spec: {entry_step: one}}"))), ["one"])
    assert.deepStrictEqual(entered(simulate(workflow(steps))), ["start"])
    assert.deepStrictEqual(entered(simulate(workflow(step("x") + step("y")))), ["x"])
  })

  it("runs a join once, after every branch that is alive, whichever branch is late", () => {
    const playbook = workflow(
      step("start", all("a", "b")) +
        step("a", to("join")) +
        step("b", to("c")) +
        step("c", to("join")) +
        step("join")
    )
    for (const last of ["a", "b"]) {
      const run = simulate(playbook, {
        choose: (open) => open.find((id) => !id.startsWith(`${last}:`)) ?? open[0] ?? ""
      })
      assert.deepStrictEqual(
        entered(run).filter((name) => name === "join"),
        ["join"]
      )
      assert.strictEqual(entered(run).at(-1), "join")
    }
  })

  it("does not wait at a join for a branch that was never taken", () => {
    const playbook = workflow(
      step(
        "start",
        "  next: {spec: {mode: inclusive}, arcs: [{step: a}, {step: b, when: '{{ false }}'}]}\n"
      ) +
        step("a", to("join")) +
        step("b", to("join")) +
        step("join")
    )
    assert.deepStrictEqual(entered(simulate(playbook)), ["start", "a", "join"])
  })

  it("goes round an arc that leads back until its condition ends it", () => {
    const playbook = workflow(
      "- step: start\n  tool: {kind: noop}\n  set: {ctx.n: '{{ (ctx.n | default(0) | int) + 1 }}'}\n  next: {arcs: [{step: start, when: '{{ ctx.n < 4 }}'}, {step: end}]}\n" +
        step("end")
    )
    const run = simulate(playbook)
    assert.deepStrictEqual(entered(run), ["start", "start", "start", "start", "end"])
    assert.deepStrictEqual(run.state.ctx, { n: 4 })
  })

  it("takes a step that is not admitted off the way, its arcs with it", () => {
    const rules =
      "  spec: {policy: {admit: {rules: [{when: '{{ on }}', then: {allow: true}}, {else: {then: {allow: false}}}]}}}\n"
    const playbook = (on: boolean) =>
      workflow(step("start", rules + to("end")) + step("end"), `workload: {on: ${on}}`)
    assert.deepStrictEqual(entered(simulate(playbook(true))), ["start", "end"])
    const denied = simulate(playbook(false))
    assert.deepStrictEqual(entered(denied), [])
    assert.strictEqual(denied.ending, "completed")
    assert.isTrue(denied.log.some(({ type }) => type === "step.denied"))
  })

  it("fails when no arc takes up a failure, and enters no other step", () => {
    const playbook = workflow(
      step("start", all("a", "b")) + step("a", to("c")) + step("b", to("c")) + step("c")
    )
    const run = simulate(playbook, { answer: failing("a") })
    assert.strictEqual(run.ending, "failed")
    assert.notInclude(entered(run), "c")
    assert.deepStrictEqual(
      run.state.failures.map(({ error, step: name }) => [name, error.message]),
      [["a", "it broke"]]
    )
  })

  it.each([
    ["{{ event.name == 'call.error' }}"],
    ["{{ event.name == 'step.failed' }}"],
    ["{{ output.status == 'error' }}"],
    ["{{ error.kind == 'tool_error' }}"],
    ["error is defined and error"]
  ])("lets the arc with %s take up a failure", (when) => {
    const playbook = workflow(
      step("start", `  next: {arcs: [{step: ok}, {step: mend, when: "${when}"}]}\n`) +
        step("ok") +
        step("mend")
    )
    const run = simulate(playbook, { answer: failing("start") })
    assert.deepStrictEqual(entered(run), ["start", "mend"])
    assert.strictEqual(run.ending, "completed")
  })

  it("does not take a text that only mentions an error for a guard about it", () => {
    const playbook = workflow(
      step("start", `  next: {arcs: [{step: ok, when: "{{ 'error' == 'error' }}"}]}\n`) + step("ok")
    )
    assert.strictEqual(simulate(playbook, { answer: failing("start") }).ending, "failed")
  })

  it("runs the final step once, after success and after a failure, and not after a cancellation", () => {
    const playbook = workflow(
      step("start") + step("tidy", to("start")),
      "executor: {spec: {final_step: tidy}}"
    )
    assert.deepStrictEqual(entered(simulate(playbook)), ["start", "tidy"])
    const failed = simulate(playbook, { answer: failing("start") })
    assert.deepStrictEqual([entered(failed), failed.ending], [["start", "tidy"], "failed"])
    const cancelled = simulate(playbook, {
      choose: () => "",
      onIdle: () => ({ type: "cancelled", at: 1, reason: "a test" })
    })
    assert.deepStrictEqual([entered(cancelled), cancelled.ending], [["start"], "cancelled"])
  })

  it("fails a step whose arcs all do not match where the playbook asks for that", () => {
    const playbook = workflow(
      step("start", "  next: {arcs: [{step: start, when: '{{ false }}'}]}\n"),
      "executor: {spec: {no_next_is_error: true}}"
    )
    const run = simulate(playbook)
    assert.deepStrictEqual([run.ending, run.state.failures[0]?.error.kind], ["failed", "no_next"])
  })

  it("stops a step that takes too long, and ignores what its command answers later", () => {
    const playbook = workflow(step("start", "  timeout: 5s\n" + to("end")) + step("end"))
    const late = simulate(playbook, {
      choose: () => "",
      onIdle: ([timer]) => (timer === undefined ? undefined : { type: "timer", at: 5000, timer })
    })
    assert.deepStrictEqual([late.ending, late.state.failures[0]?.error.kind], ["failed", "timeout"])
    assert.strictEqual(late.open.size, 0)
  })

  it("fails a run whose arcs lead back for ever", () => {
    const playbook = workflow(step("start", to("start")))
    const run = simulate(playbook, { options: { maxStepRuns: 50 } })
    assert.deepStrictEqual([run.ending, run.state.failures[0]?.error.kind], ["failed", "no_progress"])
    const idle = simulate(playbook, { options: { maxIdleRuns: 10 } })
    assert.strictEqual(entered(idle).length, 11)
  })

  it("replaces values of the workload by the payload's, and works out its templates once", () => {
    const playbook = workflow(
      step("start"),
      "workload: {a: {x: 1, y: 2}, b: '{{ payload.b | default(7) }}', id: '{{ job.uuid }}', c: '{{ nowhere.at.all }}'}"
    )
    const run = simulate(playbook, { payload: { a: { x: 3 } } })
    assert.deepStrictEqual(run.state.workload, { a: { x: 3 }, b: 7, id: "1", c: null })
  })

  it("sets all values of a block against the state before it", () => {
    const playbook = workflow(
      "- step: start\n  tool: {kind: noop}\n  set: {ctx.a: '{{ ctx.b }}', ctx.b: '{{ ctx.a }}', ctx.deep.er: 1, bare: 2}\n",
      "workload: {a: 1, b: 2}"
    )
    assert.deepStrictEqual(simulate(playbook).state.ctx, { a: 2, b: 1, deep: { er: 1 }, bare: 2 })
  })

  it("does not apply the set of a failed step", () => {
    const playbook = workflow(
      "- step: start\n  tool: {kind: noop}\n  set: {ctx.a: 1}\n  next: {arcs: [{step: end, when: '{{ error.message }}', set: {ctx.why: '{{ error.message }}'}}]}\n" +
        step("end")
    )
    assert.deepStrictEqual(simulate(playbook, { answer: failing("start") }).state.ctx, { why: "it broke" })
  })

  it("gives a command what its templates read: nearer names win", () => {
    const playbook = workflow(
      "- step: one\n  tool: {kind: noop}\n  set: {ctx.one: from ctx, ctx.w: 5}\n  next: {arcs: [{step: two}]}\n- step: two\n  tool: {kind: noop, message: '{{ one }} {{ w }} {{ workload.w }} {{ three }}'}\n",
      "workload: {w: 1, three: 3}"
    )
    const run = simulate(playbook, { answers: 1 })
    const [command] = run.open.values()
    assert.deepInclude(command?.context, { one: "from ctx", w: 5, three: 3, workload: { w: 1, three: 3 } })
    assert.deepInclude(command?.context["ctx"] as object, { w: 5, three: 3 })
  })

  it("evaluates a guard that cannot be worked out as false, and says so", () => {
    const playbook = workflow(
      step("start", "  next: {arcs: [{step: a, when: '{{ nowhere + 1 }}'}, {step: b}]}\n") +
        step("a") +
        step("b")
    )
    const run = simulate(playbook)
    assert.deepStrictEqual(entered(run), ["start", "b"])
    assert.isTrue(run.log.some(({ type }) => type === "guard.error"))
  })

  it("gives the value of a step, or of the one that completed last", () => {
    const playbook = workflow(step("start", to("end")) + step("end"))
    const { state } = simulate(playbook, { answer: ({ step: name }) => done({ name }) })
    assert.deepStrictEqual(
      [resultOf(state, undefined), resultOf(state, "start"), resultOf(state, "no")],
      [{ name: "end" }, { name: "start" }, null]
    )
    assert.strictEqual(HashMap.size(state.steps), 2)
  })
})
