/**
 * The health endpoints: /health, /ready, /status, /scale, /metrics. They answer from before the worker starts until
 * after it has drained.
 *
 * Healthy means that the process lives and no child of the tree has failed; ready, that the worker takes commands: it
 * pulled lately, is registered and does not drain. Counters are open to all who reach the port; ids, steps and names are
 * not.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Clock, Context, Effect, Layer, Metric, type Redacted } from "effect"
import { type HttpBody, HttpRouter, type HttpServerError, HttpServerResponse } from "effect/http"
import { mayReadNames } from "./access.ts"
import { PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"
import { EventLoop } from "../worker/Backpressure.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import * as Process from "../telemetry/processMetrics.ts"
import { Version } from "../telemetry/Version.ts"
import { MessageQueue } from "../queue/MessageQueue.ts"
import { Worker, type WorkerStatus } from "../worker/Worker.ts"

export interface Options {
  readonly port: number
  readonly host: string
  readonly metrics: boolean
  /** Who asks with it is shown ids, steps and names. Without one, peers on this machine are. */
  readonly token?: Redacted.Redacted | undefined
}

/** What the endpoints show, once there is a worker. */
interface Observed {
  readonly worker: Worker["Service"]
  readonly queue: MessageQueue["Service"]
}

/** Where the endpoints find the worker. It is built after the server and closed before it. */
export class Observation extends Context.Service<Observation, { current: Observed | undefined }>()(
  "noetl-worker/http/Observation"
) {}

/** The server. It listens until the layer closes; a port that is taken fails the layer. */
export const layer = (options: Options) =>
  HttpRouter.serve(routes(options), { disableListenLog: true, disableLogger: true }).pipe(
    Layer.provideMerge(
      NodeHttpServer.layer(createServer, {
        port: options.port,
        host: options.host,
        gracefulShutdownTimeout: "1 second"
      })
    ),
    Layer.provideMerge(Layer.sync(Observation, () => ({ current: undefined })))
  )

/** Shows a worker on the server. */
export const observe = Layer.effectDiscard(
  Effect.gen(function* () {
    const observation = yield* Observation
    observation.current = { worker: yield* Worker, queue: yield* MessageQueue }
  })
)

/** A worker with its server, which answers from before the worker starts until after it has drained. */
export const around = <E, R>(options: Options, worker: Layer.Layer<Worker, E, R>) =>
  observe.pipe(Layer.provideMerge(worker), Layer.provideMerge(layer(options)))

const routes = ({ metrics, token }: Options) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const observation = yield* Observation
      const lag = yield* yield* EventLoop
      const seesAll = mayReadNames(token)
      const route = (path: `/${string}`, answer: (observed: Observed, all: boolean) => Answer) =>
        router.add("GET", path, (request) =>
          Effect.suspend(() =>
            observation.current === undefined ? starting : answer(observation.current, seesAll(request))
          )
        )
      yield* route("/health", ({ worker }) => Effect.flatMap(worker.status, health))
      yield* route("/ready", ({ worker }) => ready(worker))
      yield* route("/status", ({ worker }, all) => Effect.flatMap(worker.status, (now) => status(now, all)))
      yield* route("/scale", ({ queue, worker }) => scale(worker, queue))
      if (metrics) yield* route("/metrics", (observed) => metricsText(observed, lag))
    })
  )

type Answer = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  HttpServerError.HttpServerError | HttpBody.HttpBodyError
>

const starting = HttpServerResponse.json({ status: "starting" }, { status: 503 })

const metricsText = Effect.fnUntraced(function* ({ queue, worker }: Observed, lag: () => number) {
  const status = yield* worker.status
  const { age, byQueue, depth, held } = yield* backlogOf(queue, status)
  if (depth !== undefined) yield* Metric.update(Metrics.queueDepth, depth)
  for (const [name, count] of byQueue ?? []) yield* Metric.update(Metrics.depthOf(name), count)
  if (held !== undefined) {
    yield* Metric.update(Metrics.messagesHeld, held.count)
    yield* Metric.update(Metrics.messagesHeldLimit, held.limit)
  }
  if (age !== undefined) yield* Metric.update(Metrics.oldestWaiting, age)
  yield* Metric.update(Metrics.brokerConnected, status.queue.connected ? 1 : 0)
  yield* Metric.update(Metrics.registered, status.controlPlane.registered ? 1 : 0)
  yield* Metric.update(Metrics.buildInfo(yield* Version, process.versions.node), 1)
  yield* Process.measure
  const jobs = Metrics.jobsOf(status.name)
  yield* Process.raise(jobs.processed, (yield* Metric.value(Metrics.jobsProcessed)).count)
  yield* Process.raise(jobs.failed, (yield* Metric.value(Metrics.jobsFailed)).count)
  yield* Metric.update(Metrics.slotsBusy, runningOf(status))
  yield* Metric.update(Metrics.eventLoopLag, lag())
  const text = yield* PrometheusMetrics.format()
  return HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4" })
})

