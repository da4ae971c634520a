/**
 * Ending → the control plane, until it was accepted or the time is over. An outcome stays in the journal until then.
 *
 * A report that waits holds neither a slot nor capacity: the journal's limit bounds how many wait. As many reports as
 * there are slots give theirs back at once; each further one holds it for a second, so that a slow server is no flood.
 */
import { Cause, Clock, Duration, Effect } from "effect"
import { whenLonger, withinOrElse } from "../async/within.ts"
import { ControlPlane } from "../control-plane/ControlPlane.ts"
import type { Command } from "../domain/Command.ts"
import type { Ending } from "../domain/Outcome.ts"
import { type Entry, Journal } from "../journal/Journal.ts"
import { Leases } from "../queue/Leases.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { updater } from "../telemetry/updater.ts"
import { WorkerConfig } from "../WorkerConfig.ts"
import type { JobSlot } from "./JobSlot.ts"
import { poisonCode } from "./poison.ts"
import { eventOf } from "./report.ts"
import type { JobExit } from "./settlementOf.ts"

/** How long a report may take before its slot goes to the next command, in milliseconds. */
const holdsSlotFor = 1000

export const make = Effect.gen(function* () {
  const controlPlane = yield* ControlPlane
  const journal = yield* Journal
  const leases = yield* Leases
  const reportWithin = Duration.toMillis((yield* WorkerConfig).reportWithin)
  const late = () => Effect.fail(new Cause.TimeoutError(`no answer within ${reportWithin / 1000} s`))
  const clock = yield* Clock.Clock
  const update = updater(yield* Effect.context())

  const report = Effect.fnUntraced(function* (command: Command, ending: Ending, mayBeThere: boolean) {
    const startedAt = clock.currentTimeMillisUnsafe()
    const sent = withinOrElse(
      reportWithin,
      late
    )(controlPlane.report(command, eventOf(ending), { mayBeThere }))
    // What outlives the drain is interrupted, the wait for a control plane that is away included.
    yield* Effect.interruptible(sent).pipe(
      Effect.tapError((error) => {
        update(Metrics.reportFailures, 1)
        return Effect.logError(`the outcome was not reported and stays in the journal: ${error.message}`)
      })
    )
    update(Metrics.reportSeconds, (clock.currentTimeMillisUnsafe() - startedAt) / 1000)
    yield* journal.markReported(command.commandId)
    update(Metrics.reports, 1)
    return exitOf(ending)
  })

  const reportIfOurs = Effect.fnUntraced(function* (command: Command, ending: Ending, mayBeThere: boolean) {
    const owner = yield* controlPlane.owner(command)
    switch (owner._tag) {
      case "Ours":
        return yield* report(command, ending, mayBeThere)
      case "Ended":
        yield* Effect.logWarning(
          "the command ended elsewhere after our lease expired: our outcome is dropped"
        )
        yield* journal.markReported(command.commandId)
        return { _tag: "Reported" } satisfies JobExit
      case "Other":
        yield* Effect.logWarning(
          `${owner.name ?? "another worker"} owns the command since our lease expired: our outcome waits`
        )
        return { _tag: "HeldElsewhere", owner: owner.name, retryAfter: undefined } satisfies JobExit
      case "Unknown":
        return {
          _tag: "RetryLater",
          after: undefined,
          reason: "the server cannot tell who owns the command"
        } satisfies JobExit
    }
  })

  const again = Effect.fnUntraced(function* ({ command, ending }: Entry) {
    yield* Effect.logInfo(
      "the command ended here before and was not reported: reporting again, not running again"
    )
    return yield* reportIfOurs(command, ending, true)
  })

  return {
    /** For a command that ended at this moment. After an expired lease it is reported only if it is still ours. */
    now: (command: Command, ending: Ending, slot: JobSlot) => {
      slot.at("report")
      const reported = leases.expired(slot.delivery.id) ? reportIfOurs : report
      return Effect.andThen(
        slot.reports,
        whenLonger(holdsSlotFor, slot.release)(reported(command, ending, false))
      )
    },
    /** For a delivery whose command ended here before. */
    again,
    /** For an outcome in the journal without a delivery: the queue may bring its message later, or never. */
    leftover: (entry: Entry) =>
      again(entry).pipe(
        Effect.uninterruptible,
        Effect.catch((error) => Effect.logDebug(`the outcome is still not reported: ${error.message}`)),
        Effect.annotateLogs({ execution: entry.command.executionId, command: entry.command.commandId })
      )
  }
})

/** A poison message is kept as a dead letter after its failure was reported. */
const exitOf = (ending: Ending): JobExit =>
  ending._tag === "Crashed" && ending.error.code === poisonCode
    ? { _tag: "Poisoned", reason: ending.error.message }
    : { _tag: "Reported" }
