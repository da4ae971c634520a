/** Runs a machine as an Effect: others get their turn after every slice, and host functions are Effects. */
import { Duration, Effect } from "effect"
import type { Machine } from "./machine/Machine.ts"
import type { Outcome } from "./machine/Outcome.ts"
import { NONE } from "./language/Position.ts"
import { RhaiError } from "./language/RhaiError.ts"
import type { Value } from "./language/Value.ts"

const next = (machine: Machine, sliced: boolean): Effect.Effect<Outcome, RhaiError> =>
  Effect.try({
    try: () => machine.run(sliced),
    catch: (error) => (error instanceof RhaiError ? error : new RhaiError("ErrorSystem", String(error)))
  })

/** The script's value, or the error that ended it. Interruption takes effect at the next slice or inside a host function. */
export const run = Effect.fnUntraced(function* (machine: Machine) {
  for (;;) {
    const outcome = yield* next(machine, true)
    if (outcome.t === "done") return outcome.value
    if (outcome.t === "yield") yield* Effect.yieldNow
    else yield* serve(machine, outcome.request.work)
  }
})

/** Does the work the script waits for, within the script's time; a failure is the script's to catch. */
const serve = (machine: Machine, work: Effect.Effect<Value, RhaiError>): Effect.Effect<void> =>
  Effect.match(inTime(work, machine.remaining), {
    onSuccess: (value) => machine.resume(value),
    onFailure: (error) => machine.fail(error)
  })

const inTime = (work: Effect.Effect<Value, RhaiError>, millis: number): Effect.Effect<Value, RhaiError> =>
  Number.isFinite(millis)
    ? Effect.timeoutOrElse(work, {
        duration: Duration.millis(Math.max(0, millis)),
        orElse: () =>
          Effect.fail(new RhaiError("ErrorTerminated", "Script terminated", NONE, { token: "time limit" }))
      })
    : work