/**
 * How many messages no worker has fetched, where the queue can tell within a second, and the age in seconds of the oldest
 * command that has not started: of those, or of the ones that wait here for a slot.
 */
const backlogOf = Effect.fnUntraced(function* (queue: MessageQueue["Service"], status: WorkerStatus) {
  const waiting = yield* queue.waiting.pipe(
    Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.succeed(undefined) }),
    Effect.catch(() => Effect.succeed(undefined))
  )
  const now = yield* Clock.currentTimeMillis
  const times = [waiting?.oldestAt, status.oldestWaitingAt].filter((at) => at !== undefined)
  const none = waiting?.count === 0 ? 0 : undefined
  const age = times.length === 0 ? none : Math.max(0, now - Math.min(...times)) / 1000
  return { depth: waiting?.count, age, held: waiting?.held, byQueue: waiting?.byQueue }
})

/** Commands that hold a slot. A parked one only waits. */
const runningOf = ({ active }: WorkerStatus): number => active.filter((job) => !job.parked).length

/** What an autoscaler reads. `depth` is null where the queue cannot tell. */
const scale = (worker: Worker["Service"], queue: MessageQueue["Service"]) =>
  Effect.gen(function* () {
    const status = yield* worker.status
    const { age, depth } = yield* backlogOf(queue, status)
    const { active, draining, slots } = status
    const running = runningOf(status)
    return yield* json({
      depth: depth ?? null,
      oldest_age_seconds: age ?? null,
      in_flight: active.length,
      running,
      parked: active.length - running,
      slots,
      free: draining ? 0 : Math.max(0, slots - running)
    })
  })

const health = (status: WorkerStatus) => {
  const healthy = status.children.every((child) => child.state !== "failed")
  return json(
    { status: healthy ? "healthy" : "unhealthy", worker_id: status.name, children: status.children },
    healthy
  )
}

/** The shape of the worker that this one replaces: `{"status":"ready","workers":8,"active_jobs":3,"queue_connected":true}`. */
const ready = (worker: Worker["Service"]) =>
  Effect.gen(function* () {
    const isReady = yield* worker.ready
    const status = yield* worker.status
    return yield* json(
      {
        status: isReady
          ? status.queue.paused === undefined
            ? "ready"
            : "paused"
          : status.draining
            ? "draining"
            : "not ready",
        workers: status.slots,
        active_jobs: status.active.length,
        queue_connected: status.queue.connected,
        // The worker goes on with the commands of all others.
        ...(status.serversAway.length === 0 ? {} : { servers_away: status.serversAway.length })
      },
      isReady
    )
  })

/** Counters for every caller; what they count for a caller that may read names. */
const status = Effect.fnUntraced(function* (status: WorkerStatus, all: boolean) {
  const now = yield* Clock.currentTimeMillis
  const [processed, failed] = yield* Effect.all([
    Metric.value(Metrics.jobsProcessed),
    Metric.value(Metrics.jobsFailed)
  ])
  return yield* json({
    worker_id: status.name,
    jobs_processed: processed.count,
    jobs_failed: failed.count,
    uptime_seconds: Math.floor((now - status.startedAt) / 1000),
    started_at: new Date(status.startedAt).toISOString(),
    is_running: !status.draining,
    queue: status.queue,
    control_plane: status.controlPlane,
    unreported: status.unreported,
    slots: status.slots,
    in_flight: status.active.length,
    running: runningOf(status),
    ...(all ? names(status, now) : {})
  })
})

const names = (status: WorkerStatus, now: number) => ({
  servers_away: status.serversAway.map(({ address, since }) => ({ address, seconds: (now - since) / 1000 })),
  active: status.active.map((job) => ({
    command_id: job.command,
    execution_id: job.execution,
    step: job.step,
    kind: job.kind ?? null,
    attempt: job.attempt,
    phase: job.phase,
    phase_seconds: (now - job.phaseSince) / 1000,
    seconds: (now - job.startedAt) / 1000,
    parked: job.parked
  })),
  tree: status.children
})

const json = (body: unknown, good = true) => HttpServerResponse.json(body, { status: good ? 200 : 503 })
