/** Jobs in a database: the connection, the queues, retries, and how long what ended is kept. */
import { Duration } from "effect"
import { boolean, duration, integer, optional, queues, setting, text, url } from "../Setting.ts"

export const jobs = {
  databaseUrl: optional(
    {
      key: "database.url",
      env: ["DATABASE_URL"],
      doc: "The PostgreSQL database that keeps the jobs: postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=FILE.",
      shownDefault: "postgresql://localhost/nebula",
      secret: true
    },
    url(["postgres:", "postgresql:"])
  ),
  databaseConnections: setting(
    {
      key: "database.max_connections",
      env: ["DATABASE_MAX_CONNECTIONS"],
      doc: "Connections to the jobs' database at most; two more are open for notifications and for leases."
    },
    integer(1, 1000),
    20
  ),
  databaseMigrate: setting(
    {
      key: "database.migrate",
      env: ["DATABASE_MIGRATE"],
      doc: "Whether a worker brings the schema of jobs forward when it starts; otherwise noetl-worker queue migrate does."
    },
    boolean,
    true
  ),
  queues: setting(
    {
      key: "queue.names",
      env: ["WORKER_QUEUES", "QUEUE_NAMES"],
      doc: "Queues of the database that this worker works, each with its own concurrency and weight: default,mail=4,reports=2:3. In TOML also as [[queues]] with name, concurrency and weight."
    },
    queues,
    [{ name: "default", concurrency: undefined, weight: 1 }]
  ),
  pollInterval: setting(
    {
      key: "worker.poll_interval_ms",
      env: ["QUEUE_POLL_INTERVAL_MS"],
      flag: "poll-interval",
      alias: "p",
      doc: "How often a queue in a database is asked for jobs when no notification comes. NATS pushes and is not polled."
    },
    duration("millis"),
    Duration.millis(100)
  ),
  batchSize: setting(
    {
      key: "queue.batch_size",
      env: ["QUEUE_BATCH_SIZE"],
      doc: "Jobs that one claim takes at most, and never more than there are free slots."
    },
    integer(1, 1000),
    10
  ),
  visibilityTimeout: setting(
    {
      key: "queue.visibility_timeout_seconds",
      env: ["QUEUE_VISIBILITY_TIMEOUT_SECONDS"],
      doc: "How long a job stays with a worker that says nothing more; a running job's time is extended."
    },
    duration("seconds"),
    Duration.seconds(300)
  ),
  maxRetries: setting(
    {
      key: "queue.max_retries",
      env: ["QUEUE_MAX_RETRIES"],
      doc: "Retries of a job whose error may pass, where the job names no number of its own."
    },
    integer(0, 10_000),
    3
  ),
  retryDelay: setting(
    {
      key: "queue.retry_delay_seconds",
      env: ["QUEUE_RETRY_DELAY_SECONDS"],
      doc: "The pause before the first retry; doubled with each."
    },
    duration("seconds"),
    Duration.seconds(1)
  ),
  retryDelayMax: setting(
    {
      key: "queue.retry_delay_max_seconds",
      env: ["QUEUE_RETRY_DELAY_MAX_SECONDS"],
      doc: "The longest pause before a retry."
    },
    duration("seconds"),
    Duration.minutes(10)
  ),
  webhookUrl: optional(
    {
      key: "webhook.url",
      env: ["WORKER_WEBHOOK_URL"],
      doc: "Address that is told how each job of the database ended: a signed POST, tried again until it is taken.",
      shownDefault: "nothing is sent"
    },
    url(["http:", "https:"])
  ),
  webhookSecret: optional(
    {
      key: "webhook.secret",
      env: ["WORKER_WEBHOOK_SECRET"],
      doc: "Secret of the webhook's signature (HMAC with SHA-256). Without it nothing is sent.",
      secret: true
    },
    text
  ),
  keepEnded: setting(
    {
      key: "queue.keep_ended_seconds",
      env: ["QUEUE_KEEP_ENDED_SECONDS"],
      doc: "How long jobs that succeeded or were cancelled stay in the table."
    },
    duration("seconds"),
    Duration.days(7)
  ),
  keepFailed: setting(
    {
      key: "queue.keep_failed_seconds",
      env: ["QUEUE_KEEP_FAILED_SECONDS"],
      doc: "How long dead letters stay in the table."
    },
    duration("seconds"),
    Duration.days(30)
  )
} as const
