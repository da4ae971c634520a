/** What reading a claim of 34 kB costs by what JSON.parse alone does, in turn in this process. */
import { Result } from "effect"
import * as Json from "../src/domain/Json.ts"

const rows = Array.from({ length: 300 }, (_, id) => ({
  id,
  name: `customer ${id}`,
  email: `c${id}@example.org`,
  amount: id * 1.25,
  tags: ["a", "b"],
  active: id % 2 === 0
}))
const text =
  `{"status":"ok","event_id":767489372445000001,"execution_id":767489372445000001,"node_name":"start","action":"noop",` +
  `"context":{"tool_config":{},"args":{},"render_context":${JSON.stringify({ rows, note: "x".repeat(2000) })}}}`

const median = (list: ReadonlyArray<number>) =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN
const microsOf = (read: () => unknown) => {
  const before = process.cpuUsage()
  for (let i = 0; i < 60; i++) read()
  const { system, user } = process.cpuUsage(before)
  return (user + system) / 60
}

/** Medians of 40 turns after ten warm ones. */
export const parsing = () => {
  const limits = { maxBytes: 128 * 1024 * 1024, maxDepth: 500 }
  const pairs = Array.from({ length: 50 }, () => ({
    native: microsOf(() => JSON.parse(text)),
    ours: microsOf(() => Result.getOrThrow(Json.parse(text, limits)))
  })).slice(10)
  return {
    micros: median(pairs.map(({ ours }) => ours)),
    ratio: median(pairs.map(({ native, ours }) => ours / native))
  }
}
