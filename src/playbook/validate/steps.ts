/** One step: its keys, its loop, its admission, its arcs. */
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { fits } from "../decode.ts"
import { nearest, suggestion } from "../../domain/nearest.ts"
import { Arc, keysOf, Loop, Router, Step } from "../schemas.ts"
import { secondsOf } from "../seconds.ts"
import type { Checking } from "./Check.ts"
import { checkTool } from "./tasks.ts"
import { checkTemplates } from "./templates.ts"
import { objectOf, listOf, wordOf } from "../parts.ts"

export const checkStep = (step: JsonObject, checking: Checking): void => {
  checkKeys(step, checking)
  if (!fits(Step, step, checking.source)) return
  checkTool(step, checking)
  checkTimes(step, checking)
  if (isObject(step["loop"])) checkLoop(step["loop"], checking)
  checkAdmission(step, checking)
  checkNext(step, checking)
  checkTemplates(step, checking)
}

/** What replaces a key of an older dialect. */
const replacements: Readonly<Record<string, string>> = {
  type: "write tool: {kind: …}",
  case: "write spec.policy.rules for retry, jump, break and fail, and next: {arcs} for where the run goes",
  retry: "write a rule in spec.policy.rules: {when: …, then: {do: retry, attempts: 3}}",
  save: "append a task to tool",
  sink: "append a task to tool",
  eval: "write spec.policy.rules",
  expr: "write spec.policy.rules",
  set_vars: "write set",
  name: "write step: NAME"
}

const known = keysOf(Step)

const checkKeys = (step: JsonObject, { report }: Checking): void => {
  for (const key of Object.keys(step)) {
    if (known.includes(key)) continue
    const old = replacements[key]
    const near = nearest(key, known)
    if (old !== undefined) report("error", step, key, `${key} is of an older dialect`, old)
    else
      report(
        "error",
        step,
        key,
        `a step has no key "${key}"`,
        near !== undefined
          ? `did you mean "${near}"?`
          : step["tool"] === undefined
            ? `write tool: {kind: …, ${key}: …}: a tool is required`
            : `settings of the tool belong into it: tool: {kind: …, ${key}: …}`
      )
  }
}

const checkTimes = (step: JsonObject, { report }: Checking): void => {
  const spec = objectOf(step["spec"])
  for (const [holder, value] of [
    [step, step["timeout"]],
    [spec, spec["timeout"]]
  ] as const)
    if (value !== undefined && secondsOf(value) === undefined)
      report(
        "error",
        holder,
        "timeout",
        `${JSON.stringify(value)} is no time`,
        'write seconds, or "30s", "5m"'
      )
}

const checkLoop = (loop: JsonObject, { report, source }: Checking): void => {
  if (!fits(Loop, loop, source)) return
  const spec = objectOf(loop["spec"])
  const hasIn = loop["in"] !== undefined
  const hasCursor = loop["cursor"] !== undefined
  if (hasIn === hasCursor)
    report(
      "error",
      loop,
      hasIn ? "in" : undefined,
      hasIn ? "a loop has in or cursor, not both" : "the loop has nothing to loop over",
      'write in: "{{ list }}"'
    )
  if (hasCursor && spec["mode"] !== "cursor")
    report("error", loop, "cursor", "a cursor wants mode: cursor", "write spec: {mode: cursor}")
  if (!hasCursor && spec["mode"] === "cursor")
    report(
      "error",
      spec,
      "mode",
      "mode: cursor wants a cursor",
      "write cursor: {kind: postgres, auth, claim}"
    )
  const cursor = objectOf(loop["cursor"])
  if (hasCursor && cursor["kind"] !== "postgres")
    report("error", cursor, "kind", "only postgres has cursors", "write kind: postgres")
  const most = spec["max_in_flight"]
  if (typeof most === "number" && !(most >= 1))
    report("error", spec, "max_in_flight", "expected at least 1", "write 1 or more")
}

const checkAdmission = (step: JsonObject, { report }: Checking): void => {
  const admit = objectOf(objectOf(objectOf(step["spec"])["policy"])["admit"])
  for (const rule of listOf(admit["rules"])) {
    if (!isObject(rule)) {
      report("error", admit, "rules", "expected rules, {when, then: {allow}}")
      continue
    }
    const branch = Object.hasOwn(rule, "else") ? objectOf(rule["else"]) : rule
    const then = objectOf(branch["then"] ?? branch)
    if (typeof then["allow"] !== "boolean")
      report("error", rule, undefined, "an admission rule says no allow", "write then: {allow: true}")
  }
}

const checkNext = (step: JsonObject, checking: Checking): void => {
  const { report, source, stepNames } = checking
  const { next } = step
  if (next === undefined) return
  if (!isObject(next))
    return report("error", step, "next", "expected {spec, arcs}", "write next: {arcs: [{step: NAME}]}")
  if (!fits(Router, next, source)) return
  for (const key of Object.keys(next))
    if (!["spec", "arcs"].includes(key))
      report("error", next, key, `next has no key "${key}"`, suggestion(key, ["spec", "arcs"]))
  const arcs = listOf(next["arcs"])
  arcs.forEach((arc, index) => {
    if (!isObject(arc)) return report("error", next["arcs"] as object, index, "expected an arc, {step, when}")
    if (!fits(Arc, arc, source)) return
    checkArcKeys(arc, checking)
    const target = wordOf(arc["step"])
    if (!stepNames.includes(target))
      report("error", arc, "step", `there is no step "${target}"`, suggestion(target, stepNames))
  })
  lintOrder(arcs, objectOf(next["spec"])["mode"], checking)
}

const checkArcKeys = (arc: JsonObject, { report }: Checking): void => {
  for (const key of Object.keys(arc))
    if (!keysOf(Arc).includes(key))
      report("error", arc, key, `an arc has no key "${key}"`, suggestion(key, keysOf(Arc)))
}

/** Arcs that take up a failure are considered when the others are not. */
const asksAboutFailure = (when: Json | undefined): boolean =>
  typeof when === "string" && /\b(event|error|output|outcome)\b/.test(when)

const lintOrder = (arcs: ReadonlyArray<Json>, mode: Json | undefined, { report }: Checking): void => {
  if (mode === "inclusive") return
  const open = arcs.findIndex((arc) => isObject(arc) && (arc["when"] === undefined || arc["when"] === true))
  const behind = arcs[open + 1]
  if (open !== -1 && isObject(behind) && !asksAboutFailure(behind["when"]))
    report(
      "warning",
      behind,
      "step",
      "this arc is never taken: the one before it has no condition",
      "put it before that one, or write mode: inclusive"
    )
}
