/**
 * The control plane of queues without a server. The message is the job: a claim reads it, a report hands the outcome to the queue
 * that holds the job, and whose a job is, is whose lease it has.
 */
import { BoundedMap } from "../../async/BoundedMap.ts"
import { Duration, Effect, Layer, Random, Result } from "effect"
import { Claimed, Rejected, RetryLater } from "../../domain/Claim.ts"
import type { Command } from "../../domain/Command.ts"
import type { CommandId, EventId, ExecutionId } from "../../domain/Ids.ts"
import type { JsonObject } from "../../domain/Json.ts"
import { type Notification, Undecodable } from "../../domain/Notification.ts"
import * as QueuedJob from "../../domain/QueuedJob.ts"
import type { WorkerEvent } from "../../domain/WorkerEvent.ts"
import { type JobLease, JobOutcomes } from "../../queue/JobOutcomes.ts"
import type { QueueError } from "../../queue/MessageQueue.ts"
import { ControlPlane, ControlPlaneError, Owner, Refused, Unreachable, Unsupported } from "../ControlPlane.ts"
import { commandOf } from "./commandOf.ts"
import { outcomeOf, type RetryDefaults } from "./outcomeOf.ts"

export interface Options {
  readonly workerName: string
  /** For jobs that name none of their own. */
  readonly retry: RetryDefaults
}

export const layer = (options: Options): Layer.Layer<ControlPlane, never, JobOutcomes> =>
  Layer.effect(
    ControlPlane,
    Effect.map(JobOutcomes, (queue) => make(options, queue))
  )

/** Deliveries that are remembered; those that were used longest ago are forgotten first. */
const maxEntries = 10_000

const make = ({ retry, workerName }: Options, queue: JobOutcomes["Service"]) => {
  /** Jobs between their delivery and their claim. */
  const unclaimed = new BoundedMap<CommandId, QueuedJob.QueuedJob>({ maxEntries })
  /** The lease of a command's last delivery: the one that counts. */
  const leases = new BoundedMap<CommandId, string>({ maxEntries })

  const leaseOf = (command: Command): JobLease => ({
    id: command.executionId,
    // An outcome of the journal may be reported under a newer delivery of the same attempt.
    lease: leases.get(command.commandId) ?? leaseIn(command)
  })

  const complete = Effect.fnUntraced(function* (command: Command, event: WorkerEvent) {
    const outcome = outcomeOf(event, command.meta, retry, yield* Random.next)
    if (outcome === undefined) return
    const operation = `report ${event._tag}`
    const accepted = yield* queue
      .complete(leaseOf(command), outcome)
      .pipe(Effect.mapError(asPlane(operation)))
    if (!accepted) return yield* new ControlPlaneError({ operation, reason: lost })
    leases.delete(command.commandId)
  })

  return ControlPlane.of({
    name: "jobs",
    address: queue.address,
    workerName,
    republishesOrphans: Effect.succeed(false),
    register: Effect.mapError(queue.present(workerName), asPlane("register")),
    deregister: Effect.mapError(queue.leave(workerName), asPlane("deregister")),
    heartbeat: Effect.mapError(queue.present(workerName), asPlane("heartbeat")),
    heartbeatRequest: undefined,
    notificationOf: (body) =>
      Effect.fromResult(QueuedJob.decode(body)).pipe(
        Effect.mapError(({ issues }) => new Undecodable({ issues })),
        Effect.map((job) => {
          const notification = notificationOf(job)
          unclaimed.set(notification.commandId, job)
          leases.set(notification.commandId, job.lease)
          return notification
        })
      ),
    claim: (notification) =>
      Effect.sync(() => {
        const job = unclaimed.get(notification.commandId)
        unclaimed.delete(notification.commandId)
        if (job === undefined)
          return RetryLater({
            after: undefined,
            reason: "the job was claimed from this delivery before",
            away: true
          })
        return Result.match(commandOf(job), {
          onFailure: (reason) => Rejected({ reason }),
          onSuccess: (command) => Claimed({ command })
        })
      }),
    claimPatience: () => Duration.infinity,
    owner: (command) =>
      queue.holder(leaseOf(command)).pipe(
        Effect.map((holder) =>
          holder === "Ours"
            ? Owner.Ours()
            : holder === "Ended"
              ? Owner.Ended()
              : Owner.Other({ name: undefined })
        ),
        Effect.mapError(asPlane("owner"))
      ),
    report: (command, event) => complete(command, event),
    cancelled: ({ executionId }) => Effect.mapError(queue.cancelled(executionId), asPlane("cancelled")),
    credential: () => Effect.succeed(undefined),
    keychain: () => Effect.succeed(undefined),
    playbook: () => Effect.succeed(undefined),
    startChild: () => noChildren,
    childStatus: () => noChildren,
    childResult: () => noChildren
  })
}

// --- helpers ---

const leaseIn = ({ meta }: Command): string => (typeof meta["lease"] === "string" ? meta["lease"] : "")

/** A retry is another command: what the journal knows of the attempt before says nothing about it. */
const notificationOf = (job: QueuedJob.QueuedJob): Notification => ({
  executionId: job.id as ExecutionId,
  eventId: job.id as EventId,
  commandId: `${job.id}:${job.attempt}` as CommandId,
  step: stepOf(job),
  serverUrl: undefined,
  pool: undefined,
  traceparent: job.traceparent
})

const stepOf = ({ kind, payload }: QueuedJob.QueuedJob): string => {
  const name = typeof payload === "object" && payload !== null ? (payload as JsonObject)["name"] : undefined
  return (kind === "tool" || kind === "pipeline") && typeof name === "string" && name !== ""
    ? name.slice(0, 1024)
    : kind
}

const lost = new Refused({
  status: 409,
  body: "the lease of the job was lost: another worker has it, and this outcome counts for nothing"
})

const asPlane =
  (operation: string) =>
  (error: QueueError): ControlPlaneError =>
    new ControlPlaneError({ operation, reason: new Unreachable({ detail: error.message }) })

const noChildren = Effect.fail(
  new ControlPlaneError({
    operation: "child",
    reason: new Unsupported({
      detail: "a job has no server that could run a playbook: submit it to a NoETL server"
    })
  })
)
