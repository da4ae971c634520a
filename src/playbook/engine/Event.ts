/** What comes into a run, and what comes out of it. The events alone are the journal: replayed, they give the state. */
import type { Json, JsonObject } from "../../domain/Json.ts"

/** Why something failed. `kind` is what guards branch on. */
export interface RunError {
  readonly kind: string
  readonly message: string
  readonly [more: string]: Json
}

/** How a command ended. */
export type CommandResult =
  | { readonly ok: true; readonly data: Json; readonly updates: JsonObject }
  | {
      readonly ok: false
      readonly data: Json | undefined
      readonly updates: JsonObject
      readonly error: RunError
    }

/** Something that happened. `at` in milliseconds since 1970. */
export type Event =
  | {
      readonly type: "started"
      readonly at: number
      readonly executionId: string
      readonly parentExecutionId: string | undefined
      readonly payload: JsonObject
      /** Whether the payload is merged into the workload as deep as it goes. */
      readonly merge: boolean
      /** The step to start at; undefined for the playbook's own. */
      readonly target: string | undefined
      /** Seconds that the whole run may take. */
      readonly timeout: number | undefined
      /** What templates read as `env`. */
      readonly env: JsonObject
    }
  | { readonly type: "ended"; readonly at: number; readonly command: string; readonly result: CommandResult }
  | { readonly type: "timer"; readonly at: number; readonly timer: string }
  | { readonly type: "cancelled"; readonly at: number; readonly reason: string }

/** One thing to do for a worker. */
export interface IssuedCommand {
  /** Unique in the run, and the same when the run is replayed. */
  readonly id: string
  readonly step: string
  readonly kind: string
  readonly config: JsonObject
  /** What templates may read. */
  readonly context: JsonObject
  readonly iteration: { readonly index: number; readonly total: number | undefined } | undefined
}

/** A line of the run's log, as people and programs read it. */
export interface LogEntry {
  readonly type: string
  readonly step: string | undefined
  readonly command?: string
  readonly error?: RunError
  readonly data?: Json
  readonly meta?: JsonObject
}

export type Ending = "completed" | "failed" | "cancelled"

export type Action =
  | { readonly type: "issue"; readonly command: IssuedCommand }
  /** Commands whose outcome is of no interest any more: they are to be stopped. */
  | { readonly type: "withdraw"; readonly commands: ReadonlyArray<string> }
  /** Asks for a `timer` event after some seconds. */
  | { readonly type: "timer"; readonly timer: string; readonly seconds: number }
  | { readonly type: "log"; readonly entry: LogEntry }
  | { readonly type: "finish"; readonly ending: Ending }
