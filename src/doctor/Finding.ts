/** What a check says: what it looked at, how it is, why, and what to do. */
import { Effect } from "effect"
import type { Values } from "../config/settings.ts"

export interface Finding {
  /** A problem keeps the worker from working; a warning does not yet. */
  readonly level: "ok" | "warning" | "problem"
  readonly about: string
  readonly cause: string
  readonly cure: string | undefined
}

/** What a check may know of the machine besides the settings. */
export interface Facts {
  readonly values: Values
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Bytes that this process may use; undefined without a limit. */
  readonly memoryLimit: number | undefined
}

export type Check = (facts: Facts) => Effect.Effect<ReadonlyArray<Finding>>

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

/** A file that a setting names and that must be readable. */
export interface NamedFile {
  readonly name: string
  readonly path: string | undefined
}

/** With the messages of its causes: a driver often says the reason there alone. */
export const fullMessageOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const inner = cause.cause instanceof Error ? fullMessageOf(cause.cause) : ""
  return inner === "" || cause.message.includes(inner) ? cause.message : `${cause.message}: ${inner}`
}
