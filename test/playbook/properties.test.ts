/** What is true of every run, on graphs that are made by chance. */
import { assert, describe, it } from "@effect/vitest"
import { HashMap } from "effect"
import type { CommandResult, IssuedCommand } from "../../src/playbook/engine/Event.ts"
import type { Playbook } from "../../src/playbook/Playbook.ts"
import { broken, done, entered, playbookOf, randomOf, type Run, simulate } from "../support/simulated.ts"

type Random = (below: number) => number

const guards = [
  "",
  "",
  "{{ ctx.n > 2 }}",
  "{{ ctx.n % 2 == 0 }}",
  "{{ output.status == 'error' }}",
  "{{ event.name == 'loop.done' }}",
  "{{ false }}"
]

interface Shape {
  readonly inclusive: boolean
  readonly circles: boolean
}

const randomPlaybook = (random: Random, { circles, inclusive }: Shape): Playbook => {
  const count = 2 + random(10)
  const step = (index: number): string => {
    const arcs = Array.from({ length: random(4) }, () => {
      const target = circles ? random(count) : index + 1 + random(Math.max(1, count - index - 1))
      const when = guards[random(guards.length)] ?? ""
      return `{step: s${Math.min(target, count - 1)}${when === "" ? "" : `, when: "${when}"`}, set: {ctx.n: '{{ (ctx.n | default(0) | int) + 1 }}'}}`
    }).filter((_, i) => circles || index < count - 1 || i < 0)
    const mode = inclusive && random(2) === 0 ? "inclusive" : "exclusive"
    const loop =
      random(5) === 0
        ? `  loop: {in: ${random(4)}, iterator: x, spec: {mode: ${random(2) === 0 ? "parallel" : "sequential"}, max_in_flight: 2}}\n`
        : ""
    const deny =
      random(8) === 0
        ? "  spec: {policy: {admit: {rules: [{when: '{{ ctx.n > 3 }}', then: {allow: false}}]}}}\n"
        : ""
    return `- step: s${index}\n  tool: {kind: noop}\n${loop}${deny}  next: {spec: {mode: ${mode}}, arcs: [${arcs.join(", ")}]}`
  }
  const final = random(3) === 0 ? "executor: {spec: {final_step: s0}}\n" : ""
  return playbookOf(
    `apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: random}\n${final}workload: {n: 0}\nworkflow:\n${Array.from({ length: count }, (_, i) => step(i)).join("\n")}\n`
  )
}

/** The answer depends on the command alone, so that the order of answers cannot change it. */
const answerOf =
  (seed: number) =>
  ({ context, id, step }: IssuedCommand): CommandResult =>
    randomOf(seed + step.length * 7 + Array.from(id).reduce((sum, c) => sum * 31 + c.charCodeAt(0), 7))(9) ===
    0
      ? broken()
      : done({ step, index: context["loop_index"] ?? null })

const limit = { maxStepRuns: 300 }

const runOf = (playbook: Playbook, seed: number, order: Random): Run =>
  simulate(playbook, {
    answer: answerOf(seed),
    options: limit,
    choose: (open) => open[order(Math.max(1, open.length))] ?? ""
  })

const seeds = Array.from({ length: 400 }, (_, i) => i + 1)

/** What may not depend on the order of answers. */
const outcomeOf = ({ ending, state }: Run) => ({
  ending,
  ctx: state.ctx,
  results: new Map(HashMap.toEntries(state.results)),
  steps: new Map(HashMap.toEntries(state.steps)),
  failures: state.failures
})

const forAll = (shape: Shape, check: (playbook: Playbook, seed: number, random: Random) => void) => {
  for (const seed of seeds) {
    const random = randomOf(seed)
    const playbook = randomPlaybook(random, shape)
    try {
      check(playbook, seed, random)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
}

describe("Every run", () => {
  it("ends, circles included, and leaves nothing in flight", () => {
    const endings = new Set<string | undefined>()
    forAll({ inclusive: true, circles: true }, (playbook, seed, random) => {
      const run = runOf(playbook, seed, random)
      endings.add(run.ending)
      assert.isDefined(run.ending)
      assert.deepStrictEqual([run.open.size, run.state.running.size, run.state.waiting.size], [0, 0, 0])
      assert.strictEqual(HashMap.size(run.state.commands), 0)
    })
    assert.deepStrictEqual(endings, new Set(["completed", "failed"]))
  })

  it("enters no step twice for one token", () => {
    forAll({ inclusive: true, circles: true }, (playbook, seed, random) => {
      const { log } = runOf(playbook, seed, random)
      const tokens = log.flatMap(({ meta, type }) =>
        type === "step.enter" ? (meta?.["tokens"] as ReadonlyArray<number>) : []
      )
      assert.strictEqual(new Set(tokens).size, tokens.length)
      assert.isTrue(
        log
          .filter(({ type }) => type === "step.enter")
          .every(({ meta }) => ((meta?.["tokens"] ?? []) as ReadonlyArray<number>).length > 0)
      )
    })
  })

  it("without circles enters each step at most once, the final one once more", () => {
    forAll({ inclusive: true, circles: false }, (playbook, seed, random) => {
      const names = entered(runOf(playbook, seed, random))
      for (const name of new Set(names))
        assert.isAtMost(names.filter((one) => one === name).length, name === playbook.finalStep ? 2 : 1, name)
    })
  })

  it("goes on from its journal cut anywhere as if nothing had happened, and runs nothing twice that had ended", () => {
    forAll({ inclusive: true, circles: true }, (playbook, seed, random) => {
      const first: Random = () => 0
      const whole = runOf(playbook, seed, first)
      const cut = 1 + random(whole.events.length)
      const again = simulate(playbook, {
        answer: answerOf(seed),
        options: limit,
        choose: ([open]) => open ?? "",
        journal: whole.events.slice(0, cut)
      })
      assert.deepStrictEqual(outcomeOf(again), outcomeOf(whole))
      assert.deepStrictEqual(again.events, whole.events)
      const ended = whole.events
        .slice(0, cut)
        .flatMap((event) => (event.type === "ended" ? [event.command] : []))
      assert.deepStrictEqual(
        again.answered.filter((id) => ended.includes(id)),
        []
      )
    })
  })

  it("with exclusive arcs gives the same whatever order the answers come in", () => {
    forAll({ inclusive: false, circles: true }, (playbook, seed, random) => {
      const one = runOf(playbook, seed, () => 0)
      const other = runOf(playbook, seed, random)
      assert.deepStrictEqual(outcomeOf(other), outcomeOf(one))
    })
  })
})
