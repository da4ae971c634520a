/** How to reach the database, in the driver's own words. Plain data, so that a thread can use it too. */
import type { Duration, Redacted } from "effect"
import type { ClientConfig } from "pg"

export interface DatabaseSettings {
  /** `postgresql://user:password@host:port/database?sslmode=…`. */
  readonly url: Redacted.Redacted
  readonly maxConnections: number
  /** A statement without an answer for so long counts as lost with its connection. */
  readonly statementTimeout: Duration.Duration
  /** The connection's name at the server. */
  readonly applicationName: string
}

export const clientOptions = ({
  applicationName,
  url
}: {
  readonly applicationName: string
  readonly url: string
}) =>
  ({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: 5000,
    keepAlive: true
  }) satisfies ClientConfig
