/**
 * What the world may ask the worker: /health, /ready, /status, /scale, /metrics.
 *
 * Healthy means that the process lives and its tree stands; ready, that it takes commands: pulled lately, registered,
 * not draining.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Clock, Effect, Layer, Metric } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"
import { EventLoop } from "../worker/Backpressure.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { MessageQueue } from "../queue/MessageQueue.ts"
import { Worker, type WorkerStatus } from "../worker/Worker.ts"

export interface Options {
  readonly port: number
  readonly host: string
  readonly metrics: boolean
}

/** Serves until the layer closes. A port that is taken fails the layer. */
export const layer = (options: Options) =>
  HttpRouter.serve(routes(options), { disableListenLog: true, disableLogger: true }).pipe(
    Layer.provideMerge(
      NodeHttpServer.layer(createServer, {
        port: options.port,
        host: options.host,
        gracefulShutdownTimeout: "1 second"
      })
    )
  )

const routes = ({ metrics }: Options) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const worker = yield* Worker
      const queue = yield* MessageQueue
      const lag = yield* yield* EventLoop
      yield* router.add("GET", "/health", Effect.flatMap(worker.status, health))
      yield* router.add("GET", "/ready", ready(worker))
      yield* router.add("GET", "/status", Effect.flatMap(worker.status, status))
      yield* router.add("GET", "/scale", scale(worker, queue))
      if (!metrics) return
      yield* router.add(
        "GET",
        "/metrics",
        Effect.gen(function* () {
          const status = yield* worker.status
          const { age, depth } = yield* backlogOf(queue, status)
          if (depth !== undefined) yield* Metric.update(Metrics.queueDepth, depth)
          if (age !== undefined) yield* Metric.update(Metrics.oldestWaiting, age)
          yield* Metric.update(Metrics.slotsBusy, runningOf(status))
          yield* Metric.update(Metrics.eventLoopLag, lag())
          const text = yield* PrometheusMetrics.format()
          return HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4" })
        })
      )
    })
  )

/**
 * How many messages nobody has taken, where the queue says so within a second, and the age in seconds of the oldest one that was not
 * begun: of those, or of the ones that wait here for a slot.
 */
const backlogOf = Effect.fnUntraced(function* (queue: MessageQueue["Service"], status: WorkerStatus) {
  const waiting = yield* queue.waiting.pipe(
    Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.succeed(undefined) }),
    Effect.catch(() => Effect.succeed(undefined))
  )
  const now = yield* Clock.currentTimeMillis
  const times = [waiting?.oldestAt, status.oldestWaitingAt].filter((at) => at !== undefined)
  const nobodyWaits = waiting?.count === 0 ? 0 : undefined
  const age = times.length === 0 ? nobodyWaits : Math.max(0, now - Math.min(...times)) / 1000
  return { depth: waiting?.count, age }
})

/** Commands that hold a slot. A parked one only waits. */
const runningOf = ({ active }: WorkerStatus): number => active.filter((job) => !job.parked).length

/** What an autoscaler goes by. `depth` is null where the queue cannot tell. */
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
        status: isReady ? "ready" : status.draining ? "draining" : "not ready",
        workers: status.slots,
        active_jobs: status.active.length,
        queue_connected: status.queue.connected
      },
      isReady
    )
  })

const status = Effect.fnUntraced(function* (status: WorkerStatus) {
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
    active: status.active.map((job) => ({
      command_id: job.command,
      step: job.step,
      seconds: (now - job.startedAt) / 1000,
      parked: job.parked
    })),
    tree: status.children
  })
})

const json = (body: unknown, good = true) => HttpServerResponse.json(body, { status: good ? 200 : 503 })
