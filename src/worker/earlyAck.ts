/**
 * Commands that only wait (a retry's delay, a child playbook, a script's Job) hold a message of the queue, and a queue lets
 * all workers together hold so many only: 64 waits would stop the pool.
 *
 * Such a message is acknowledged early where nothing can be lost by it: the wait is in a journal on disk, which the next
 * start of this worker takes up, and the server publishes the command again if this worker never returns.
 */
import { Duration, Effect } from "effect"
import { ControlPlane } from "../control-plane/ControlPlane.ts"
import { Journal } from "../journal/Journal.ts"
import { type Delivery, Settlement } from "../queue/MessageQueue.ts"
import type { Entry } from "./InFlight.ts"

export const make = Effect.gen(function* () {
  const journal = yield* Journal
  const { republishesOrphans } = yield* ControlPlane
  return (delivery: Delivery, entry: Entry): Effect.Effect<void> =>
    Effect.gen(function* () {
      const { command } = entry
      if (command === undefined || entry.acknowledged || !journal.isDurable || !(yield* republishesOrphans))
        return
      yield* journal.recordWaiting(command, delivery.body)
      yield* delivery.settle(Settlement.Ack())
      entry.acknowledged = true
      yield* Effect.logDebug("the command only waits: its message is acknowledged, and the journal keeps it")
    }).pipe(
      Effect.uninterruptible,
      Effect.catch((error) => Effect.logWarning(`a waiting command keeps its message: ${error.message}`))
    )
})

/** Commands that waited when an earlier process of this worker ended, as deliveries: the queue has none for them. */
export const takenUp = Effect.gen(function* () {
  const journal = yield* Journal
  const waits = yield* journal.waiting
  return waits.map(({ body, id }): Delivery => {
    const forget = journal.forgetWaiting(id).pipe(Effect.catch((error) => Effect.logWarning(error.message)))
    return {
      id: `journal:${id}`,
      body,
      attempt: 2,
      lease: { duration: Duration.infinity, extend: Effect.void, remote: undefined },
      // A retry is for the next start: the server publishes the command again where another worker is to have it.
      settle: (settlement) => (settlement._tag === "Retry" ? Effect.void : forget),
      deadLetter: ({ reason }) =>
        Effect.as(
          Effect.logError(
            `a command that waited in the journal is given up (${reason}); its message was: ${body}`
          ),
          undefined
        )
    }
  })
})
