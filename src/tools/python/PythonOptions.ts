/** The operator's options for Python. */
import { Context, Duration } from "effect"

export interface PythonSettings {
  /** A name or a path. Otherwise PYTHON_PATH of the worker's environment, else `python3`, else `python`. */
  readonly interpreter: string | undefined
  /** Whether commands are forked from a warm process; see docs/decisions/021-warm-python.md. */
  readonly warm: boolean
  /** Modules that the warm process loads beside those of the standard library. They must not start threads. */
  readonly preload: ReadonlyArray<string>
  /** A warm process that does not answer in this time is stuck, or stopped by one of its children, and is replaced. */
  readonly patience: Duration.Duration
}

export const defaults: PythonSettings = {
  interpreter: undefined,
  warm: true,
  preload: [],
  patience: Duration.seconds(5)
}

/** Read once, by the layer of the tool; `Layer.succeed(PythonOptions, {…})` around it changes it. */
export const PythonOptions = Context.Reference<PythonSettings>("noetl-worker/tools/python/PythonOptions", {
  defaultValue: () => defaults
})
