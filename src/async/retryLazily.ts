/** Retrying what almost never fails, on the path of every command. */
import { Effect, type Schedule } from "effect"

export interface Policy<E> {
  readonly while?: (error: E) => boolean
  readonly schedule: Schedule.Schedule<unknown, NoInfer<E>>
}

/** As `Effect.retry`, whose schedule is set up only after the first failure. */
export const retryLazily =
  <E>(policy: Policy<E>) =>
  <A, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    effect.pipe(Effect.catch((first) => retryAfter(first, effect, policy)))

/** As `retryLazily`, for an effect whose first attempt has failed already. */
export const retryAfter = <A, E, R>(
  first: E,
  effect: Effect.Effect<A, E, R>,
  policy: Policy<E>
): Effect.Effect<A, E, R> => {
  let next: Effect.Effect<A, E, R> = Effect.fail(first)
  return Effect.retry(
    Effect.suspend(() => {
      const now = next
      next = effect
      return now
    }),
    policy
  )
}
