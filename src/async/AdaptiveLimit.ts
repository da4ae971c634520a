/**
 * How many requests may be under way at once, found out from the server: halved when it says that it has too much to do,
 * one more for each full round of good answers. While it asks for a pause nobody asks it anything, and nobody comes back in the same
 * instant.
 */
import { Clock, Duration, Effect, Exit, Latch, Random } from "effect"

/** What an answer says about the server's load. */
export type Load = { readonly busy: false } | { readonly busy: true; readonly retryAfter: number | undefined }

export interface AdaptiveLimit {
  /** Runs a request when there is room for it. A failure says nothing about the load. */
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

    /** Takes a place when there is one and nobody asked for a pause. */
    const admitted = (now: number): boolean => {
      if (now < state.pausedUntil || state.underWay >= Math.max(1, Math.floor(state.limit))) return false
      state.underWay += 1
      return true
    }

    const queue = Effect.fnUntraced(function* (place: { taken: boolean }) {
      while (true) {
        const now = yield* Clock.currentTimeMillis
        place.taken = admitted(now)
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

    const leave = () => {
      state.underWay -= 1
      changed.openUnsafe()
    }

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

    return {
      limit: Effect.sync(() => Math.max(1, Math.floor(state.limit))),
      run: (request, loadOf) =>
        Effect.clockWith((clock) => {
          const place = { taken: false }
          const admittedRequest = Effect.suspend(() => {
            place.taken = admitted(clock.currentTimeMillisUnsafe())
            return place.taken ? request : Effect.andThen(queue(place), request)
          })
          return Effect.onExit(admittedRequest, (exit) => {
            if (Exit.isSuccess(exit)) learn(loadOf(exit.value), clock.currentTimeMillisUnsafe())
            if (place.taken) leave()
            return Effect.void
          })
        })
    }
  })
