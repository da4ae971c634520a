/** What the dispatcher lends to one job, and what all jobs share. */
import type { Effect } from "effect"
import type { Notification } from "../domain/Notification.ts"
import type { Delivery } from "../queue/MessageQueue.ts"
import type { SlotShape } from "../tools/Slot.ts"
import type { FailureCounter } from "./deadLetter.ts"
import type { Watch } from "./Watch.ts"

/** What a job does at this moment. `report` includes the wait for a control plane that is away. */
export type JobPhase = "claim" | "run" | "report"

export interface JobSlot {
  /** The delivery that the job works and settles. */
  readonly delivery: Delivery
  /** Registers the command as in flight. False when it is in flight already. */
  readonly enter: (notification: Notification) => boolean
  readonly at: (phase: JobPhase, kind?: string) => void
  /** Holds a permit of the command's kind around the effect, where the kind has a limit. */
  readonly withKind: (kind: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Called when the tool and all it held are gone, while the delivery is still held. */
  readonly toolReleased: () => void
  /** Called when nothing is left but to hand the delivery back, after the worker has deregistered. */
  readonly stopped: () => void
  /** Runs an effect that only waits without holding the slot. */
  readonly park: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** The same for a wait of the tool, as tools ask for it: its message may be acknowledged meanwhile, and a drain may end it. */
  readonly parkTool: SlotShape["park"]
  /** Runs an effect while no other job of this worker runs. */
  readonly alone: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Gives the slot back for good before a report, unless as many reports as there are slots are under way already. */
  readonly reports: Effect.Effect<void>
  /** Gives the slot back for good: what follows only waits. */
  readonly release: Effect.Effect<void>
}

export interface JobServices {
  /** How often commands failed here, over all jobs. */
  readonly failures: FailureCounter
  readonly watch: Watch
  /** Opens when the worker drains: a claim that is not answered is not asked again. */
  readonly draining: Effect.Effect<void>
  /** Opens when the worker has deregistered: a job that was stopped for the shutdown may go back to the queue. */
  readonly deregistered: Effect.Effect<void>
}
