/** A step's tool of an older dialect → one task, or a list of named tasks. */
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { prefixed, replaced, type Rewriting } from "./Rewriting.ts"
import { objectOf, listOf } from "../parts.ts"

export const normalTool = (step: JsonObject, rewriting: Rewriting): JsonObject => {
  const { tool } = step
  if (isObject(tool)) return replaced(rewriting, step, { tool: normalTask(tool, rewriting) })
  if (!Array.isArray(tool)) return step
  const tasks = (tool as ReadonlyArray<Json>).map((item) =>
    isObject(item) ? normalTask(namedTask(item, rewriting), rewriting) : item
  )
  return replaced(rewriting, step, { tool: rewriting.derive(tasks, tool) })
}

/** `{label: {kind, …}}` → `{name: label, kind, …}`. */
const namedTask = (item: JsonObject, rewriting: Rewriting): JsonObject => {
  const [entry, ...others] = Object.entries(item)
  if (entry === undefined || others.length > 0 || !isObject(entry[1])) return item
  const [label, task] = entry
  if (typeof task["kind"] !== "string") return item
  rewriting.report(
    "warning",
    item,
    label,
    "a task under its label is an older dialect",
    `write {name: ${label}, kind: …}`
  )
  return rewriting.derive({ name: label, ...task }, task)
}

/** Settings of the tool that some files keep under `spec`. */
const liftable: ReadonlySet<string> = new Set([
  "code",
  "input",
  "method",
  "url",
  "endpoint",
  "params",
  "headers",
  "auth",
  "command",
  "query"
])

export const normalTask = (task: JsonObject, rewriting: Rewriting): JsonObject =>
  withRules(withInput(lifted(task, rewriting), rewriting), rewriting)

const lifted = (task: JsonObject, rewriting: Rewriting): JsonObject => {
  const spec = objectOf(task["spec"])
  const up = Object.entries(spec).filter(([key]) => liftable.has(key))
  const [first] = up
  if (first === undefined) return task
  rewriting.report(
    "warning",
    spec,
    first[0],
    "settings of the tool under spec are an older dialect",
    "write them beside kind"
  )
  const left = Object.fromEntries(Object.entries(spec).filter(([key]) => !liftable.has(key)))
  return rewriting.derive({ ...Object.fromEntries(up), ...task, spec: rewriting.derive(left, spec) }, task)
}

const withInput = (task: JsonObject, rewriting: Rewriting): JsonObject => {
  const { args, input, kind } = task
  if (!isObject(args)) return task
  // A rhai script and a shell may have arguments of their own; as `input` they mean the same.
  rewriting.report("warning", task, "args", "args is an older dialect", "write input")
  const together = rewriting.derive({ ...args, ...objectOf(input) }, args)
  return replaced(rewriting, task, { args: kind === "rhai" ? args : undefined, input: together })
}

const withRules = (task: JsonObject, rewriting: Rewriting): JsonObject => {
  const spec = objectOf(task["spec"])
  const policy = objectOf(spec["policy"])
  const rules = listOf(policy["rules"])
  const normal = rules.map((rule) => (isObject(rule) ? normalRule(rule, rewriting) : rule))
  if (normal.every((rule, i) => rule === rules[i])) return task
  return replaced(rewriting, task, {
    spec: replaced(rewriting, spec, {
      policy: replaced(rewriting, policy, { rules: rewriting.derive(normal, rules) })
    })
  })
}

/** `else: {do}` without `then`, `then` beside `else`, `set_ctx` and `set_iter`. */
const normalRule = (rule: JsonObject, rewriting: Rewriting): JsonObject => {
  const otherwise = Object.hasOwn(rule, "else")
  const branch = objectOf(rule["else"])
  const bare = otherwise && branch["then"] === undefined
  const body = otherwise
    ? (branch["then"] ?? (Object.keys(branch).length > 0 ? branch : rule["then"]))
    : rule["then"]
  if (!isObject(body)) return rule
  if (bare)
    rewriting.report(
      "warning",
      rule,
      "else",
      "else without then is an older dialect",
      "write else: {then: {do: …}}"
    )
  const action = normalAction(body, rewriting)
  if (action === body && !bare) return rule
  return rewriting.derive(
    otherwise ? { else: rewriting.derive({ then: action }, rule) } : { ...rule, then: action },
    rule
  )
}

const normalAction = (action: JsonObject, rewriting: Rewriting): JsonObject => {
  const ctx = objectOf(action["set_ctx"])
  const iter = objectOf(action["set_iter"])
  const key = ["set_ctx", "set_iter"].find((name) => action[name] !== undefined)
  if (key === undefined) return action
  rewriting.report(
    "warning",
    action,
    key,
    `${key} is an older dialect`,
    "write set: {ctx.NAME: …} or {iter.NAME: …}"
  )
  const set = { ...prefixed("ctx", ctx), ...prefixed("iter", iter), ...objectOf(action["set"]) }
  return replaced(rewriting, action, { set_ctx: undefined, set_iter: undefined, set })
}
