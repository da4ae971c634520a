/** A log line as one flat JSON object. `docs/telemetry.md` lists its fields. */
import { type Logger, References } from "effect"
import { inspect } from "node:util"
import { isJson } from "../domain/Json.ts"
import { causeText } from "./causeText.ts"

/** The fields that a line has in this order, where they are known; `fields` of a line that nothing annotates are the first three. */
export const fields = [
  "time",
  "level",
  "message",
  "error",
  "worker",
  "pool",
  "part",
  "execution",
  "command",
  "step",
  "tool",
  "attempt",
  "seconds",
  "stream",
  "pod"
] as const

type Field = (typeof fields)[number]

/** What every line of this process has. */
export interface Fixed {
  /** The configured name of the worker; undefined where it is generated at the registration. */
  readonly worker?: string | undefined
  readonly pool?: string | undefined
}

/** The field that an annotation becomes; an annotation without one is left out. */
const fieldOf: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["fiber", "part"],
  ...(["execution", "command", "step", "tool", "attempt", "seconds", "stream", "pod"] as const).map(
    (name): [string, Field] => [name, name]
  )
])

export const jsonLine =
  ({ pool, worker }: Fixed) =>
  ({ cause, date, fiber, logLevel, message }: Logger.Options<unknown>): string => {
    const known: Partial<Record<Field, unknown>> = {
      time: date.toISOString(),
      level: logLevel.toLowerCase(),
      message: textOf(message),
      error: cause.reasons.length === 0 ? undefined : causeText(cause),
      worker,
      pool
    }
    for (const [name, value] of Object.entries(fiber.getRef(References.CurrentLogAnnotations))) {
      const field = fieldOf.get(name)
      if (field !== undefined) known[field] = typeof value === "number" ? value : String(value)
    }
    // The replacer's list is the order of the fields; JSON.stringify leaves out what is undefined.
    return JSON.stringify(known, [...fields])
  }

const textOf = (message: unknown): string =>
  (Array.isArray(message) ? message : [message]).map((part) => partText(part)).join(" ")

const partText = (part: unknown): string => {
  if (typeof part === "string") return part
  return isJson(part) ? JSON.stringify(part) : inspect(part)
}
