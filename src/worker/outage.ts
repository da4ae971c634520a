/**
 * Waits out a neighbour that is away: an outage is no failure of the worker, however long it lasts. Only a defect
 * reaches the supervisor.
 */
import { Effect, Schedule } from "effect"
import { awayLines, type Outage } from "../async/awayLines.ts"
import { backoff } from "../async/backoff.ts"
import { warnAway } from "../async/warnAway.ts"

/** Runs the effect again after each failure, with backoff. One line when the outage begins, and then ever fewer. */
export const waitOut =
  (outage: Outage) =>
  <A, E extends { readonly message: string }, R>(
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, never, R> =>
    Effect.suspend(() => {
      const lines = awayLines(outage)
      return effect.pipe(
        Effect.tapError((error) => warnAway(lines, error.message)),
        Effect.retry(Schedule.map(backoff("250 millis", "10 seconds"), () => Effect.void)),
        Effect.orDie
      )
    })
