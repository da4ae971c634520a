/**
 * Waits out a neighbour that is away: an outage is no failure of the worker, however long it lasts. Only a defect
 * reaches the supervisor.
 */
import { Clock, Duration, Effect, Schedule } from "effect"
import { backoff } from "../async/backoff.ts"

export interface Outage {
  /** The neighbour and its address: `the NATS server at nats://…`. */
  readonly neighbour: string
  /** What waits for it, and what an operator can do. */
  readonly consequence: string
}

const remindEvery = Duration.toMillis("1 minute")

/** Runs the effect again after each failure, with backoff. One line when the outage begins and one a minute after that. */
export const waitOut =
  ({ consequence, neighbour }: Outage) =>
  <A, E extends { readonly message: string }, R>(
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, never, R> =>
    Effect.suspend(() => {
      const state = { since: 0, failedAt: 0, remindedAt: 0 }
      const remind = (error: E) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          // An effect that ran for longer than any pause had its neighbour back.
          if (now - state.failedAt > remindEvery || state.since === 0) state.since = state.remindedAt = now
          else if (now - state.remindedAt < remindEvery) return Effect.sync(() => void (state.failedAt = now))
          state.failedAt = now
          state.remindedAt = now
          const away = Math.round((now - state.since) / 1000)
          return Effect.logWarning(
            `${neighbour} is away${away === 0 ? "" : ` for ${away} s`}: ${error.message}; ${consequence}`
          )
        })
      return effect.pipe(
        Effect.tapError(remind),
        Effect.retry(Schedule.map(backoff("250 millis", "10 seconds"), () => Effect.void)),
        Effect.orDie
      )
    })
