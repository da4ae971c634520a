/** A step of an older dialect → a step of the language. */
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { comparisonOf } from "./guards.ts"
import { normalCase, normalNext } from "./next.ts"
import { prefixed, replaced, type Rewriting } from "./Rewriting.ts"
import { normalTool } from "./tool.ts"
import { objectOf } from "../parts.ts"

type Rule = (step: JsonObject, rewriting: Rewriting) => JsonObject

/** One rewriting after the other; each does nothing where there is nothing to do. */
export const normalStep = (step: JsonObject, rewriting: Rewriting): JsonObject =>
  [withInput, withSet, withGuard, withLoop, withSink, normalTool, normalCase, normalNext].reduce(
    (now, rule: Rule) => rule(now, rewriting),
    step
  )

const withInput: Rule = (step, rewriting) => {
  if (!isObject(step["args"])) return step
  rewriting.report("warning", step, "args", "args is an older dialect", "write input")
  return replaced(rewriting, step, {
    args: undefined,
    input: { ...step["args"], ...objectOf(step["input"]) }
  })
}

/** `vars` of a step are values to keep; `result` in them is the step's own. */
const withSet: Rule = (step, rewriting) => {
  if (!isObject(step["vars"])) return step
  rewriting.report(
    "warning",
    step,
    "vars",
    "vars of a step is an older dialect",
    "write set: {ctx.NAME: value}"
  )
  return replaced(rewriting, step, {
    vars: undefined,
    set: { ...prefixed("ctx", step["vars"]), ...objectOf(step["set"]) }
  })
}

/** `when` of a step says whether it runs. */
const withGuard: Rule = (step, rewriting) => {
  const { when } = step
  if (when === undefined) return step
  rewriting.report(
    "warning",
    step,
    "when",
    "when of a step is an older dialect",
    "write spec: {policy: {admit: {rules: [{when, then: {allow: true}}, {else: {then: {allow: false}}}]}}}"
  )
  const condition = typeof when === "string" ? (comparisonOf(when) ?? when) : when
  const rules: ReadonlyArray<Json> = [
    { when: condition, then: { allow: true } },
    { else: { then: { allow: false } } }
  ]
  const spec = objectOf(step["spec"])
  const policy = { ...objectOf(spec["policy"]), admit: rewriting.derive({ rules }, step) }
  return replaced(rewriting, step, { when: undefined, spec: rewriting.derive({ ...spec, policy }, step) })
}

/** `collection` and `element` of the first loops; `mode` beside them. */
const withLoop: Rule = (step, rewriting) => {
  const { loop } = step
  if (!isObject(loop)) return step
  const { collection, element, mode, ...rest } = loop
  if (collection === undefined && element === undefined && mode === undefined) return step
  const key = collection !== undefined ? "collection" : element !== undefined ? "element" : "mode"
  rewriting.report(
    "warning",
    loop,
    key,
    "this loop is of an older dialect",
    "write loop: {in, iterator, spec: {mode}}"
  )
  const modern = mode === "async" ? "parallel" : mode
  const spec = { ...(modern === undefined ? {} : { mode: modern }), ...objectOf(rest["spec"]) }
  const made = {
    ...(collection === undefined ? {} : { in: collection }),
    ...(element === undefined ? {} : { iterator: element }),
    ...rest,
    spec
  }
  return replaced(rewriting, step, { loop: rewriting.derive(made, loop) })
}

/** `save` and `sink` of a step are one more task. */
const withSink: Rule = (step, rewriting) => {
  const key = ["save", "sink"].find((name) => isObject(step[name]))
  if (key === undefined) return step
  const sink = objectOf(step[key])
  const inner = objectOf(sink["tool"])
  const { storage } = sink
  const kind =
    inner["kind"] ?? sink["kind"] ?? sink["tool"] ?? (isObject(storage) ? storage["type"] : storage) ?? "sink"
  rewriting.report("warning", step, key, `${key} of a step is an older dialect`, "append a task to tool")
  const { args, storage: _storage, tool: _tool, ...rest } = sink
  const task = rewriting.derive(
    { name: "sink", ...rest, ...inner, kind, ...(isObject(args) ? { input: args } : {}) },
    sink
  )
  const own = step["tool"]
  const before = Array.isArray(own) ? (own as ReadonlyArray<Json>) : isObject(own) ? [own] : []
  return replaced(rewriting, step, { [key]: undefined, tool: rewriting.derive([...before, task], sink) })
}
