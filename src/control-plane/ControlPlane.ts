/** The control plane port: it hands out commands, takes their outcomes and knows credentials. */
import { Context, Data, type Duration, type Effect, Schema } from "effect"
import type { Claim } from "../domain/Claim.ts"
import type { Command } from "../domain/Command.ts"
import type { Credential } from "../domain/Credential.ts"
import type { CredentialScope } from "../domain/CredentialScope.ts"
import type { CommandId, EventId, ExecutionId } from "../domain/Ids.ts"
import type { Json, JsonObject } from "../domain/Json.ts"
import type { Notification, Undecodable } from "../domain/Notification.ts"
import type { WorkerEvent } from "../domain/WorkerEvent.ts"

/** Who owns a command that we think is ours. */
export type Owner = Data.TaggedEnum<{
  Ours: object
  Other: { readonly name: string | undefined }
  /** It ended, here or elsewhere: there is nothing to report. */
  Ended: object
  /** The control plane cannot say. */
  Unknown: object
}>
export const Owner = Data.taggedEnum<Owner>()

/** The execution that starts a child, and the server it lives on. */
export interface Parent {
  readonly executionId: ExecutionId
  readonly serverUrl: string | undefined
  /** The command that starts it, where the caller can say. */
  readonly commandId?: CommandId
}

export interface ChildStart {
  readonly parent: Parent
  readonly path: string
  readonly version: string | undefined
  readonly payload: JsonObject
  /** The event that issued the command: its children have greater ids. */
  readonly eventId: EventId
  /** The command was delivered before, so that its child may be there already. */
  readonly mayBeThere: boolean
}

/** A child playbook that a command started. */
export interface Child {
  readonly executionId: ExecutionId
}
export interface ChildStatus {
  readonly executionId: ExecutionId
  readonly status: "running" | "completed" | "failed" | "cancelled"
  /** The whole answer of the control plane. */
  readonly document: JsonObject
}

/** The heartbeat as a POST request that a thread without this runtime can send. */
export interface HeartbeatRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** File with a bearer token, read for every heartbeat. */
  readonly tokenFile?: string | undefined
  /** Files for TLS, read for every heartbeat; undefined where the system's authorities are enough. */
  readonly tls?: TlsFiles | undefined
}

/** A server that messages name and that gives no answer. `since` is in milliseconds. */
export interface ServerAway {
  /** As logs show it. */
  readonly address: string
  readonly since: number
}

/** PEM files. They may be rotated while we run. */
export interface TlsFiles {
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", { detail: Schema.String }) {
  readonly isRetryable = true
}

/** The server is there and wants less of us. `retryAfter` in milliseconds. */
export class Busy extends Schema.TaggedError<Busy>()("Busy", {
  detail: Schema.String,
  retryAfter: Schema.UndefinedOr(Schema.Finite)
}) {
  readonly isRetryable = true
}

export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Int,
  body: Schema.String
}) {
  readonly isRetryable = false
  get detail(): string {
    return `HTTP ${this.status}: ${this.body}`
  }
}

export class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", { detail: Schema.String }) {
  readonly isRetryable = false
}

/** A server that this worker has no dialect for. No retry helps: another server or another worker does. */
export class Unsupported extends Schema.TaggedError<Unsupported>()("Unsupported", { detail: Schema.String }) {
  readonly isRetryable = false
}

export class ControlPlaneError extends Schema.TaggedError<ControlPlaneError>()("ControlPlaneError", {
  /** What was asked: `claim`, `report call.done`, … */
  operation: Schema.String,
  reason: Schema.Union([Unreachable, Busy, Refused, Unreadable, Unsupported])
}) {
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `${this.operation}: ${this.reason._tag}: ${this.reason.detail}`
  }
}

export class ControlPlane extends Context.Service<
  ControlPlane,
  {
    /** `noetl`, `memory`, … */
    readonly name: string
    /** Where it is, as logs show it: without credentials. */
    readonly address: string
    /** The name this process has on the wire. */
    readonly workerName: string
    /**
     * Whether the server publishes a command again when its owner dies. Then a first delivery may be a copy, and a
     * command is not lost with its message.
     */
    readonly republishesOrphans: Effect.Effect<boolean>
    readonly register: Effect.Effect<void, ControlPlaneError>
    readonly deregister: Effect.Effect<void, ControlPlaneError>
    /** Tells the server that this worker lives, from this thread. */
    readonly heartbeat: Effect.Effect<void, ControlPlaneError>
    /** The same as a request that another thread can send; undefined where only this thread can. */
    readonly heartbeatRequest: HeartbeatRequest | undefined
    /** Reads a message of the queue: a notification, or the job itself where there is no server that keeps it. */
    readonly notificationOf: (body: string) => Effect.Effect<Notification, Undecodable>
    readonly claim: (notification: Notification, attempt: number) => Effect.Effect<Claim, ControlPlaneError>
    /**
     * How long a claim without an answer is asked again: without end at the configured server, for some minutes at a
     * server that only messages name.
     */
    readonly claimPatience: (serverUrl: string | undefined) => Duration.Duration
    /** Servers beside the configured one whose last request had no answer, where there are such servers. */
    readonly serversAway?: Effect.Effect<ReadonlyArray<ServerAway>>
    /** Asks who owns a command that we claimed, after a gap in which another worker may have taken it. */
    readonly owner: (command: Command) => Effect.Effect<Owner, ControlPlaneError>
    /**
     * Tells of a command. A `Started` is best effort. An ending returns only when it was accepted, retries as
     * the dialect allows, and fails when it gave up: then the delivery must not be acknowledged. `mayBeThere` says that
     * an earlier report of the same ending may have arrived.
     */
    readonly report: (
      command: Command,
      event: WorkerEvent,
      options: { readonly mayBeThere: boolean }
    ) => Effect.Effect<void, ControlPlaneError>
    /** Whether the execution of a command was cancelled; false where the control plane cannot tell. */
    readonly cancelled: (
      command: Pick<Command, "executionId" | "serverUrl"> & Partial<Pick<Command, "commandId">>
    ) => Effect.Effect<boolean, ControlPlaneError>
    /** A credential by name; undefined when there is none. */
    readonly credential: (
      name: string,
      command: CredentialScope
    ) => Effect.Effect<Credential | undefined, ControlPlaneError>
    /** An entry of the playbook's keychain; undefined when there is none. */
    readonly keychain: (
      name: string,
      command: CredentialScope
    ) => Effect.Effect<JsonObject | undefined, ControlPlaneError>
    /** The playbook that an execution runs, as its YAML says; undefined where the control plane keeps none. */
    readonly playbook: (scope: CredentialScope) => Effect.Effect<JsonObject | undefined, ControlPlaneError>
    /** Starts a child, or finds the one that an earlier delivery of the same command started. */
    readonly startChild: (start: ChildStart) => Effect.Effect<Child, ControlPlaneError>
    readonly childStatus: (
      parent: Parent,
      child: ExecutionId
    ) => Effect.Effect<ChildStatus, ControlPlaneError>
    /** The value of a step of a child, or of the step that ended last. */
    readonly childResult: (
      parent: Parent,
      child: ExecutionId,
      step: string | undefined
    ) => Effect.Effect<Json, ControlPlaneError>
  }
>()("noetl-worker/control-plane/ControlPlane") {}

export type { CredentialScope }
