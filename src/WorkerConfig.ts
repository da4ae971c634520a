/** What the worker itself needs to know. Names and sources of the settings are in `config/`. */
import { Context, Duration, Layer } from "effect"

export interface WorkerSettings {
  /** Commands that run at once. */
  readonly concurrency: number
  /** Messages fetched beyond the free slots, so that a slot need not wait for a round trip. */
  readonly prefetch: number
  /** Commands that run at once by kind, or by kinds together (`postgres+duckdb`); other kinds have no limit of their own. */
  readonly kindLimits: ReadonlyMap<string, number>
  /** How long running commands may go on after a stop was asked for. */
  readonly drain: Duration.Duration
  /** How long a deregistration may take before the shutdown goes on without it. */
  readonly deregisterWithin: Duration.Duration
  readonly claimWithin: Duration.Duration
  /** How long an outcome is offered to the control plane before the delivery goes back. */
  readonly reportWithin: Duration.Duration
  /** How often a running command's execution is asked about. */
  readonly cancellationEvery: Duration.Duration
  /** The deadline of a tool that names none. */
  readonly commandTimeout: Duration.Duration
  /** The pause before a command that another worker holds is tried again: doubled from the first to the last. */
  readonly heldRetry: { readonly first: Duration.Duration; readonly last: Duration.Duration }
  /** Failures of ours with one message before it becomes a dead letter. */
  readonly deadLetterAfter: number
  /** How late the event loop may be for more commands to be taken; zero asks it nothing. */
  readonly maxLag: Duration.Duration
  /** How often we say that we live. */
  readonly heartbeatEvery: Duration.Duration
  /** A `status` of `error` or `failed` in a tool's own data fails the task, as with the Python worker. */
  readonly statusInData: boolean
  /** A failure that a tool answers, and does not throw, ends the step well, as with the Rust worker. */
  readonly lenientStatus: boolean
}

export class WorkerConfig extends Context.Service<WorkerConfig, WorkerSettings>()(
  "noetl-worker/WorkerConfig"
) {
  static readonly defaults: WorkerSettings = {
    concurrency: 4,
    prefetch: 1,
    kindLimits: new Map(),
    drain: Duration.seconds(30),
    deregisterWithin: Duration.seconds(5),
    claimWithin: Duration.seconds(15),
    reportWithin: Duration.minutes(5),
    cancellationEvery: Duration.seconds(15),
    commandTimeout: Duration.minutes(30),
    heldRetry: { first: Duration.seconds(5), last: Duration.seconds(60) },
    deadLetterAfter: 100,
    maxLag: Duration.millis(500),
    heartbeatEvery: Duration.seconds(15),
    statusInData: false,
    lenientStatus: false
  }

  static readonly layer = (settings: Partial<WorkerSettings> = {}): Layer.Layer<WorkerConfig> =>
    Layer.succeed(WorkerConfig, { ...WorkerConfig.defaults, ...settings })
}
