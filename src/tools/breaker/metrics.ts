/** The handles of the circuits' metrics, and nothing else. */
import { Effect, Metric } from "effect"

const all = Metric.counter("noetl_worker_target_calls_total", {
  description: "Calls of tools' targets, by their verdict on the target",
  incremental: true
})
export const calls = {
  success: Metric.withAttributes(all, { verdict: "success" }),
  failure: Metric.withAttributes(all, { verdict: "failure" }),
  ignored: Metric.withAttributes(all, { verdict: "ignored" }),
  refused: Metric.withAttributes(all, { verdict: "refused" })
} as const

const changes = Metric.counter("noetl_worker_circuit_changes_total", {
  description: "Targets that were left alone because they failed every time, and that answered again",
  incremental: true
})
export const transitions = {
  opened: Metric.withAttributes(changes, { to: "open" }),
  closed: Metric.withAttributes(changes, { to: "closed" })
} as const

/** Makes every series, so that an alert sees zero and not nothing. */
export const atZero: Effect.Effect<void> = Effect.forEach(
  [...Object.values(calls), ...Object.values(transitions)],
  (series) => Metric.update(series, 0),
  { discard: true }
)
