/** The operator's options for the programs that tools start. */
import { Context, Duration, Layer, type LogLevel } from "effect"
import { type ChildEnvironment, childEnvironment, type Inherit } from "./Environment.ts"
import type { Limits } from "./Limits.ts"
import type { UserRange } from "./Users.ts"

export interface ProcessSettings {
  /** The worker's environment, from which a child's is built. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Names (a trailing `*` matches the rest) that every child gets, secret or not. */
  readonly passEnv: ReadonlyArray<string>
  /** What a playbook without `inherit_env` gets. */
  readonly inheritEnv: Inherit
  /** Between TERM and KILL. */
  readonly grace: Duration.Duration
  /** Kept of each of stdout and stderr. */
  readonly maxOutputBytes: number
  /** Logged of each of stdout and stderr. */
  readonly maxLoggedBytes: number
  /** The largest result that a program may hand over apart from its stdout. */
  readonly maxResultBytes: number
  /** A playbook can ask for less, not for more. */
  readonly limits: Limits
  /** -1000 … 1000: how much rather the kernel takes the child than another process when memory is short. */
  readonly oomScoreAdj: number
  /** Users that programs run as, one each; without them they run as the worker does. */
  readonly users?: UserRange | undefined
  /** Of the lines that programs write. */
  readonly logLevel: LogLevel.Severity
}

export const defaults: Omit<ProcessSettings, "environment"> = {
  passEnv: [],
  inheritEnv: false,
  grace: Duration.seconds(5),
  maxOutputBytes: 10 * 1024 * 1024,
  maxLoggedBytes: 1024 * 1024,
  maxResultBytes: 64 * 1024 * 1024,
  limits: {},
  oomScoreAdj: 1000,
  logLevel: "Debug"
}

/** How programs are started. There is no default: every composition of tools decides. Read once, by the layers of the tools. */
export class ProcessOptions extends Context.Service<ProcessOptions, ProcessSettings>()(
  "noetl-worker/tools/process/ProcessOptions"
) {
  static readonly layer = (settings: Partial<ProcessSettings>): Layer.Layer<ProcessOptions> =>
    Layer.sync(ProcessOptions, () => ({ ...defaults, environment: process.env, ...settings }))

  /** Programs get no variables of the worker but the harmless ones, and no limits of their own. */
  static readonly layerDevelopment = ProcessOptions.layer({})

  /** The same within limits, which a playbook can only lower. */
  static readonly layerProduction = (limits: Limits): Layer.Layer<ProcessOptions> =>
    ProcessOptions.layer({ limits })
}

/** The environment of a program by the worker's rules and the playbook's wishes. */
export const environmentOf = (
  options: ProcessSettings,
  wishes: { readonly inherit: Inherit | undefined; readonly extra: Readonly<Record<string, string>> }
): ChildEnvironment =>
  childEnvironment({
    worker: options.environment,
    passed: options.passEnv,
    inherit: wishes.inherit ?? options.inheritEnv,
    extra: wishes.extra
  })
