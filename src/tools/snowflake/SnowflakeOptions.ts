/** The operator's options for Snowflake. */
import { Context, Duration } from "effect"

export interface SnowflakeSettings {
  /** Sessions of one account, user and set of settings at a time. */
  readonly poolSize: number
  readonly maxPools: number
  /** How long a free session is kept. */
  readonly idle: Duration.Duration
  readonly connectTimeout: Duration.Duration
  /** How often a query that was submitted with `async` is asked about, at first and at most. */
  readonly pollFrom: Duration.Duration
  readonly pollTo: Duration.Duration
  /** `false` turns the driver's OCSP requests off. */
  readonly ocsp: boolean
  /** Origins beside `https://*.snowflakecomputing.com` for a playbook's `access_url`; `:*` is any port. */
  readonly allowedUrls: ReadonlyArray<string>
  readonly application: string
  readonly maxRows: number
  readonly maxBytes: number
}

export const defaults: SnowflakeSettings = {
  poolSize: 4,
  maxPools: 32,
  idle: Duration.minutes(2),
  connectTimeout: Duration.seconds(60),
  pollFrom: Duration.millis(500),
  pollTo: Duration.seconds(5),
  ocsp: true,
  allowedUrls: [],
  application: "noetl_worker",
  maxRows: 10_000,
  maxBytes: 32 * 1024 * 1024
}

/** Read once, by the layers; `Layer.succeed(SnowflakeOptions, {…})` around them changes it. */
export const SnowflakeOptions = Context.Reference<SnowflakeSettings>(
  "noetl-worker/tools/snowflake/SnowflakeOptions",
  { defaultValue: () => defaults }
)
