/** What `doctor` found: what it checked, the state, the cause, and what to do. */
import type { Effect } from "effect"

export interface Finding {
  /** A problem keeps the worker from working; a warning does not yet. */
  readonly level: "ok" | "warning" | "problem"
  readonly about: string
  readonly cause: string
  readonly cure: string | undefined
}

/** One check of `doctor`. `now` in milliseconds since the epoch. */
export type Check = (now: number) => Effect.Effect<ReadonlyArray<Finding>>

export const ok = (about: string, cause: string): Finding => ({ level: "ok", about, cause, cure: undefined })
export const warning = (about: string, cause: string, cure: string): Finding => ({
  level: "warning",
  about,
  cause,
  cure
})
export const problem = (about: string, cause: string, cure: string): Finding => ({
  level: "problem",
  about,
  cause,
  cure
})

/** With the messages of its causes: a driver often says the reason there alone. */
export const fullMessageOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const inner = cause.cause instanceof Error ? fullMessageOf(cause.cause) : ""
  return inner === "" || cause.message.includes(inner) ? cause.message : `${cause.message}: ${inner}`
}
