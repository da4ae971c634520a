/** What whoever runs the worker decides about the programs it starts. */
import { Context, Duration, type LogLevel } from "effect"
import { type ChildEnvironment, childEnvironment, type Inherit } from "./Environment.ts"
import type { Limits } from "./Limits.ts"

export interface ProcessOptions {
  /** The worker's environment, from which a child's is built. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Names (a trailing `*` matches the rest) that every child gets, secret or not. */
  readonly passEnv: ReadonlyArray<string>
  /** What a playbook gets that does not say `inherit_env`. */
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
  /** Of the lines that programs write. */
  readonly logLevel: LogLevel.Severity
}

export const defaults: Omit<ProcessOptions, "environment"> = {
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

/** Read once, by the layers of the tools; `Layer.succeed(ProcessOptions, {…})` around them changes it. */
export const ProcessOptions = Context.Reference<ProcessOptions>("noetl-worker/tools/process/ProcessOptions", {
  defaultValue: () => ({ ...defaults, environment: process.env })
})

/** The environment of a program by the worker's rules and the playbook's wishes. */
export const environmentOf = (
  options: ProcessOptions,
  wishes: { readonly inherit: Inherit | undefined; readonly extra: Readonly<Record<string, string>> }
): ChildEnvironment =>
  childEnvironment({
    worker: options.environment,
    passed: options.passEnv,
    inherit: wishes.inherit ?? options.inheritEnv,
    extra: wishes.extra
  })
