/** Looks, while a command runs, for reasons to stop it: a lease that somebody else took over, a cancellation. */
import { Duration, Effect, Random, Schedule } from "effect"
import { ControlPlane } from "../control-plane/ControlPlane.ts"
import type { Command } from "../domain/Command.ts"
import * as Outcome from "../domain/Outcome.ts"
import { Leases } from "../leases/Leases.ts"
import type { Delivery } from "../queue/MessageQueue.ts"
import { WorkerConfig } from "../WorkerConfig.ts"

export type Stop = Extract<Outcome.Outcome, { readonly _tag: "Stopped" }>

/** Ends when the command has to be stopped, and says why. */
export const watch = (command: Command, delivery: Delivery) =>
  Effect.raceFirst(lost(command, delivery), cancelled(command))

/** A lapsed lease is no loss yet: the control plane decides who owns the command. While it cannot say, we go on. */
const lost = Effect.fnUntraced(function* (command: Command, delivery: Delivery) {
  const leases = yield* Leases
  const controlPlane = yield* ControlPlane
  while (true) {
    yield* Effect.sleep("1 second")
    if (!(yield* leases.lapsed(delivery.id))) continue
    const owner = yield* controlPlane
      .owner(command)
      .pipe(Effect.catch((error) => Effect.as(Effect.logDebug(error.message), { _tag: "Unknown" } as const)))
    if (owner._tag === "Ours") yield* leases.renewed(delivery.id)
    else if (owner._tag === "Unknown") yield* Effect.sleep("4 seconds")
    else return Outcome.stopped("LeaseLost") as Stop
  }
})

const cancelled = Effect.fnUntraced(function* (command: Command) {
  const controlPlane = yield* ControlPlane
  const { cancellationEvery } = yield* WorkerConfig
  const ask = controlPlane
    .cancelled(command)
    .pipe(Effect.catch((error) => Effect.as(Effect.logDebug(error.message), false)))
  // Commands that started together do not ask together.
  yield* Effect.sleep(Duration.times(cancellationEvery, yield* Random.next))
  yield* ask.pipe(Effect.repeat({ until: (yes) => yes, schedule: Schedule.spaced(cancellationEvery) }))
  return Outcome.stopped("Cancelled") as Stop
})
