/** The operator's options for PostgreSQL connections and results. */
import { Context, Duration } from "effect"

export interface PostgresSettings {
  /** Connections of one pool; a playbook can ask for less or more with `pool.max_size`, up to 64. */
  readonly poolSize: number
  /** Commands that may wait for a connection of one pool. */
  readonly maxWaiting: number
  /** Pools, one for each server, database and user, at a time. */
  readonly maxPools: number
  readonly idle: Duration.Duration
  readonly lifetime: Duration.Duration
  /** For a connection, free or new. */
  readonly connectTimeout: Duration.Duration
  /** A connection that was idle for longer is asked whether it lives. */
  readonly checkAfter: Duration.Duration
  /** How often a connection is tried, and the first pause between. */
  readonly connectAttempts: number
  readonly connectPause: Duration.Duration
  /** How long a cancelled statement may take to end before its connection is given up. */
  readonly cancelGrace: Duration.Duration
  /** Kept of a result, where a playbook names no limit of its own. */
  readonly maxRows: number
  readonly maxBytes: number
  readonly applicationName: string
  /** Certificates that a playbook names as files lie below it; without it there are none. */
  readonly filesRoot: string | undefined
}

export const defaults: PostgresSettings = {
  poolSize: 6,
  maxWaiting: 256,
  maxPools: 64,
  idle: Duration.seconds(30),
  lifetime: Duration.minutes(30),
  connectTimeout: Duration.seconds(10),
  checkAfter: Duration.seconds(15),
  connectAttempts: 3,
  connectPause: Duration.millis(200),
  cancelGrace: Duration.seconds(5),
  maxRows: 10_000,
  maxBytes: 32 * 1024 * 1024,
  applicationName: "noetl-worker",
  filesRoot: undefined
}

/** Read once, by the layers; `Layer.succeed(PostgresOptions, {…})` around them changes it. */
export const PostgresOptions = Context.Reference<PostgresSettings>(
  "noetl-worker/tools/postgres/PostgresOptions",
  {
    defaultValue: () => defaults
  }
)
