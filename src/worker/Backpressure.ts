/** How late the event loop is: a worker that cannot keep up should not take more. */
import { Context, Duration, Effect, Metric, type Scope } from "effect"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Metrics from "../telemetry/Metrics.ts"

/** Opens a gauge: seconds of delay, the highest 99th percentile since the gauge was last read. */
export type EventLoopShape = Effect.Effect<() => number, never, Scope.Scope>

/** Milliseconds between two measurements, each a wake-up of an idle worker too. */
const resolutionMs = 500

interface Gauge {
  highest: number
}

/** All open gauges share one monitor, which runs while there are any. */
const makeMeasured = (): EventLoopShape => {
  const monitor = monitorEventLoopDelay({ resolution: resolutionMs })
  const gauges = new Set<Gauge>()
  const measure = () => {
    if (monitor.count === 0) return
    // What the histogram holds is the whole time between two ticks, of which one resolution is no delay.
    const seconds = Math.max(0, monitor.percentile(99) / 1e9 - resolutionMs / 1e3)
    monitor.reset()
    for (const gauge of gauges) gauge.highest = Math.max(gauge.highest, seconds)
  }
  const open = Effect.sync(() => {
    const gauge: Gauge = { highest: 0 }
    gauges.add(gauge)
    monitor.enable()
    return gauge
  })
  const close = (gauge: Gauge) =>
    Effect.sync(() => {
      gauges.delete(gauge)
      if (gauges.size === 0) monitor.disable()
    })
  return Effect.map(Effect.acquireRelease(open, close), (gauge) => () => {
    measure()
    const { highest } = gauge
    gauge.highest = 0
    return highest
  })
}

/** A test puts a gauge of its own in its place. */
export const EventLoop = Context.Reference<EventLoopShape>("noetl-worker/EventLoop", {
  defaultValue: makeMeasured
})

export interface Options {
  /** The delay from which on nothing is taken; zero takes in any case. */
  readonly most: Duration.Duration
  /** Whether a command runs. Without one the lag is not caused by this worker, and a pause would not reduce it. */
  readonly busy: Effect.Effect<boolean>
}

const lookEvery = Duration.millis(250)

/**
 * Opens a gauge; the effect it gives returns when more may be taken. Half of the limit ends a pause, so that it does not
 * flutter.
 */
export const awaitCalm = Effect.fnUntraced(function* ({ busy, most }: Options) {
  const limit = Duration.toSeconds(most)
  if (limit === 0) return Effect.void
  const lag = yield* yield* EventLoop
  const pause = Effect.fnUntraced(function* (seconds: number) {
    yield* Metric.update(Metrics.pullPauses, 1)
    yield* Metric.update(Metrics.pullPaused, 1)
    yield* Effect.logWarning(
      `the event loop is ${seconds.toFixed(2)} s late: no more commands until it is below ${limit / 2} s`
    )
    yield* Effect.sleep(lookEvery).pipe(
      Effect.andThen(Effect.all([Effect.sync(lag), busy])),
      Effect.repeat({ until: ([late, working]) => late <= limit / 2 || !working })
    )
    yield* Effect.logInfo("the event loop keeps up again: commands are taken")
  })
  return Effect.gen(function* () {
    const late = lag()
    if (late > limit && (yield* busy))
      yield* pause(late).pipe(Effect.ensuring(Metric.update(Metrics.pullPaused, 0)))
  })
})
