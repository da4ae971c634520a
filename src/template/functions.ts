/** Every function. They are called by name only: no value of a template can be called. */
import { DateTime, Option } from "effect"
import { type Json, numberOf } from "../domain/Json.ts"
import { maxItems } from "./arithmetic.ts"
import { argument, type Args, type Engine, textArgument } from "./Engine.ts"
import { evaluation, limit } from "./Fault.ts"
import { isMapping, type Value } from "./values.ts"

export type TemplateFunction = (engine: Engine, args: Args) => Value

const range: TemplateFunction = (engine, args) => {
  const bounds = args.positional.map((written) => {
    const bound = numberOf(written)
    if (bound === undefined || !Number.isSafeInteger(bound)) throw evaluation("'range' wants integers")
    return bound
  })
  if (bounds.length === 0 || bounds.length > 3) throw evaluation("'range' wants one to three integers")
  const [start, stop, step] =
    bounds.length === 1
      ? [0, bounds[0] as number, 1]
      : [bounds[0] as number, bounds[1] as number, bounds[2] ?? 1]
  if (step === 0) throw evaluation("'range' wants a step other than 0")
  const length = Math.max(0, Math.ceil((stop - start) / step))
  if (length > maxItems) throw limit(`'range' of more than ${maxItems} items`)
  engine.budget.items(length)
  return Array.from({ length }, (_, i) => start + i * step)
}

const dict: TemplateFunction = (_engine, args) => {
  const [base] = args.positional
  if (base !== undefined && !isMapping(base)) throw evaluation("'dict' wants a mapping")
  return Object.fromEntries<Json>([
    ...(base === undefined ? [] : Object.entries(base)),
    ...[...args.named].map(([name, value]): [string, Json] => [name, value ?? null])
  ])
}

/** The time as ISO-8601, in UTC or in the zone that is named. */
const now: TemplateFunction = (engine, args) => {
  const zone = argument(args, 0, "tz")
  const utc = DateTime.makeUnsafe(engine.now())
  if (zone === undefined || zone === null || zone === "UTC") return DateTime.formatIso(utc)
  const zoned = typeof zone === "string" ? DateTime.setZoneNamed(utc, zone) : Option.none()
  if (Option.isNone(zoned)) throw evaluation("'now' does not know that time zone")
  return DateTime.formatIsoOffset(zoned.value)
}

const token: TemplateFunction = (engine, args) => {
  const audience = argument(args, 1, "audience")
  return engine.demand({
    type: "token",
    credential: textArgument(args, 0, "credential"),
    audience: typeof audience === "string" ? audience : undefined
  })
}

/** A mapping that `{% set ns.x = … %}` may write to, for totals that outlive a loop. */
const namespace: TemplateFunction = (engine, args) => dict(engine, args)

export const functions: ReadonlyMap<string, TemplateFunction> = new Map([
  ["range", range],
  ["dict", dict],
  ["now", now],
  ["token", token],
  ["namespace", namespace]
])
