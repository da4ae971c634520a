/** The handles of all metrics, and nothing else. Names follow the systems that this worker replaces. */
import { Effect, Metric } from "effect"

const counter = (name: string, description: string) =>
  Metric.counter(name, { description, incremental: true })
const gauge = (name: string, description: string) => Metric.gauge(name, { description })

/** Ended starts of the worker's children. */
const restarts = counter(
  "noetl_worker_child_restarts_total",
  "Starts of a child of the worker after it ended"
)
export const childRestarts = (child: string, kind: string) => Metric.withAttributes(restarts, { child, kind })

export const deliveries = counter("noetl_worker_deliveries_total", "Messages taken from the queue")
export const undecodable = counter("noetl_worker_undecodable_total", "Messages that are not a notification")
const claims = counter("noetl_worker_claims_total", "Claims by answer")
export const claimAnswers = {
  Claimed: Metric.withAttributes(claims, { answer: "claimed" }),
  HeldElsewhere: Metric.withAttributes(claims, { answer: "held_elsewhere" }),
  AlreadyDone: Metric.withAttributes(claims, { answer: "already_done" }),
  RetryLater: Metric.withAttributes(claims, { answer: "retry_later" }),
  Rejected: Metric.withAttributes(claims, { answer: "rejected" })
} as const
const settlements = counter("noetl_worker_settlements_total", "What the queue was told")
export const settled = {
  Ack: Metric.withAttributes(settlements, { settlement: "ack" }),
  Retry: Metric.withAttributes(settlements, { settlement: "retry" }),
  Discard: Metric.withAttributes(settlements, { settlement: "discard" })
} as const
const commands = counter("noetl_worker_commands_total", "Commands that ended here, by outcome")
export const outcomes = {
  Succeeded: Metric.withAttributes(commands, { outcome: "succeeded" }),
  Failed: Metric.withAttributes(commands, { outcome: "failed" }),
  TimedOut: Metric.withAttributes(commands, { outcome: "timed_out" }),
  Crashed: Metric.withAttributes(commands, { outcome: "crashed" }),
  Stopped: Metric.withAttributes(commands, { outcome: "stopped" })
} as const

export const deadLetters = counter(
  "noetl_worker_dead_letters_total",
  "Messages that were given up and parked"
)
export const deadLetterFailures = counter(
  "noetl_worker_dead_letter_failures_total",
  "Messages that could not be parked and were kept"
)

/** The names of the other source documents, for dashboards that exist. */
export const jobsProcessed = counter("worker_jobs_processed_total", "Commands that ended here")
export const jobsFailed = counter("worker_jobs_failed_total", "Commands that ended here and failed")
export const jobSeconds = Metric.histogram("worker_job_duration_seconds", {
  description: "From the claim to the outcome",
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]
})
export const activeJobs = gauge("worker_active_jobs", "Commands in flight")
export const queueDepth = gauge("worker_queue_depth", "Messages that wait, where the queue can tell")

const depthByQueue = gauge("queue_depth", "Jobs that can start now, by queue")
export const depthOf = (queue: string) => Metric.withAttributes(depthByQueue, { queue })

export const messagesHeld = gauge(
  "noetl_worker_queue_held",
  "Messages that all workers together hold, waiting ones included, where the queue can tell"
)
export const messagesHeldLimit = gauge(
  "noetl_worker_queue_held_limit",
  "Messages that all workers together may hold: the consumer's max_ack_pending"
)

export const oldestWaiting = gauge(
  "noetl_worker_oldest_waiting_seconds",
  "Age of the oldest command that was not begun, where the queue can tell"
)

const memoryShares = gauge("noetl_worker_memory_share_bytes", "What each user of memory may take")
export const memoryShare = (share: string) => Metric.withAttributes(memoryShares, { share })

export const slots = gauge("noetl_worker_slots", "Commands that may run at once")
export const slotsBusy = gauge("noetl_worker_slots_busy", "Slots that are taken")
export const reportFailures = counter(
  "noetl_worker_report_failures_total",
  "Outcomes that could not be reported in time"
)
export const reports = counter("noetl_worker_reports_total", "Outcomes that the control plane accepted")
export const leasesExpired = counter(
  "noetl_worker_leases_expired_total",
  "Leases that were not extended in time"
)
export const eventLoopLag = gauge(
  "noetl_worker_event_loop_lag_seconds",
  "How late the event loop is, 99th percentile"
)

export const pullPauses = counter(
  "noetl_worker_pull_pauses_total",
  "Times that no message was taken because the event loop was late"
)
export const pullPaused = gauge(
  "noetl_worker_pull_paused",
  "1 while no message is taken because the event loop is late"
)

/** Makes every series that counts, so that a dashboard and an alert see zero and not nothing. */
export const atZero: Effect.Effect<void> = Effect.forEach(
  [
    deliveries,
    undecodable,
    ...Object.values(claimAnswers),
    ...Object.values(settled),
    ...Object.values(outcomes),
    deadLetters,
    deadLetterFailures,
    jobsProcessed,
    jobsFailed,
    reports,
    reportFailures,
    leasesExpired,
    pullPauses
  ],
  (series) => Metric.update(series, 0),
  { discard: true }
).pipe(Effect.andThen(Metric.update(pullPaused, 0)))
