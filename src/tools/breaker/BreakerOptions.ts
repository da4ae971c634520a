/** The operator's options for targets that fail. */
import { Context, Duration } from "effect"

export interface BreakerSettings {
  /** Failures of a target in a row after which it is left alone; zero never leaves it alone. */
  readonly failures: number
  /** How long at first. It doubles with each probe that fails. */
  readonly open: Duration.Duration
  readonly longest: Duration.Duration
  /** Targets that are remembered; those that were asked least lately are forgotten first. */
  readonly maxTargets: number
}

export const defaults: BreakerSettings = {
  failures: 10,
  open: Duration.seconds(5),
  longest: Duration.seconds(60),
  maxTargets: 1000
}

/** Read once, by the toolbox; `Layer.succeed(BreakerOptions, {…})` around it changes it. */
export const BreakerOptions = Context.Reference<BreakerSettings>(
  "noetl-worker/tools/breaker/BreakerOptions",
  {
    defaultValue: () => defaults
  }
)
