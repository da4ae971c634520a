/**
 * What differs between the generations of the NoETL server: how a claim reads, which events tell an outcome, in which
 * shape, and how they are sent. One file a generation; the client around them is one.
 */
import type { Effect } from "effect"
import type { Claim } from "../../domain/Claim.ts"
import type { Command } from "../../domain/Command.ts"
import type { JsonObject } from "../../domain/Json.ts"
import type { Notification } from "../../domain/Notification.ts"
import type { WorkerEvent } from "../../domain/WorkerEvent.ts"
import type { ControlPlaneError } from "../ControlPlane.ts"
import type { Answer, HttpJson } from "./HttpJson.ts"

export type DialectName = "python2" | "python4" | "rust3"

export interface Dialect {
  readonly name: DialectName
  /** The body of a registration; the same body again is the heartbeat. */
  readonly registration: (worker: WorkerIdentity) => JsonObject
  readonly claimOf: (answer: Answer, notification: Notification, attempt: number) => Claim
  /** The name in an answer that says somebody has the command. */
  readonly report: (
    http: HttpJson["Service"],
    base: string,
    workerName: string,
    command: Command,
    event: WorkerEvent,
    again: boolean
  ) => Effect.Effect<void, ControlPlaneError>
}

export interface WorkerIdentity {
  /** The name on the wire. */
  readonly name: string
  readonly pool: string
  readonly capacity: number
  readonly hostname: string
  readonly pid: number
}
