/**
 * How many requests may be under way at once, found out from the server: halved when it says that it has too much to do,
 * one more for each full round of good answers. While it asks for a pause no request is sent, and waiting requests do not come back in the same
 * instant.
 */
import { Clock, Duration, Effect, Exit, Latch, Random } from "effect"

/** What an answer says about the server's load. */
export type Load = { readonly busy: false } | { readonly busy: true; readonly retryAfter: number | undefined }

export interface AdaptiveLimit {
  /** Takes a place if one is free at that time (milliseconds) and no pause was asked for. `leave` gives it back. */
  readonly enter: (now: number) => boolean
  /** Gives a place back, with what the answer says about the load; undefined when there is no answer. */
  readonly leave: (load: Load | undefined, now: number) => void
  /** Runs a request as soon as a place is free. A failure says nothing about the load. */
  readonly run: <A, E, R>(
    request: Effect.Effect<A, E, R>,
    loadOf: (answer: A) => Load
  ) => Effect.Effect<A, E, R>
  readonly limit: Effect.Effect<number>
}

/** Milliseconds: the first pause, the longest one, and how close answers count as one complaint. */
const pauses = { first: 250, longest: 60_000, oneComplaint: 200 }

export const make = (most: number): Effect.Effect<AdaptiveLimit> =>
  Effect.map(Latch.make(true), (changed) => {
    const state = { limit: most, underWay: 0, pausedUntil: 0, halvedAt: -Infinity, complaints: 0 }

    const enter = (now: number): boolean => {
      if (now < state.pausedUntil || state.underWay >= Math.max(1, Math.floor(state.limit))) return false
      state.underWay += 1
      return true
    }

    const queue = Effect.fnUntraced(function* (place: { taken: boolean }) {
      while (true) {
        const now = yield* Clock.currentTimeMillis
        place.taken = enter(now)
        if (place.taken) return
        if (now < state.pausedUntil) {
          // Full jitter on top of what was asked for: as long again, at most.
          const asked = state.pausedUntil - now
          yield* Effect.sleep(Duration.millis(asked + (yield* Random.next) * Math.min(asked, 10_000)))
          continue
        }
        yield* changed.close
        yield* changed.await
      }
    })

    const learn = (load: Load, now: number) => {
      if (!load.busy) {
        state.complaints = 0
        state.limit = Math.min(most, state.limit + 1 / Math.max(1, state.limit))
        return
      }
      // Answers to requests that were sent together are one complaint.
      if (now - state.halvedAt >= pauses.oneComplaint) {
        state.halvedAt = now
        state.complaints += 1
        state.limit = Math.max(1, state.limit / 2)
      }
      const own = pauses.first * 2 ** Math.min(state.complaints - 1, 8)
      const pause = Math.min(pauses.longest, Math.max(load.retryAfter ?? 0, own))
      state.pausedUntil = Math.max(state.pausedUntil, now + pause)
    }

    const leave = (load: Load | undefined, now: number) => {
      if (load !== undefined) learn(load, now)
      state.underWay -= 1
      changed.openUnsafe()
    }

    return {
      enter,
      leave,
      limit: Effect.sync(() => Math.max(1, Math.floor(state.limit))),
      run: (request, loadOf) =>
        Effect.clockWith((clock) => {
          const place = { taken: false }
          return Effect.andThen(queue(place), request).pipe(
            Effect.onExit((exit) => {
              const load = Exit.isSuccess(exit) ? loadOf(exit.value) : undefined
              if (place.taken) leave(load, clock.currentTimeMillisUnsafe())
              return Effect.void
            })
          )
        })
    }
  })
