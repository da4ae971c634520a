/** Everything that is known of a run. It never changes: each event gives a new one. */
import { HashMap } from "effect"
import type { Json, JsonObject } from "../../domain/Json.ts"
import type { RunError } from "./Event.ts"

/** What an iteration, or a claim, is to its step. */
export type Role =
  | { readonly type: "whole" }
  | { readonly type: "iteration"; readonly index: number; readonly lane: number }
  | { readonly type: "claim"; readonly lane: number }

/** A command that a worker has, or is about to have. */
export interface InFlight {
  readonly step: string
  readonly role: Role
}

/** Rows of one claim that a cursor's loop works on. */
export interface Lane {
  readonly rows: ReadonlyArray<Json>
  /** The next of them. */
  readonly next: number
  readonly running: number
  /** Tries of the claim that is going on. */
  readonly claims: number
}

export interface LoopProgress {
  /** Undefined for a cursor, whose rows cannot be counted before. */
  readonly items: ReadonlyArray<Json> | undefined
  readonly maxInFlight: number
  readonly next: number
  readonly running: number
  readonly failed: number
  readonly done: number
  readonly results: HashMap.HashMap<number, Json>
  readonly lanes: ReadonlyArray<Lane>
  readonly frames: number
  readonly maxRows: number
}

/** A step that runs. */
export interface Activity {
  /** The number of the run of this step, from 1. */
  readonly run: number
  readonly loop: LoopProgress | undefined
}

export type StepStatus = "running" | "completed" | "failed" | "skipped"

export interface StepRecord {
  readonly status: StepStatus
  readonly runs: number
  /** How often it was entered since a value of the run changed last. */
  readonly idleRuns: number
  readonly seenChanges: number
}

export interface Failure {
  readonly step: string
  readonly error: RunError
  readonly command: string | undefined
}

export interface State {
  readonly status: "new" | "running" | "final" | "completed" | "failed" | "cancelled"
  /** What every template sees and nothing changes: ids, `env`, `payload`, … */
  readonly base: JsonObject
  readonly workload: JsonObject
  readonly ctx: JsonObject
  /** How often `ctx` changed. */
  readonly changes: number
  /** Step → its value. */
  readonly results: HashMap.HashMap<string, Json>
  /** Step → numbers of the tokens that wait there. */
  readonly waiting: ReadonlyMap<string, ReadonlyArray<number>>
  readonly running: ReadonlyMap<string, Activity>
  readonly steps: HashMap.HashMap<string, StepRecord>
  readonly commands: HashMap.HashMap<string, InFlight>
  readonly tokens: number
  readonly issued: number
  readonly stepRuns: number
  readonly failures: ReadonlyArray<Failure>
  /** No step is entered any more. */
  readonly stopping: boolean
  /** The step that completed last. */
  readonly last: string | undefined
}

export const initial: State = {
  status: "new",
  base: {},
  workload: {},
  ctx: {},
  changes: 0,
  results: HashMap.empty(),
  waiting: new Map(),
  running: new Map(),
  steps: HashMap.empty(),
  commands: HashMap.empty(),
  tokens: 0,
  issued: 0,
  stepRuns: 0,
  failures: [],
  stopping: false,
  last: undefined
}

export const isOver = ({ status }: State): boolean =>
  status === "completed" || status === "failed" || status === "cancelled"
