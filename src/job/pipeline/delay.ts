/** How long a retry waits, in seconds. */
import { longestDelay } from "./Rule.ts"

/** A plan for retries, its templates rendered. Times in seconds. */
export interface Backoff {
  readonly backoff: string | undefined
  readonly delay: number | undefined
  /** What a growing delay is multiplied by. */
  readonly factor: number
  readonly maxDelay: number
}

/**
 * `retry` counts from 1. Without `backoff` an explicit delay is used as it is, and no delay means 0. The result is never
 * shorter than the server's `retryAfter`.
 */
export const delayOf = (plan: Backoff, retry: number, retryAfter: number | undefined): number =>
  Math.min(longestDelay, Math.max(Math.min(plan.maxDelay, ofPlan(plan, retry)), retryAfter ?? 0))

const ofPlan = ({ backoff, delay, factor }: Backoff, retry: number): number => {
  const seconds = Math.max(0, delay ?? 1)
  switch (backoff) {
    case undefined:
      return delay === undefined ? 0 : seconds
    case "none":
      return 0
    case "linear":
      return seconds * retry
    case "exponential":
      return seconds * factor ** (retry - 1)
    default:
      return seconds
  }
}
