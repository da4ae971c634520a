/** Retrying what almost never fails, on the path of every command. */
import { Effect } from "effect"

/** The same as `retry`, an `Effect.retry` with its policy, which is set up only when something failed. */
export const retryLazily =
  <A, E, R>(retry: (effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) =>
  (effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    effect.pipe(
      Effect.catch((first) => {
        let next: Effect.Effect<A, E, R> = Effect.fail(first)
        return retry(
          Effect.suspend(() => {
            const now = next
            next = effect
            return now
          })
        )
      })
    )
