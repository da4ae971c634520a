/** Command → outcome, with the start reported meanwhile. The only part of a job that runs the author's work. */
import { Cause, Clock, Context, Effect, Exit, Fiber, identity, References } from "effect"
import { inFiber } from "../async/within.ts"
import { ControlPlane } from "../control-plane/ControlPlane.ts"
import type { Command } from "../domain/Command.ts"
import * as Outcome from "../domain/Outcome.ts"
import { shortened } from "../domain/OutputMask.ts"
import { Started } from "../domain/WorkerEvent.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { updater } from "../telemetry/updater.ts"
import { Slot } from "../tools/Slot.ts"
import { Stopping } from "../tools/StopReason.ts"
import * as Execute from "./execute.ts"
import { type Deaths, Journal } from "../journal/Journal.ts"
import type { JobServices, JobSlot } from "./JobSlot.ts"
import { isSuspect } from "./poison.ts"

export const make = Effect.fnUntraced(function* ({ watch }: JobServices) {
  const controlPlane = yield* ControlPlane
  const execute = yield* Execute.make
  const journal = yield* Journal
  const count = countWith(yield* Effect.context())

  /** Runs a command while no other runs, so that the next death of the process is charged to the right one. */
  const inIsolation =
    (command: Command, { alone, amongOthers }: Deaths, slot: JobSlot) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.logWarning(
        `command ${command.commandId} was in flight when the process of this worker ended ` +
          `(${alone} times alone, ${amongOthers} times among others): it runs alone now`
      ).pipe(
        Effect.andThen(
          slot.alone(
            journal.startAlone(command.commandId).pipe(
              Effect.catch((error) => Effect.logWarning(`${error.message}; a death would not be charged`)),
              Effect.andThen(effect)
            )
          )
        )
      )

  /** In a fiber of its own, so that the watch can interrupt it and nothing else. */
  const executeWatched = (command: Command, slot: JobSlot, deaths: Deaths, stop: Stop) =>
    execute(command).pipe(
      slot.withKind(command.kind),
      isSuspect(deaths) ? inIsolation(command, deaths, slot) : identity,
      // One change of the context instead of three.
      Effect.updateContext((context: Context.Context<never>) =>
        context.pipe(
          Context.add(Slot, { park: slot.parkTool }),
          Context.add(Stopping, { why: Effect.sync(() => stop.why) }),
          Context.add(References.CurrentLogAnnotations, {
            ...Context.get(context, References.CurrentLogAnnotations),
            tool: command.kind
          })
        )
      ),
      inFiber((running) => {
        const forget = watch.add(slot.delivery.id, command, (why) => {
          stop.why = why
          running.interruptUnsafe()
        })
        return (exit) => {
          forget()
          return exit
        }
      })
    )

  return (command: Command, slot: JobSlot, deaths: Deaths) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const startedAt = yield* Clock.currentTimeMillis
        slot.at("run", command.kind)
        // It leaves while the tool runs. The ending waits for it, so that the execution's log keeps its order.
        const started = yield* Effect.forkChild(reportStart(controlPlane, command), {
          startImmediately: true
        })
        // An interruption from outside is the worker's shutdown; the two other reasons come from the watch.
        const stop: Stop = { why: "Shutdown" }
        const exit = yield* Effect.exit(Effect.interruptible(executeWatched(command, slot, deaths, stop)))
        slot.toolReleased()
        if (started.pollUnsafe() === undefined) {
          yield* restore(Fiber.await(started)).pipe(Effect.timeoutOption("2 seconds"), Effect.exit)
          yield* Fiber.interrupt(started)
        }
        const outcome = yield* outcomeOf(exit, stop.why)
        const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
        count(command.kind, outcome, seconds)
        yield* Effect.annotateLogs(logOutcome(command, outcome), { tool: command.kind, seconds })
        return outcome
      })
    )
})

interface Stop {
  why: Outcome.StopReason
}

const reportStart = (controlPlane: ControlPlane["Service"], command: Command) =>
  controlPlane
    .report(command, Started(), { mayBeThere: false })
    .pipe(Effect.catch((error) => Effect.logDebug(`the start was not reported: ${error.message}`)))

const outcomeOf = (
  exit: Exit.Exit<Outcome.Ending>,
  why: Outcome.StopReason
): Effect.Effect<Outcome.Outcome> => {
  if (Exit.isSuccess(exit)) return Effect.succeed(exit.value)
  return Cause.hasInterruptsOnly(exit.cause)
    ? Effect.succeed(Outcome.stopped(why))
    : Effect.failCause(exit.cause)
}

const countWith = (context: Context.Context<never>) => {
  const update = updater(context)
  return (kind: string, outcome: Outcome.Outcome, seconds: number): void => {
    const ended = Metrics.ended(kind)
    update(ended[outcome._tag], 1)
    if (outcome._tag === "Stopped") return
    update(ended.seconds, seconds)
    update(Metrics.jobsProcessed, 1)
    if (outcome._tag !== "Succeeded") update(Metrics.jobsFailed, 1)
  }
}

const logOutcome = (command: Command, outcome: Outcome.Outcome) => {
  const what = `${command.kind} ${outcome._tag === "Stopped" ? `stopped: ${outcome.why}` : outcome._tag.toLowerCase()}`
  if (outcome._tag === "Succeeded" || outcome._tag === "Stopped") return Effect.logInfo(what)
  const error = outcome._tag === "Crashed" ? outcome.error : outcome.result.error
  return Effect.flatMap(shortened(error?.message ?? "the tool gave no reason", 4_000), (why) =>
    Effect.logWarning(`${what}: ${why}`)
  )
}
