/** How long a retry waits, in seconds. */
import { longestDelay, type RetryPlan } from "./Rule.ts"

/**
 * `retry` counts from 1. Without `backoff` an explicit delay is used as it is, and no delay means 0. The result is never
 * shorter than the server's `retryAfter`.
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
