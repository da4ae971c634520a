/** How an attempt ended → what becomes of its job: done, tried again after a pause, or dead. */
import { Duration } from "effect"
import type { Failure } from "../../domain/Failure.ts"
import * as Json from "../../domain/Json.ts"
import type { WorkerEvent } from "../../domain/WorkerEvent.ts"
import type { JobOutcome } from "../../queue/JobOutcomes.ts"

export interface RetryDefaults {
  readonly maxRetries: number
  /** The pause before the first retry; doubled with each until the longest. */
  readonly first: Duration.Duration
  readonly longest: Duration.Duration
}

/**
 * Undefined for an event that is no end. `chance` from 0 to 1 makes the pause up to 20 % shorter or longer, so that jobs that
 * failed together do not come back together.
 */
export const outcomeOf = (
  event: WorkerEvent,
  meta: Json.JsonObject,
  defaults: RetryDefaults,
  chance: number
): JobOutcome | undefined => {
  switch (event._tag) {
    case "Started":
      return undefined
    case "Succeeded":
      return { _tag: "Succeed", result: event.value }
    case "Failed":
      return failed(event.error, meta, defaults, chance)
  }
}

const failed = (
  failure: Failure,
  meta: Json.JsonObject,
  defaults: RetryDefaults,
  chance: number
): JobOutcome => {
  const failures = Json.numberOf(meta["failures"]) ?? 0
  const maxRetries = Json.numberOf(meta["max_retries"]) ?? defaults.maxRetries
  const error = errorOf(failure)
  if (!failure.retryable) return { _tag: "Fail", error }
  if (failures >= maxRetries)
    return {
      _tag: "Fail",
      error: {
        kind: failure.kind,
        message: "Max retries exceeded",
        code: "MAX_RETRIES",
        retries: failures,
        last: error
      }
    }
  const first = Json.numberOf(meta["backoff"]) ?? Duration.toSeconds(defaults.first)
  const longest = Json.numberOf(meta["backoff_max"]) ?? Duration.toSeconds(defaults.longest)
  const pause = Math.min(Math.max(longest, first), first * 2 ** Math.min(failures, 30)) * (0.8 + 0.4 * chance)
  return { _tag: "Retry", error, after: Duration.seconds(Math.max(pause, failure.retryAfter ?? 0)) }
}

const errorOf = ({ code, detail, kind, message, source, status }: Failure): Json.JsonObject => ({
  kind,
  message,
  ...(code === undefined ? {} : { code }),
  ...(source === undefined ? {} : { source }),
  ...(status === undefined ? {} : { status }),
  ...(Json.isJson(detail) ? { detail } : {})
})
