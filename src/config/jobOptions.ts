/** Values of the configuration → how the worker uses the jobs' database. */
import { Duration, Redacted } from "effect"
import type { RetryDefaults } from "../control-plane/jobs/outcomeOf.ts"
import type { DatabaseSettings } from "../postgres/clientOptions.ts"
import type * as PostgresQueue from "../queue/postgres/PostgresQueue.ts"
import type * as Webhook from "../jobs/webhook.ts"
import type { Values } from "./settings.ts"

export const databaseUrl = (values: Values): string => values.databaseUrl ?? "postgresql://localhost/nebula"

export const databaseSettings = (values: Values, name = "noetl-worker"): DatabaseSettings => ({
  url: Redacted.make(databaseUrl(values)),
  maxConnections: values.databaseConnections,
  statementTimeout: Duration.seconds(15),
  applicationName: name
})

export const queueSettings = (values: Values, worker: string): PostgresQueue.Options => ({
  worker,
  pool: values.pool,
  queues: values.queues,
  batchSize: values.batchSize,
  pollInterval: values.pollInterval,
  visibilityTimeout: values.visibilityTimeout,
  answeredWithin: values.healthCheck,
  migrate: values.databaseMigrate,
  webhook: values.webhookUrl !== undefined,
  maintenance: { keepEnded: values.keepEnded, keepFailed: values.keepFailed }
})

/** Undefined where outcomes go nowhere. */
export const webhookSettings = (values: Values): Webhook.Options | undefined =>
  values.webhookUrl === undefined
    ? undefined
    : {
        url: values.webhookUrl,
        secret: Redacted.make(values.webhookSecret ?? ""),
        timeout: Duration.seconds(10)
      }

export const retryDefaults = (values: Values): RetryDefaults => ({
  maxRetries: values.maxRetries,
  first: values.retryDelay,
  longest: values.retryDelayMax
})
