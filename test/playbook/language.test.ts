import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { load } from "../../src/playbook/load.ts"
import { textOf } from "../../src/playbook/Problem.ts"
import { randomOf, simulate } from "../support/simulated.ts"

const head = "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: test}\n"
const errorsIn = (text: string, options = {}) =>
  load("p.yaml", text, options)
    .problems.filter(({ level }) => level === "error")
    .map(textOf)
const problemsIn = (text: string) => load("p.yaml", text).problems.map(textOf)

/** A step of a workflow that is right but for one thing. */
const withStep = (step: string) => `${head}workflow:\n- step: start\n${step}`

describe("A playbook with a mistake", () => {
  it.each([
    [
      "an unknown version",
      `apiVersion: noetl.io/v3\nkind: Playbook\nmetadata: {name: a}\nworkflow: [{step: a}]`,
      /p.yaml:1:1: error: apiVersion: expected noetl.io\/v2 or noetl.io\/v10/
    ],
    [
      "the legacy version",
      `apiVersion: noetl.io/v1\nkind: Playbook\nmetadata: {name: a}\nworkflow: [{step: a}]`,
      /legacy dialect/
    ],
    ["no name", `apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {}\nworkflow: [{step: a}]`, /no name/],
    [
      "no workflow",
      `apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: a}\n`,
      /workflow: missing key/
    ],
    ["an empty workflow", `${head}workflow: []\n`, /the workflow has no step/],
    [
      "a key twice",
      `${head}workflow:\n- step: a\n  step: b\n`,
      /p.yaml:6:3: error: .*[Mm]ap keys must be unique/
    ],
    [
      "two steps of one name",
      `${head}workflow:\n- step: a\n- step: a\n`,
      /p.yaml:6:3: error: workflow\[1\].step: two steps have the name "a"/
    ],
    [
      "an unknown key",
      withStep("  tol: {kind: noop}\n"),
      /p.yaml:6:3: error: workflow\[0\].tol: a step has no key "tol"\n {4}fix: did you mean "tool"\?/
    ],
    [
      "a tool's key beside the tool",
      withStep("  tool: {kind: postgres, query: x}\n  command: SELECT 1\n"),
      /settings of the tool belong into it/
    ],
    ["a command without a tool", withStep("  command: SELECT 1\n"), /a tool is required/],
    [
      "an unknown tool",
      withStep("  tool: {kind: pyton, code: x}\n"),
      /p.yaml:6:10: error: workflow\[0\].tool.kind: there is no tool "pyton"\n {4}fix: did you mean "python"\?/
    ],
    ["a tool that is a word", withStep("  tool: python\n"), /dialect v1/],
    [
      "an arc to nowhere",
      `${head}workflow:\n- step: start\n  next: {arcs: [{step: ende}]}\n- step: end\n`,
      /p.yaml:6:18: error: workflow\[0\].next.arcs\[0\].step: there is no step "ende"\n {4}fix: did you mean "end"\?/
    ],
    [
      "an unknown final step",
      `${head}executor: {spec: {final_step: tidi}}\nworkflow:\n- step: tidy\n`,
      /executor.spec.final_step: there is no step "tidi"\n {4}fix: did you mean "tidy"\?/
    ],
    [
      "an unknown tool that it requires",
      `${head}executor: {requires: {tools: [kafka]}}\nworkflow:\n- step: a\n`,
      /this runtime has no tool "kafka"/
    ],
    [
      "an unknown profile",
      `${head}executor: {profile: remote}\nworkflow:\n- step: a\n`,
      /executor.profile: expected local, distributed or auto/
    ],
    ["a pipeline of nothing", withStep("  tool: []\n"), /a pipeline has at least one task/],
    [
      "two tasks of one name",
      withStep("  tool: [{name: a, kind: noop}, {name: a, kind: noop}]\n"),
      /two tasks of this step have the label "a"/
    ],
    [
      "a jump to nowhere",
      withStep("  tool: [{name: a, kind: noop, spec: {policy: {rules: [{then: {do: jump, to: b}}]}}}]\n"),
      /the step has no task "b"/
    ],
    [
      "a jump that names nothing",
      withStep("  tool: [{name: a, kind: noop, spec: {policy: {rules: [{then: {do: jump}}]}}}]\n"),
      /jump does not say where to/
    ],
    [
      "an unknown verb",
      withStep("  tool: [{name: a, kind: noop, spec: {policy: {rules: [{then: {do: again}}]}}}]\n"),
      /\.then\.do: expected one of continue, retry, jump, break, fail/
    ],
    ["SQL that is not there", withStep("  tool: {kind: postgres, auth: pg}\n"), /no sql command provided/],
    ["Python without code", withStep("  tool: {kind: python}\n"), /python has no code/],
    [
      "a loop over nothing",
      withStep("  loop: {iterator: x}\n  tool: {kind: noop}\n"),
      /the loop has nothing to loop over/
    ],
    ["a loop without an iterator", withStep("  loop: {in: [1]}\n  tool: {kind: noop}\n"), /loop.iterator/],
    [
      "a loop of an unknown mode",
      withStep("  loop: {in: [1], iterator: x, spec: {mode: fast}}\n  tool: {kind: noop}\n"),
      /expected one of sequential, parallel, cursor/
    ],
    [
      "too few in flight",
      withStep(
        "  loop: {in: [1], iterator: x, spec: {mode: parallel, max_in_flight: 0}}\n  tool: {kind: noop}\n"
      ),
      /expected at least 1/
    ],
    [
      "an unknown entry of the workbook",
      `${head}workbook: [{name: greet, tool: {kind: noop}}]\nworkflow:\n- step: a\n  tool: {kind: workbook, name: gret}\n`,
      /the workbook has no entry "gret"\n {4}fix: did you mean "greet"\?/
    ],
    [
      "a template that cannot be read",
      withStep("  tool: {kind: noop, message: '{{ a + }}'}\n"),
      /p.yaml:6:22: error: workflow\[0\].tool.message: the template cannot be read/
    ],
    [
      "braces of another program",
      withStep("  tool: {kind: shell, cmds: [\"docker inspect -f '{{.State}}'\"]}\n"),
      /\{% raw %\}/
    ],
    [
      "a case that does more than route",
      withStep("  tool: {kind: noop}\n  case: [{when: x, then: {retry: {max_attempts: 3}}}]\n"),
      /case is of an older dialect/
    ],
    [
      "an admission without allow",
      withStep("  tool: {kind: noop}\n  spec: {policy: {admit: {rules: [{when: true, then: {}}]}}}\n"),
      /says no allow/
    ],
    ["a time that is none", withStep("  tool: {kind: noop}\n  timeout: soon\n"), /"soon" is no time/],
    ["a list as the file", "- a\n", /it is not a mapping/],
    ["text as a step", `${head}workflow: [a]\n`, /p.yaml:4:12: error: workflow\[0\]: expected/]
  ])("%s is told with its place and what to write", (_, text, expected) => {
    assert.match(errorsIn(text).join("\n"), expected)
  })

  it("is told together with all the others", () => {
    const text = `${head}workflow:\n- step: a\n  tol: 1\n  next: {arcs: [{step: x}, {step: y}]}\n- step: a\n  tool: {kind: nope}\n`
    assert.strictEqual(errorsIn(text).length, 5)
  })

  it("that is of an older dialect is a warning, and an error where that is asked for", () => {
    const text = `${head}workflow:\n- step: a\n  tool: {kind: noop}\n  next: b\n- step: b\n  tool: {kind: noop}\n`
    assert.deepStrictEqual(errorsIn(text), [])
    assert.match(
      problemsIn(text).join("\n"),
      /p.yaml:7:3: warning: workflow\[0\].next: a name or a list under next is an older dialect/
    )
    assert.strictEqual(errorsIn(text, { strict: true }).length, 1)
    assert.match(errorsIn(text, { normalise: false }).join("\n"), /expected \{spec, arcs\}/)
  })
})

