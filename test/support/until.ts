import { Duration, Effect, Schedule } from "effect"
import { inspect } from "node:util"
import { patienceMillis } from "./program.ts"

/** The world outside is asynchronous: looks again until it is so, and fails with what it saw last when it never is. */
export const until = <A, E, R>(
  look: Effect.Effect<A, E, R>,
  holds: (a: A) => boolean,
  seconds = patienceMillis / 1000
) =>
  look.pipe(
    Effect.repeat({ until: holds, schedule: Schedule.spaced("20 millis") }),
    Effect.timeoutOrElse({
      duration: Duration.seconds(seconds),
      orElse: () => Effect.flatMap(look, (seen) => Effect.die(new Error(`still: ${inspect(seen)}`)))
    })
  )
