/**
 * What differs between the generations of the NoETL server: its paths, how its answers read, which events tell an outcome,
 * in which shape, and how they are sent. One file a generation; the client around them is one.
 */
import type { Effect } from "effect"
import type { Claim } from "../../domain/Claim.ts"
import type { Command } from "../../domain/Command.ts"
import type { Credential } from "../../domain/Credential.ts"
import type { EventId, ExecutionId } from "../../domain/Ids.ts"
import type { Json, JsonObject } from "../../domain/Json.ts"
import type { Notification } from "../../domain/Notification.ts"
import type { WorkerEvent } from "../../domain/WorkerEvent.ts"
import type { Child, ChildStart, ChildStatus, ControlPlaneError, CredentialScope } from "../ControlPlane.ts"
import type { Answer, HttpJson, Request } from "./HttpJson.ts"

/** One server: `base` is its URL without a trailing slash. */
export interface Endpoint {
  readonly http: HttpJson["Service"]
  readonly base: string
}

type Call<A> = Effect.Effect<A, ControlPlaneError>

export interface Dialect {
  /** The same request again is the heartbeat. */
  readonly registration: (base: string, worker: WorkerIdentity) => Request
  readonly deregistration: (base: string, workerName: string) => Request
  readonly registeredWorkers: (server: Endpoint) => Call<ReadonlyArray<RegisteredWorker>>
  readonly claimRequest: (base: string, eventId: EventId, workerName: string) => Request
  readonly claimOf: (answer: Answer, notification: Notification, attempt: number) => Claim
  /** Whether an answer to a claim shows that the server publishes a command again when its owner dies. */
  readonly republishesOrphans: (answer: Answer) => boolean
  readonly report: (server: Endpoint, report: Report) => Call<void>
  readonly isCancelled: (server: Endpoint, execution: ExecutionId) => Call<boolean>
  readonly credential: (server: Endpoint, name: string) => Call<Credential | undefined>
  readonly keychain: (server: Endpoint, name: string, scope: CredentialScope) => Call<JsonObject | undefined>
  readonly playbook: (server: Endpoint, scope: CredentialScope) => Call<JsonObject | undefined>
  readonly startChild: (server: Endpoint, child: ChildRequest) => Call<Child>
  readonly childStatus: (server: Endpoint, child: ExecutionId) => Call<ChildStatus>
  /** The value of a step of the execution, or of the step that ended last. */
  readonly childResult: (server: Endpoint, child: ExecutionId, step: string | undefined) => Call<Json>
}

export interface Report {
  readonly command: Command
  readonly event: WorkerEvent
  readonly workerName: string
  /** An earlier report of the same ending may have arrived. */
  readonly mayBeThere: boolean
}

export interface ChildRequest extends ChildStart {
  /** Whether an execution is the child of another call of this worker. */
  readonly isKnown: (child: ExecutionId) => boolean
}

export interface WorkerIdentity {
  /** The name on the wire. */
  readonly name: string
  readonly pool: string
  readonly capacity: number
  readonly hostname: string
  readonly pid: number
}

export interface RegisteredWorker {
  readonly name: string
  /** Undefined where the server does not tell. */
  readonly hostname: string | undefined
}
