import { assert, describe, it } from "@effect/vitest"
import type { RunEvent } from "../../src/control-plane/local/Run.ts"
import { writer } from "../../src/local/progress/lines.ts"
import { Model } from "../../src/local/progress/Model.ts"
import { Painter } from "../../src/local/progress/Painter.ts"
import { elapsed, fitted, widthOf } from "../../src/local/progress/text.ts"
import { frame } from "../../src/local/progress/tree.ts"

const event = (
  type: string,
  step: string | undefined,
  at: number,
  more: Partial<RunEvent> = {}
): RunEvent => ({
  type,
  step,
  at,
  eventId: 1,
  executionId: "1",
  parent: undefined,
  path: "shop/orders",
  isReplayed: false,
  ...more
})

const modelOf = (...events: ReadonlyArray<RunEvent>): Model => {
  const model = new Model()
  for (const one of events) model.apply(one)
  return model
}

const look = (columns = 60, rows = 24) => ({ columns, rows, rich: false })

const framesOf = (model: Model, now: number, columns?: number, rows?: number) => {
  if (model.root === undefined) throw new Error("nothing has begun")
  return frame(model.root, now, look(columns, rows))
}

const begun = modelOf(
  event("playbook.initialized", undefined, 0),
  event("step.enter", "start", 0),
  event("step.exit", "start", 40),
  event("step.enter", "fetch", 40),
  event("loop.started", "fetch", 40, { meta: { total: 10 } }),
  ...[0, 1, 2].map((index) => event("command.completed", "fetch", 60, { meta: { loop: { index } } })),
  event("command.failed", "fetch", 70, { meta: { loop: { index: 3 } } }),
  event("step.denied", "extra", 70),
  event("step.enter", "child", 80),
  event("playbook.initialized", undefined, 90, {
    executionId: "2",
    path: "shop/one",
    parent: { executionId: "1", command: "child:7" }
  }),
  event("step.enter", "inner", 90, {
    executionId: "2",
    path: "shop/one",
    parent: { executionId: "1", command: "child:7" }
  })
)

describe("The tree of a run", () => {
  it("has a line for each step with its state, its loop and its time, and runs below the step that started them", () => {
    const lines = framesOf(begun, 1080).map((line) => line.replaceAll(/ {2,}/g, "  "))
    assert.deepStrictEqual(
      lines.map((line) => line.trim()),
      [
        "▶ shop/orders  2/4 steps  1.1 s",
        "✓ start  40 ms",
        "▶ fetch  4/10, 1 failed  1.0 s",
        "– extra  skipped",
        "▶ child  1.0 s",
        "▶ shop/one  0/1 steps  990 ms",
        "▶ inner  990 ms"
      ]
    )
    const indents = framesOf(begun, 1080).map((line) => line.length - line.trimStart().length)
    assert.deepStrictEqual(indents, [0, 2, 2, 2, 2, 4, 6])
  })

  it("keeps to the columns of the terminal, from 20 on, whatever the names are", () => {
    const long = modelOf(
      event("step.enter", "a".repeat(300), 0),
      event("step.enter", "начало 開始 🚀 ".repeat(20), 0),
      event("step.failed", "a".repeat(300), 5, {
        error: { kind: "x", message: "because\u0007 of\nthis".repeat(30) }
      })
    )
    for (const columns of [20, 30, 60, 80, 200])
      for (const line of framesOf(long, 10, columns))
        assert.isAtMost(widthOf(line), columns, `${columns}: ${line}`)
  })

  it("keeps to the rows: what runs and what failed is shown, the rest is counted", () => {
    const many = modelOf(
      ...Array.from({ length: 200 }, (_, i) => [
        event("step.enter", `s${i}`, i),
        event(i === 5 ? "step.failed" : "step.exit", `s${i}`, i + 1)
      ]).flat(),
      event("step.enter", "last", 500)
    )
    for (const rows of [5, 15, 24, 60]) {
      const lines = framesOf(many, 600, 60, rows)
      assert.isBelow(lines.length, rows)
      assert.isTrue(
        lines.some((line) => line.includes("last")),
        String(rows)
      )
      assert.isTrue(lines.some((line) => /… \d+ more steps/.test(line)))
    }
    assert.isTrue(framesOf(many, 600, 60, 24).some((line) => /✗ s5\b/.test(line)))
  })

  it("begins a step that is entered again anew, and counts", () => {
    const model = modelOf(
      event("step.enter", "a", 0),
      event("step.exit", "a", 10),
      event("step.enter", "a", 20)
    )
    assert.match(framesOf(model, 30)[1] ?? "", /▶ a ×2 +10 ms/)
  })
})

describe("The painter", () => {
  const screen = (columns: number, rows = 24) => {
    const written: Array<string> = []
    const size = { columns, rows }
    return {
      written,
      size,
      painter: new Painter({
        write: (text) => void written.push(text),
        look: () => ({ ...size, rich: false })
      })
    }
  }

  it("draws each frame in the place of the one before it", () => {
    const { painter, written } = screen(80)
    const model = modelOf(event("step.enter", "a", 0))
    painter.paint(model, 1)
    painter.paint(model, 2)
    assert.isFalse(written[0]?.startsWith("\u001b["))
    assert.isTrue(written[1]?.startsWith("\u001b[2A\r\u001b[J"))
  })

  it("goes further back where a narrower terminal has broken its lines", () => {
    const { painter, size, written } = screen(80)
    const model = modelOf(event("step.enter", "a", 0))
    painter.paint(model, 1)
    size.columns = 40
    painter.paint(model, 2)
    assert.isTrue(written[1]?.startsWith("\u001b[4A\r\u001b[J"), JSON.stringify(written[1]?.slice(0, 12)))
  })

  it("leaves lines that were printed above the frame", () => {
    const { painter, written } = screen(80)
    const model = modelOf(event("step.enter", "a", 0))
    painter.paint(model, 1)
    painter.print("output of a step")
    painter.paint(model, 2)
    assert.strictEqual(written[1], "\u001b[2A\r\u001b[Joutput of a step\n")
    assert.isFalse(written[2]?.startsWith("\u001b["))
  })
})

describe("Lines for a log", () => {
  const write = writer({ verbose: false, rich: false, descriptionOf: () => "what it does" })
  it("say when a step begins, how it ends and after how long", () => {
    assert.strictEqual(write(event("step.enter", "a", 0)), "Step: a\n   Description: what it does")
    assert.strictEqual(write(event("step.exit", "a", 1500)), "   a done in 1.5 s")
    assert.strictEqual(
      write(event("step.failed", "a", 20, { error: { kind: "timeout", message: "too long" } })),
      "   a failed after 20 ms: timeout: too long"
    )
    assert.isUndefined(write(event("call.done", "a", 2)))
  })
})

describe("Widths and times", () => {
  it.each([
    ["abc", 3],
    ["開始", 4],
    ["🚀", 2],
    ["é", 1],
    ["e\u0301", 1],
    ["", 0]
  ])("%s takes %i columns", (text, width) => {
    assert.strictEqual(widthOf(text), width)
  })
  it("cuts a text at its columns", () => {
    assert.strictEqual(fitted("abcdef", 4), "abc…")
    assert.strictEqual(fitted("開始開始", 4), "開…")
    assert.strictEqual(fitted("abcd", 4), "abcd")
  })
  it.each([
    [5, "5 ms"],
    [1500, "1.5 s"],
    [61_000, "1 min 1 s"],
    [3_720_000, "1 h 2 min"]
  ])("%i ms is %s", (millis, text) => {
    assert.strictEqual(elapsed(millis), text)
  })
})
