/** The one place that answers the queue, once for each job, whatever the job ended with. */
import { Cause, Effect, Exit } from "effect"
import { ControlPlane, type ControlPlaneError } from "../control-plane/ControlPlane.ts"
import type { CommandId } from "../domain/Ids.ts"
import type { JournalError } from "../journal/Journal.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { updater } from "../telemetry/updater.ts"
import { WorkerConfig } from "../WorkerConfig.ts"
import * as DeadLetter from "./deadLetter.ts"
import type { JobServices, JobSlot } from "./JobSlot.ts"
import { type JobExit, settlementOf } from "./settlementOf.ts"

export type JobError = ControlPlaneError | JournalError | Cause.TimeoutError

export const make = Effect.fnUntraced(function* ({ deregistered, failures }: JobServices) {
  const { heldRetry } = yield* WorkerConfig
  const update = updater(yield* Effect.context())
  const { republishesOrphans } = yield* ControlPlane
  const deadLetterIfDue = yield* DeadLetter.make(failures)

  const answer = Effect.fnUntraced(function* (
    slot: JobSlot,
    id: CommandId | undefined,
    exit: Exit.Exit<JobExit, JobError>
  ) {
    const { delivery } = slot
    const due = settlementOf(exit, {
      attempt: delivery.attempt,
      republishes: yield* republishesOrphans,
      heldRetry
    })
    if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause))
      yield* Effect.logWarning("the job did not come to an end and is tried again", exit.cause)
    const settlement = yield* deadLetterIfDue(delivery, due, id)
    slot.toolReleased()
    if (waitsForShutdown(exit)) {
      slot.stopped()
      yield* deregistered
    }
    yield* delivery.settle(settlement).pipe(
      Effect.map(() => update(Metrics.settled[settlement._tag], 1)),
      // The queue delivers it again when the lease is over, and the journal knows what to answer then.
      Effect.catch((error) => Effect.logError(`the queue did not take ${settlement._tag}: ${error.message}`))
    )
  })

  /** Runs a job uninterruptibly but where it says otherwise, and settles its delivery. */
  return <R>(
    slot: JobSlot,
    id: CommandId | undefined,
    job: Effect.Effect<JobExit, JobError, R>
  ): Effect.Effect<void, never, R> =>
    Effect.uninterruptible(Effect.flatMap(Effect.exit(job), (exit) => answer(slot, id, exit)))
})

/** Handed back before the worker has deregistered, the command would still be claimed by it. */
const waitsForShutdown = (exit: Exit.Exit<JobExit, unknown>): boolean =>
  Exit.isSuccess(exit)
    ? exit.value._tag === "Stopped" && exit.value.why === "Shutdown"
    : Cause.hasInterruptsOnly(exit.cause)