describe("A file that is too much", () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 12 }, (_, i) => `${String.fromCharCode(98 + i)}: &${String.fromCharCode(98 + i)} [${Array.from({ length: 9 }, () => `*${String.fromCharCode(97 + i)}`).join(",")}]`).join("\n")}\n`
  it.each([
    ["anchors that expand to billions", bomb, /more than 200000 values|Excessive alias/],
    ["brackets without end", "[".repeat(100_000), /nested deeper/],
    ["lists in lists", `a:\n${"- ".repeat(5000)}x\n`, /nested deeper/],
    ["ten megabytes", `a: ${"x".repeat(10 * 1024 * 1024)}`, /has \d+ bytes/],
    ["a NUL in a name", `${head}workflow:\n- step: "a\0b"\n`, /p.yaml:5:11: error: .*does not allow/],
    ["half a character", `${head}workflow:\n- step: "a\ud800"\n`, /does not allow/],
    ["a mapping as a key", "{a: 1}: 2\n", /key of a mapping/]
  ])("is refused: %s", (_, text, expected) => {
    assert.match(errorsIn(text).join("\n"), expected)
  })

  it("may have names in any alphabet", () => {
    const loaded = load(
      "p.yaml",
      `${head}workflow:\n- step: "начало 開始 🚀"\n  tool: {kind: noop}\n  next: {arcs: [{step: "конец‏"}]}\n- step: "конец‏"\n  tool: {kind: noop}\n`
    )
    assert.deepStrictEqual([...(loaded.playbook?.steps.keys() ?? [])], ["начало 開始 🚀", "конец‏"])
  })
})

describe("A fixture with one mutation", () => {
  const files = globSync("test/fixtures/{playbooks,ops}/**/*.yaml").filter(
    (file) => !/expectations|world/.test(file)
  )

  /** Lines are removed, doubled, indented; words are changed; characters are put in. */
  const mutations: ReadonlyArray<
    (lines: ReadonlyArray<string>, at: number, random: (below: number) => number) => ReadonlyArray<string>
  > = [
    (lines, at) => lines.filter((_, i) => i !== at),
    (lines, at) => lines.flatMap((line, i) => (i === at ? [line, line] : [line])),
    (lines, at) => lines.map((line, i) => (i === at ? `  ${line}` : line)),
    (lines, at) => lines.map((line, i) => (i === at ? line.replace(/: .*/, ": 5") : line)),
    (lines, at) => lines.map((line, i) => (i === at ? line.replace(/: .*/, ": [a, {b: c}]") : line)),
    (lines, at) => lines.map((line, i) => (i === at ? line.replace(/: .*/, ": null") : line)),
    (lines, at) => lines.map((line, i) => (i === at ? line.replace(/(\w+):/, "$1x:") : line)),
    (lines, at) => lines.map((line, i) => (i === at ? line.replace(/step: .*/, "step: nowhere") : line)),
    (lines, at) => lines.map((line, i) => (i === at ? line.replaceAll("}}", "}") : line)),
    (lines, at, random) => lines.map((line, i) => (i === at ? line.slice(0, random(line.length + 1)) : line)),
    (lines, at) => lines.map((line, i) => (i === at ? `${line}\u0000` : line)),
    (lines, at) => lines.map((line, i) => (i === at ? `${line} *nowhere` : line))
  ]

  it("is a playbook whose run ends, or is refused with a place: it never breaks the reader", () => {
    let refused = 0
    for (const [index, file] of files.entries()) {
      const lines = readFileSync(file, "utf8").split("\n")
      for (let n = 0; n < 30; n++) {
        const random = randomOf(index * 1000 + n)
        const mutate = mutations[random(mutations.length)] ?? ((same: ReadonlyArray<string>) => same)
        const text = mutate(lines, random(lines.length), random).join("\n")
        const { playbook, problems } = load(file, text)
        const errors = problems.filter(({ level }) => level === "error")
        assert.strictEqual(playbook === undefined, errors.length > 0, file)
        if (errors.length > 0) refused += 1
        if (playbook !== undefined)
          assert.isDefined(simulate(playbook, { options: { maxStepRuns: 100 } }).ending, file)
        assert.isTrue(
          errors.every(({ column, line }) => line > 0 && column > 0),
          `${file}: ${errors.map(textOf).join("\n")}`
        )
      }
    }
    assert.isAbove(refused, 100)
  })
})
