/** A playbook as the engine runs it: what the author wrote, every default decided. */
import type { Json, JsonObject } from "../domain/Json.ts"

/** Target → template, in the order written. */
export type SetBlock = ReadonlyArray<readonly [target: string, value: Json]>

export interface Arc {
  readonly step: string
  /** Undefined where nothing is asked. */
  readonly when: Json | undefined
  readonly set: SetBlock
}

export interface AdmitRule {
  readonly when: Json
  readonly allow: boolean
}

export interface Frame {
  readonly maxRows: Json
  readonly rowConcurrency: Json
  readonly process: "row" | "frame"
  /** Tries of one claim. */
  readonly maxAttempts: number
}

export type Loop =
  | {
      readonly mode: "sequential" | "parallel"
      readonly iterator: string
      readonly in: Json
      readonly maxInFlight: Json | undefined
    }
  | {
      readonly mode: "cursor"
      readonly iterator: string
      readonly cursor: JsonObject
      readonly frame: Frame
      readonly maxInFlight: Json | undefined
    }

export interface Step {
  readonly name: string
  /** Line of the file; 0 where it is not known. */
  readonly line: number
  readonly desc: string | undefined
  /** What a worker is given: a tool's kind with its settings, or `task_sequence`. */
  readonly kind: string
  readonly config: JsonObject
  /** The kinds of all tasks, entries of the workbook included. */
  readonly kinds: ReadonlyArray<string>
  readonly admit: ReadonlyArray<AdmitRule>
  readonly loop: Loop | undefined
  readonly set: SetBlock
  readonly mode: "exclusive" | "inclusive"
  readonly arcs: ReadonlyArray<Arc>
  /** Whether arcs that all do not match leave no event. */
  readonly quiet: boolean
  /** Seconds for the whole step. */
  readonly timeout: number | undefined
}

export interface Playbook {
  readonly file: string
  readonly name: string
  /** Its place in a catalog. */
  readonly path: string
  readonly version: string | undefined
  readonly description: string | undefined
  readonly profile: "local" | "distributed" | "auto"
  readonly workload: JsonObject
  /** A root `spec` beside a workload, which templates read as `spec`. */
  readonly spec: Json | undefined
  readonly keychain: ReadonlyArray<JsonObject>
  readonly steps: ReadonlyMap<string, Step>
  readonly entry: string
  readonly finalStep: string | undefined
  /** Whether a step none of whose arcs matches fails the run. */
  readonly noNextIsError: boolean
  /** The whole document, normalised: what a worker asks for a workbook's entry. */
  readonly document: JsonObject
}
