/** CPU and memory of this process, under the names of Prometheus's own clients. */
import { Effect, Metric } from "effect"

const cpu = Metric.counter("process_cpu_seconds_total", {
  description: "CPU time of the worker's own process, in user and system mode"
})
const resident = Metric.gauge("process_resident_memory_bytes", {
  description: "Memory of the worker's own process; its children are not in it"
})
const heap = Metric.gauge("nodejs_heap_size_used_bytes", { description: "JavaScript heap in use" })

/** The handles, for dashboards. */
export const handles = { cpu, resident, heap } as const

/** Brings them to what they are now; called for each scrape. */
export const measure: Effect.Effect<void> = Effect.gen(function* () {
  const { system, user } = process.cpuUsage()
  const { heapUsed, rss } = process.memoryUsage()
  yield* raise(cpu, (system + user) / 1e6)
  yield* Metric.update(resident, rss)
  yield* Metric.update(heap, heapUsed)
})

/** A counter that is counted elsewhere, brought to a value. */
export const raise = (
  counter: Metric.Metric<number, Metric.CounterState<number>>,
  to: number
): Effect.Effect<void> =>
  Effect.flatMap(Metric.value(counter), ({ count }) =>
    to > count ? Metric.update(counter, to - count) : Effect.void
  )
