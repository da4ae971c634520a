/** How long a retry waits, in seconds. */
import { longestDelay, type RetryPlan } from "./Rule.ts"

/**
 * `retry` counts from 1. Without a backoff, a delay that is written is meant, and none is none. What the other side asked
 * for is the least.
 */
export const delayOf = (
  plan: RetryPlan,
  delay: number | undefined,
  retry: number,
  retryAfter: number | undefined
): number =>
  Math.min(longestDelay, Math.max(Math.min(plan.maxDelay, ofPlan(plan, delay, retry)), retryAfter ?? 0))

const ofPlan = (plan: RetryPlan, delay: number | undefined, retry: number): number => {
  const seconds = Math.max(0, delay ?? 1)
  switch (plan.backoff) {
    case undefined:
      return delay === undefined ? 0 : seconds
    case "none":
      return 0
    case "linear":
      return seconds * retry
    case "exponential":
      return seconds * plan.factor ** (retry - 1)
    default:
      return seconds
  }
}
