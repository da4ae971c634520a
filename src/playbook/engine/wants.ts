/**
 * The names that a step's templates read, so that its command carries the results of those steps alone: a run of a
 * thousand steps would copy all results a thousand times.
 */
import { isObject, type Json } from "../../domain/Json.ts"
import { Fault } from "../../template/Fault.ts"
import type { Step } from "../Playbook.ts"
import { isTemplate } from "../../template/lexer.ts"
import { namesOf } from "./names.ts"
import type { Evaluator } from "../../template/evaluator.ts"

/** Tools that read nothing but their rendered settings. Others hand everything to a program. */
const plain: ReadonlySet<string> = new Set([
  "noop",
  "http",
  "postgres",
  "duckdb",
  "snowflake",
  "shell",
  "transfer",
  "playbook",
  "artifact",
  "result_fetch"
])

export const wantsOf = ({ config, kinds, loop }: Step, evaluator: Evaluator): ReadonlySet<string> | "all" => {
  if (!kinds.every((kind) => plain.has(kind))) return "all"
  const names = new Set<string>()
  try {
    collect(config, names, evaluator)
    if (loop?.mode === "cursor") collect(loop.cursor, names, evaluator)
    return names
  } catch (error) {
    // A template that cannot be read fails when it is rendered, and says where.
    if (error instanceof Fault) return "all"
    throw error
  }
}

const collect = (value: Json, names: Set<string>, evaluator: Evaluator, key = ""): void => {
  if (typeof value === "string") {
    if (isTemplate(value) || key === "when") namesOf(evaluator.read(value), (name) => void names.add(name))
  } else if (Array.isArray(value))
    for (const item of value as ReadonlyArray<Json>) collect(item, names, evaluator)
  else if (isObject(value))
    for (const [inner, member] of Object.entries(value)) collect(member, names, evaluator, inner)
}
