/**
 * When a message becomes a dead letter. The copy is safe at the queue before the message is discarded.
 *
 * That is due for a message that cannot be read, for a command that the control plane will never give, for one that
 * ended its worker before, and for one that failed here too often for a reason of this worker. A claim held elsewhere,
 * a shutdown, and a control plane that is away are no failures and do not count.
 */
import { Clock, DateTime, Duration, Effect, Metric } from "effect"
import { BoundedMap } from "../async/BoundedMap.ts"
import { ControlPlane } from "../control-plane/ControlPlane.ts"
import type { CommandId } from "../domain/Ids.ts"
import { type Delivery, Settlement } from "../queue/MessageQueue.ts"
import { Redactor } from "../secrets/Redactor.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { WorkerConfig } from "../WorkerConfig.ts"

/** How often each command failed here, for those that failed and have not ended since. */
export interface FailureCounter {
  /** Counts one more and answers with the count. */
  readonly add: (id: CommandId) => number
  readonly forget: (id: CommandId) => void
}

/** Counts for so many commands; those that failed longest ago are forgotten first. */
const maxCounted = 10_000

export const makeFailureCounter = (): FailureCounter => {
  const counts = new BoundedMap<CommandId, number>({ maxEntries: maxCounted })
  return {
    add: (id) => {
      const count = (counts.get(id) ?? 0) + 1
      counts.set(id, count)
      return count
    },
    forget: (id) => void counts.delete(id)
  }
}

/** The settlement as it is carried out: a retry too many is a discard, and a discard keeps a dead letter first. */
export const make = Effect.fnUntraced(function* (failures: FailureCounter) {
  const { deadLetterAfter } = yield* WorkerConfig
  const redactor = yield* Redactor
  const worker = (yield* ControlPlane).workerName

  const discard = Effect.fnUntraced(function* (delivery: Delivery, reason: string) {
    const at = DateTime.formatIso(DateTime.makeUnsafe(yield* Clock.currentTimeMillis))
    const masked = redactor.mask(reason)
    return yield* delivery.deadLetter({ reason: masked, attempts: delivery.attempt, at, worker }).pipe(
      Effect.tap(Metric.update(Metrics.deadLetters, 1)),
      Effect.tap((number) =>
        Effect.logError(
          `the message became a dead letter${number === undefined ? "" : ` (dead letter ${number})`}: ${masked}`
        )
      ),
      Effect.as<Settlement>(Settlement.Discard({ reason: masked })),
      Effect.catch((error) =>
        Effect.andThen(
          Metric.update(Metrics.deadLetterFailures, 1),
          Effect.as(
            Effect.logError(`the dead letter was not stored, so the message is kept: ${error.message}`),
            later
          )
        )
      )
    )
  })

  return (delivery: Delivery, due: Settlement, id: CommandId | undefined): Effect.Effect<Settlement> => {
    if (due._tag !== "Retry" && id !== undefined) failures.forget(id)
    if (due._tag === "Discard") return discard(delivery, due.reason)
    if (due._tag === "Ack" || !due.countsAsFailure || id === undefined) return Effect.succeed(due)
    const count = failures.add(id)
    if (count < deadLetterAfter) return Effect.succeed(due)
    failures.forget(id)
    return discard(delivery, `the command failed here ${count} times and did not come to an end`)
  }
})

const later: Settlement = Settlement.Retry({ after: Duration.seconds(30), countsAsFailure: false })
