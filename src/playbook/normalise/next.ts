/** `next` of older dialects → a router with arcs. */
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { comparisonOf } from "./guards.ts"
import { prefixed, replaced, type Rewriting } from "./Rewriting.ts"
import { objectOf, listOf } from "../parts.ts"

export const normalNext = (step: JsonObject, rewriting: Rewriting): JsonObject => {
  const next = step["next"]
  if (next === undefined || next === null) return replaced(rewriting, step, { next: undefined })
  if (typeof next === "string" || Array.isArray(next)) return ofList(step, next, rewriting)
  if (!isObject(next)) return step
  if (next["arcs"] === undefined && typeof next["step"] === "string") return ofList(step, [next], rewriting)
  const arcs = next["arcs"]
  if (!Array.isArray(arcs)) return step
  const normal = rewriting.derive(
    (arcs as ReadonlyArray<Json>).map((arc) => (isObject(arc) ? normalArc(arc, rewriting) : arc)),
    arcs
  )
  return replaced(rewriting, step, { next: replaced(rewriting, next, { arcs: normal }) })
}

const ofList = (step: JsonObject, next: Json, rewriting: Rewriting): JsonObject => {
  rewriting.report(
    "warning",
    step,
    "next",
    "a name or a list under next is an older dialect",
    "write next: {spec: {mode}, arcs: [{step, when}]}"
  )
  const items = Array.isArray(next) ? (next as ReadonlyArray<Json>) : [next]
  const names = items.filter((item) => typeof item === "string")
  const written = objectOf(step["spec"])["next_mode"]
  const mode =
    typeof written === "string"
      ? written
      : names.length > 1 && names.length === items.length
        ? "inclusive"
        : "exclusive"
  const arcs = items.flatMap((item) => arcsOf(item, step, rewriting))
  const router = rewriting.derive(
    { spec: { mode }, arcs: rewriting.derive(arcs, Array.isArray(next) ? next : step) },
    step
  )
  return replaced(rewriting, step, { next: router })
}

/** `name`, `{step, when, args}`, `{when, then: …}`, `{else: …}`, `{next: …}`. */
export const arcsOf = (
  item: Json,
  holder: JsonObject,
  rewriting: Rewriting,
  when?: Json
): ReadonlyArray<Json> => {
  if (typeof item === "string")
    return [rewriting.derive({ step: item, ...(when === undefined ? {} : { when }) }, holder)]
  if (Array.isArray(item))
    return (item as ReadonlyArray<Json>).flatMap((one) => arcsOf(one, holder, rewriting, when))
  if (!isObject(item)) return [item]
  const own = item["when"]
  const condition = own === undefined ? when : when === undefined ? own : bothOf(when, own)
  const inner = item["then"] ?? item["else"] ?? item["next"]
  if (inner !== undefined && item["step"] === undefined) return arcsOf(inner, item, rewriting, condition)
  const arc = condition === undefined ? item : replaced(rewriting, item, { when: condition })
  return [normalArc(arc, rewriting)]
}

const bothOf = (outer: Json, inner: Json): Json =>
  `{{ (${expressionOf(outer)}) and (${expressionOf(inner)}) }}`

const expressionOf = (condition: Json): string => {
  if (typeof condition !== "string") return condition === true ? "true" : "false"
  const lone = /^\s*\{\{(.*)\}\}\s*$/s.exec(comparisonOf(condition) ?? condition)
  return lone === null ? condition : (lone[1] ?? "").trim()
}

const normalArc = (arc: JsonObject, rewriting: Rewriting): JsonObject => {
  const { args, when } = arc
  const compared = typeof when === "string" ? comparisonOf(when) : undefined
  if (compared !== undefined)
    rewriting.report(
      "warning",
      arc,
      "when",
      `a template next to plain words is compared as text: ${compared}`,
      `write when: "${compared}"`
    )
  const changes = {
    ...(compared === undefined ? {} : { when: compared }),
    ...(isObject(args) ? { args: undefined, set: setOf(arc, args, rewriting) } : {})
  }
  return Object.keys(changes).length === 0 ? arc : replaced(rewriting, arc, changes)
}

/** The target reads an argument as `ctx.k` and as `args.k`. */
const setOf = (arc: JsonObject, args: JsonObject, rewriting: Rewriting): JsonObject => {
  rewriting.report(
    "warning",
    arc,
    "args",
    "args of an arc is an older dialect",
    "write set: {ctx.NAME: value}"
  )
  return { ...prefixed("ctx", args), ...prefixed("ctx.args", args), ...objectOf(arc["set"]) }
}

/** Whether every entry of a `case` only says where the run goes. */
const isRouting = (entry: Json): boolean => {
  if (!isObject(entry)) return false
  const body = entry["then"] ?? entry["else"]
  const parts = Array.isArray(body) ? (body as ReadonlyArray<Json>) : [body ?? null]
  return parts.every((part) => isObject(part) && Object.keys(part).every((key) => key === "next"))
}

const onExit = /^\s*\{?\{?\s*event\.name\s*==\s*['"]step\.exit['"]\s*(?:and\s+)?(.*?)\s*\}?\}?\s*$/s

/** `case` that only routes → a router. Anything else stays, for the validator to refuse. */
export const normalCase = (step: JsonObject, rewriting: Rewriting): JsonObject => {
  const cases = step["case"]
  if (!Array.isArray(cases)) return step
  const entries = cases as ReadonlyArray<Json>
  if (!entries.every(isRouting) || entries.some((entry) => waitsForEvent(entry))) return step
  rewriting.report("warning", step, "case", "case is an older dialect", "write next: {arcs: [{step, when}]}")
  const arcs = entries.flatMap((entry) => {
    const { when } = objectOf(entry)
    const exit = typeof when === "string" ? onExit.exec(when) : null
    const rest = exit?.[1] ?? ""
    const condition = exit === null ? when : rest === "" ? undefined : `{{ ${rest} }}`
    const body = objectOf(entry)["then"] ?? objectOf(entry)["else"] ?? []
    return arcsOf(body, objectOf(entry), rewriting, condition)
  })
  const after = step["next"]
  const otherwise =
    after === undefined || after === null
      ? []
      : isObject(after)
        ? listOf(after["arcs"])
        : arcsOf(after, step, rewriting)
  const next = rewriting.derive({ spec: { mode: "exclusive" }, arcs: [...arcs, ...otherwise] }, step)
  return replaced(rewriting, step, { case: undefined, next })
}

const waitsForEvent = (entry: Json): boolean => {
  const { when } = objectOf(entry)
  return typeof when === "string" && /\bevent\.name\b/.test(when) && !onExit.test(when)
}
