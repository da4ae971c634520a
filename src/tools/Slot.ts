/** The permit that a running command holds, and the way to give it back while the command only waits. */
import { Context, type Duration, type Effect } from "effect"

export interface SlotShape {
  /**
   * Runs an effect that only waits (a retry's delay, a child playbook, a Kubernetes Job) without holding
   * the slot, and takes a slot again before it goes on. When the worker drains, the wait ends with an interruption and the
   * command goes back to the queue, unless it ends `within` the time that the drain has.
   */
  readonly park: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    within?: Duration.Duration
  ) => Effect.Effect<A, E, R>
}

/** Outside a dispatcher there is no slot to give back, so parking is running. */
export const Slot = Context.Reference<SlotShape>("noetl-worker/tools/Slot", {
  defaultValue: () => ({ park: (effect) => effect })
})
