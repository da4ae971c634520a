/**
 * Messages that are given up. They are parked with the queue, confirmed, before they are ended: nothing vanishes.
 *
 * A message is given up when it cannot be read, when the control plane will never give its command, when its command
 * ended its worker before, and when it failed here too often for a reason that is ours. What somebody else holds, our
 * shutdown, and a control plane that is away are nobody's failure and do not count.
 */
import { Clock, DateTime, Duration, Effect, Metric } from "effect"
import { ControlPlane } from "../control-plane/ControlPlane.ts"
import type { CommandId } from "../domain/Ids.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { type Delivery, MessageQueue, Settlement } from "../queue/MessageQueue.ts"
import { Redactor } from "../secrets/Redactor.ts"
import { WorkerConfig } from "../WorkerConfig.ts"

/** How often each command failed here, for those that did and have not ended since. */
export interface Blame {
  /** Counts one more, this one included. */
  readonly add: (id: CommandId) => number
  readonly forget: (id: CommandId) => void
}

/** Remembers so many commands; those that failed longest ago are forgotten first. */
const remembered = 10_000

export const makeBlame = (): Blame => {
  const counts = new Map<CommandId, number>()
  return {
    add: (id) => {
      const count = (counts.get(id) ?? 0) + 1
      counts.delete(id)
      counts.set(id, count)
      const [oldest] = counts.keys()
      if (counts.size > remembered && oldest !== undefined) counts.delete(oldest)
      return count
    },
    forget: (id) => void counts.delete(id)
  }
}

/** What the queue hears in the end: a retry too many is a discard, and a discard is parked first. */
export const finalOf = Effect.fnUntraced(function* (
  delivery: Delivery,
  settlement: Settlement,
  id: CommandId,
  blame: Blame
) {
  const { deadLetterAfter } = yield* WorkerConfig
  if (settlement._tag !== "Retry") blame.forget(id)
  if (settlement._tag === "Discard") return yield* park(delivery, settlement.reason)
  if (settlement._tag !== "Retry" || !settlement.blame) return settlement
  const count = blame.add(id)
  if (count < deadLetterAfter) return settlement
  blame.forget(id)
  return yield* park(delivery, `failed here ${count} times and did not come to an end`)
})

/** A message that could not be parked stays where it is and is tried again. */
export const park = Effect.fnUntraced(function* (delivery: Delivery, reason: string) {
  const queue = yield* MessageQueue
  const redactor = yield* Redactor
  const worker = (yield* ControlPlane).workerName
  const at = DateTime.formatIso(DateTime.makeUnsafe(yield* Clock.currentTimeMillis))
  const masked = redactor.mask(reason)
  return yield* queue.park(delivery, { reason: masked, attempts: delivery.attempt, at, worker }).pipe(
    Effect.andThen(Metric.update(Metrics.deadLetters, 1)),
    Effect.andThen(Effect.logError(`given up and parked as a dead letter: ${masked}`)),
    Effect.as<Settlement>(Settlement.Discard({ reason: masked })),
    Effect.catch((error) =>
      Effect.andThen(
        Metric.update(Metrics.deadLetterFailures, 1),
        Effect.as(Effect.logError(`not parked, and kept: ${error.message}`), again)
      )
    )
  )
})

const again: Settlement = Settlement.Retry({ after: Duration.seconds(30), blame: false })
