import { assert, describe, it } from "@effect/vitest"
import { resultOf } from "../../src/playbook/engine/Engine.ts"
import type { IssuedCommand } from "../../src/playbook/engine/Event.ts"
import { broken, done, entered, simulate, workflow } from "../support/simulated.ts"

const loop = (loop: string, more = "") =>
  workflow(`- step: start\n  loop: ${loop}\n  tool: {kind: noop}\n${more}- step: end\n  tool: {kind: noop}\n`)

const item = (command: IssuedCommand) => command.context["x"] ?? null

describe("A loop", () => {
  it.each([
    ["[a, b]", ["a", "b"]],
    [
      "{k: 1, l: 2}",
      [
        { key: "k", value: 1 },
        { key: "l", value: 2 }
      ]
    ],
    ["3", [0, 1, 2]],
    ["'[1, 2]'", [1, 2]],
    ["[]", []]
  ])("over %s gives its results in the order of the items", (list, items) => {
    const run = simulate(loop(`{in: ${list}, iterator: x}`), { answer: (command) => done(item(command)) })
    assert.deepStrictEqual(resultOf(run.state, "start"), {
      results: items,
      stats: { total: items.length, success: items.length, failed: 0 },
      data: items
    })
    assert.strictEqual(run.ending, "completed")
  })

  it.each([["'{{ nowhere }}'"], ["'text'"], ["true"]])("over %s fails its step", (list) => {
    const run = simulate(loop(`{in: ${list}, iterator: x}`))
    assert.deepStrictEqual([run.ending, run.state.failures[0]?.error.kind], ["failed", "loop"])
  })

  it("in sequence sees the values that the iteration before it set", () => {
    const seen: Array<unknown> = []
    simulate(loop("{in: [1, 2, 3], iterator: x}"), {
      answer: (command) => {
        seen.push((command.context["ctx"] as { sum?: number }).sum ?? null)
        return done(null, { "ctx.sum": Number(item(command)) })
      }
    })
    assert.deepStrictEqual(seen, [null, 1, 2])
  })

  it("in parallel has no more iterations in flight than it may, and keeps the order whichever ends first", () => {
    let most = 0
    const run = simulate(
      loop("{in: [1, 2, 3, 4, 5, 6, 7], iterator: x, spec: {mode: parallel, max_in_flight: '{{ 1 + 2 }}'}}"),
      {
        choose: (open) => {
          most = Math.max(most, open.length)
          return open.at(-1) ?? ""
        },
        answer: (command) => done(item(command))
      }
    )
    assert.strictEqual(most, 3)
    assert.deepStrictEqual(
      (resultOf(run.state, "start") as { results: unknown }).results,
      [1, 2, 3, 4, 5, 6, 7]
    )
  })

  it("goes on after a failed iteration, and fails its step at the end", () => {
    const answer = (command: IssuedCommand) => (item(command) === 2 ? broken() : done(item(command)))
    const plain = simulate(loop("{in: [1, 2, 3], iterator: x}", "  next: {arcs: [{step: end}]}\n"), {
      answer
    })
    assert.deepStrictEqual([plain.ending, entered(plain)], ["failed", ["start"]])
    const guarded = simulate(
      loop(
        "{in: [1, 2, 3], iterator: x}",
        "  set: {ctx.n: '{{ output.data.stats.failed }}'}\n  next: {arcs: [{step: end, when: \"{{ event.name == 'loop.done' }}\"}]}\n"
      ),
      { answer }
    )
    assert.deepStrictEqual(
      [guarded.ending, entered(guarded), guarded.state.ctx],
      ["completed", ["start", "end"], { n: 1 }]
    )
    assert.deepInclude(resultOf(guarded.state, "start") as object, {
      stats: { total: 3, success: 2, failed: 1 }
    })
  })

  it("gives each iteration its item, its place and how many there are", () => {
    const run = simulate(loop("{in: [a, b], iterator: x}"), { answers: 1 })
    const [second] = run.open.values()
    assert.deepInclude(second?.context, { x: "b", loop_index: 1 })
    assert.deepStrictEqual(second?.context["iter"], {
      x: "b",
      _index: 1,
      _total: 2,
      _first: false,
      _last: true
    })
  })

  it("that is entered again starts afresh", () => {
    const playbook = workflow(
      "- step: start\n  loop: {in: '{{ [1, 2] if ctx.again is not defined else [3] }}', iterator: x}\n  tool: {kind: noop}\n  next: {arcs: [{step: start, when: '{{ ctx.again is not defined }}', set: {ctx.again: 1}}]}\n"
    )
    const run = simulate(playbook, { answer: (command) => done(item(command)) })
    assert.deepStrictEqual((resultOf(run.state, "start") as { results: unknown }).results, [3])
  })
})

describe("A cursor", () => {
  const cursor = (spec = "") =>
    loop(
      `{cursor: {kind: postgres, auth: pg, claim: "SELECT {{ __frame_max_rows }}"}, iterator: x, spec: {mode: cursor${spec}}}`
    )

  it("claims until a claim gives nothing, rows that its body added included", () => {
    const queue: Array<number> = [1, 2, 3]
    const worked: Array<unknown> = []
    const run = simulate(cursor(", frame: {max_rows: 2, row_concurrency: 2}"), {
      answer: (command) => {
        if (command.kind === "postgres") {
          assert.strictEqual(command.context["__frame_max_rows"], 2)
          return done({ rows: queue.splice(0, 2) })
        }
        worked.push(item(command))
        if (item(command) === 2) queue.push(4)
        return done()
      }
    })
    assert.deepStrictEqual(worked, [1, 2, 3, 4])
    assert.deepStrictEqual(resultOf(run.state, "start"), {
      cursor: "drained",
      frames: 2,
      stats: { total: 4, success: 4, failed: 0 }
    })
  })

  it("gives the rows of a claim together where a frame is one piece of work", () => {
    let claims = 0
    const worked: Array<unknown> = []
    simulate(cursor(", frame: {max_rows: 9, process: frame}"), {
      answer: (command) => {
        if (command.kind === "postgres") return done({ rows: claims++ === 0 ? [1, 2] : [] })
        worked.push(item(command))
        return done()
      }
    })
    assert.deepStrictEqual(worked, [[1, 2]])
  })

  it("tries a claim again that may go well, and fails its step when it does not", () => {
    const failure = (retryable: boolean) => ({
      ...broken("db_connection"),
      error: { kind: "db_connection", message: "gone", retryable }
    })
    let claims = 0
    const run = simulate(cursor(), {
      answer: () => {
        claims += 1
        return failure(true)
      }
    })
    assert.deepStrictEqual([claims, run.ending], [3, "failed"])
    assert.strictEqual(simulate(cursor(), { answer: () => failure(false) }).answered.length, 1)
  })
})
