/** The worker itself: its name, slots, times and journal, where large results go, and what it does as other workers did. */
import { Duration } from "effect"
import { queueNames } from "../backendNames.ts"
import { boolean, duration, integer, limits, oneOf, optional, setting, text } from "../Setting.ts"

export const worker = {
  workerId: optional(
    {
      key: "worker.id",
      env: ["WORKER_ID", "NOETL_WORKER_ID"],
      flag: "worker-id",
      alias: "w",
      doc: "Name of this worker. On the wire a Python server sees it with a suffix for each start.",
      shownDefault: "a random UUID"
    },
    text
  ),
  pool: setting(
    {
      key: "worker.pool",
      env: ["WORKER_POOL_NAME", "NOETL_WORKER_POOL_NAME"],
      doc: "Pool this worker belongs to."
    },
    text,
    "default"
  ),
  concurrency: setting(
    {
      key: "worker.concurrency",
      env: ["WORKER_MAX_CONCURRENT", "WORKER_CONCURRENCY", "NOETL_WORKER_MAX_INFLIGHT_COMMANDS"],
      flag: "concurrency",
      alias: "c",
      doc: "Commands that run at once."
    },
    integer(1, 4096),
    4
  ),
  prefetch: optional(
    {
      key: "worker.prefetch",
      env: ["WORKER_PREFETCH"],
      doc: "Messages fetched beyond the free slots.",
      shownDefault: "a quarter of the concurrency, at least 1"
    },
    integer(0, 4096)
  ),
  kindLimits: setting(
    {
      key: "worker.kind_limits",
      env: ["WORKER_KIND_LIMITS"],
      doc: "Commands of one kind that run at once, or of several kinds together: python=2,postgres+duckdb=4."
    },
    limits,
    new Map<string, number>()
  ),
  databaseLimit: optional(
    {
      key: "worker.database_limit",
      env: ["WORKER_DATABASE_LIMIT", "NOETL_WORKER_MAX_INFLIGHT_DB_COMMANDS"],
      doc: "Commands of postgres, snowflake, duckdb and transfer together that run at once: the same as postgres+snowflake+duckdb+transfer=N in kind_limits."
    },
    integer(1, 4096)
  ),
  heartbeat: setting(
    {
      key: "worker.heartbeat_interval_seconds",
      env: ["WORKER_HEARTBEAT_INTERVAL", "NOETL_WORKER_HEARTBEAT_INTERVAL"],
      doc: "How often the control plane hears that we live."
    },
    duration("seconds"),
    Duration.seconds(15)
  ),
  drain: setting(
    {
      key: "worker.shutdown_timeout_seconds",
      env: ["WORKER_SHUTDOWN_TIMEOUT_SECONDS"],
      doc: "How long running commands may go on after SIGTERM; what outlives it is handed back."
    },
    duration("seconds"),
    Duration.seconds(30)
  ),
  podDeletionCost: setting(
    {
      key: "worker.pod_deletion_cost",
      env: ["WORKER_POD_DELETION_COST"],
      doc: "Keeps the pod's deletion cost, so that a scale-in takes idle pods first. It needs POD_NAME and the right to patch pods."
    },
    boolean,
    false
  ),
  podName: optional(
    { key: "worker.pod_name", env: ["POD_NAME"], doc: "Name of the pod that the worker is in." },
    text
  ),
  grace: optional(
    {
      key: "worker.grace_seconds",
      env: ["WORKER_GRACE_SECONDS"],
      doc: "When the process ends whatever happens (exit 124). Keep a Pod's terminationGracePeriodSeconds above it.",
      shownDefault: "the shutdown timeout and 20 s"
    },
    duration("seconds")
  ),
  commandTimeout: setting(
    {
      key: "worker.command_timeout_seconds",
      env: ["WORKER_COMMAND_TIMEOUT_SECONDS", "NOETL_WORKER_COMMAND_TIMEOUT_SECONDS"],
      doc: "Deadline of a command, all of its tasks together; longer where its tasks name longer ones."
    },
    duration("seconds"),
    Duration.minutes(30)
  ),
  reportWithin: setting(
    {
      key: "worker.report_timeout_seconds",
      env: ["WORKER_REPORT_TIMEOUT_SECONDS"],
      doc: "How long an outcome is offered to the control plane before its message goes back; it is offered again later."
    },
    duration("seconds"),
    Duration.minutes(5)
  ),
  cancellationEvery: setting(
    {
      key: "worker.cancellation_interval_seconds",
      env: ["WORKER_CANCELLATION_INTERVAL"],
      doc: "How often a running command's execution is asked about."
    },
    duration("seconds"),
    Duration.seconds(15)
  ),
  hungAfter: setting(
    {
      key: "worker.hung_after_seconds",
      env: ["WORKER_HUNG_AFTER_SECONDS"],
      doc: "A main thread that stands still for so long loses its leases to other workers."
    },
    duration("seconds"),
    Duration.seconds(120)
  ),
  maxLag: setting(
    {
      key: "worker.max_event_loop_lag_ms",
      env: ["WORKER_MAX_EVENT_LOOP_LAG_MS"],
      doc: "How late the event loop may be before no more messages are taken; 0 asks it nothing."
    },
    duration("millis"),
    Duration.millis(500)
  ),
  deadLetterAfter: setting(
    {
      key: "worker.dead_letter_after",
      env: ["WORKER_DEAD_LETTER_AFTER"],
      doc: "Failures of ours with one message before it is parked as a dead letter. A server that is away does not count."
    },
    integer(1, 1000),
    100
  ),
  stateDir: optional(
    {
      key: "worker.state_dir",
      env: ["WORKER_STATE_DIR"],
      doc: "Folder of the journal of ended commands, so that it survives the process.",
      shownDefault: "none: kept in memory"
    },
    text
  ),
  queue: setting(
    { key: "queue.backend", env: ["WORKER_QUEUE"], doc: "Where messages come from." },
    oneOf(...queueNames),
    "nats"
  ),
  resultInline: setting(
    {
      key: "results.inline_max_bytes",
      env: ["NOETL_INLINE_MAX_BYTES"],
      doc: "Bytes of a result that go into an event; a larger one goes by reference."
    },
    integer(1024, 1024 * 1024),
    64 * 1024
  ),
  resultPreview: setting(
    {
      key: "results.preview_max_bytes",
      env: ["NOETL_PREVIEW_MAX_BYTES"],
      doc: "Characters of a result that stay readable beside its reference."
    },
    integer(0, 64 * 1024),
    1024
  ),
  statusInData: setting(
    {
      key: "compat.status_in_data",
      env: ["NOETL_COMPAT_STATUS_IN_DATA"],
      doc: "A status of error or failed in a tool's own data fails the task, as with the Python worker."
    },
    boolean,
    false
  ),
  lenientStatus: setting(
    {
      key: "compat.lenient_tool_status",
      env: ["NOETL_COMPAT_LENIENT_TOOL_STATUS"],
      doc: "A failure that a tool answers ends the step well, as with the Rust worker."
    },
    boolean,
    false
  ),
  retypeStrings: setting(
    {
      key: "compat.retype_strings",
      env: ["NOETL_COMPAT_RETYPE_STRINGS"],
      doc: "Text that a template made is read as JSON where it is JSON, as with the Rust worker."
    },
    boolean,
    false
  )
} as const
