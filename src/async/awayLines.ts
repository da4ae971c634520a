/**
 * Which failures of a neighbour get a log line: the first of an outage, and then ever fewer. Without an Effect, because
 * the lease threads have no runtime.
 */

export interface Outage {
  /** The neighbour and its address: `the NATS server at nats://…`. */
  readonly neighbour: string
  /** What waits for it, and what an operator can do. */
  readonly consequence: string
}

const firstPause = 60_000
const longestPause = 15 * 60_000

export interface AwayLines {
  /**
   * The line for a failure at this time, in milliseconds of any clock; undefined where an earlier line tells enough. The
   * pauses between two lines of an outage double from one minute to a quarter of an hour.
   */
  readonly failed: (detail: string, now: number) => string | undefined
  /** The neighbour is back: the next failure begins another outage. */
  readonly answered: () => void
}

export const awayLines = ({ consequence, neighbour }: Outage): AwayLines => {
  const none = { since: Number.NaN, failedAt: Number.NEGATIVE_INFINITY, nextAt: 0, pause: firstPause }
  let state = none
  return {
    failed: (detail, now) => {
      // A call that ran for longer than any pause had its neighbour back.
      if (now - state.failedAt > firstPause)
        state = { since: now, failedAt: now, nextAt: now, pause: firstPause }
      state.failedAt = now
      if (now < state.nextAt) return undefined
      const away = Math.round((now - state.since) / 1000)
      if (away > 0) state.pause = Math.min(2 * state.pause, longestPause)
      state.nextAt = now + state.pause
      return `${neighbour} is away${away === 0 ? "" : ` for ${away} s`}: ${detail}; ${consequence}`
    },
    answered: () => void (state = none)
  }
}
