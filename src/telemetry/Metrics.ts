/** The handles of all metrics, and nothing else. Names follow the systems that this worker replaces. */
import { Effect, Metric } from "effect"
import { toolKinds } from "./toolKinds.ts"

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
const commandsOf = (outcome: string, kind: string) => Metric.withAttributes(commands, { kind, outcome })

const seconds = (name: string, description: string) =>
  Metric.histogram(name, {
    description,
    boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]
  })
export const jobSeconds = seconds("worker_job_duration_seconds", "From the claim to the outcome, by kind")
export const claimSeconds = seconds(
  "noetl_worker_claim_duration_seconds",
  "From the first request of a claim to its answer"
)
export const reportSeconds = seconds(
  "noetl_worker_report_duration_seconds",
  "From the first request of an outcome to its acceptance"
)

const endOf = (kind: string) =>
  ({
    Succeeded: commandsOf("succeeded", kind),
    Failed: commandsOf("failed", kind),
    TimedOut: commandsOf("timed_out", kind),
    Crashed: commandsOf("crashed", kind),
    Stopped: commandsOf("stopped", kind),
    seconds: Metric.withAttributes(jobSeconds, { kind })
  }) as const
const endOfOthers = endOf("other")
const ends = new Map<string, typeof endOfOthers>(toolKinds.map((kind) => [kind, endOf(kind)]))

/** The counters of outcomes and the duration of a kind. */
export const ended = (kind: string) => ends.get(kind) ?? endOfOthers

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
const processedBy = counter("worker_jobs_processed", "Commands that ended here, with the worker's name")
const failedBy = counter("worker_jobs_failed", "Commands that ended here and failed, with the worker's name")
/** The counters under the names and with the label of the ITL documents, filled when they are scraped. */
export const jobsOf = (worker: string) => ({
  processed: Metric.withAttributes(processedBy, { worker_id: worker }),
  failed: Metric.withAttributes(failedBy, { worker_id: worker })
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
export const brokerConnected = gauge("noetl_worker_broker_connected", "1 while the queue answers")
export const registered = gauge(
  "noetl_worker_registered",
  "1 while the control plane has this worker in its list"
)

const build = gauge("noetl_worker_build_info", "Always 1; its labels name the version and that of Node")
export const buildInfo = (version: string, node: string) => Metric.withAttributes(build, { version, node })

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
    ...[endOfOthers, ...ends.values()].flatMap(({ Crashed, Failed, Stopped, Succeeded, TimedOut }) => [
      Crashed,
      Failed,
      Stopped,
      Succeeded,
      TimedOut
    ]),
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
