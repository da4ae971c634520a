/** A command as a pipeline: every step is one of at least one task, in whatever shape its server sends it. */
import { Result } from "effect"
import type { Command } from "../../domain/Command.ts"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { type Checked, listAt, mappingAt, under, wrong } from "./Issue.ts"
import {
  refusedKeys,
  refuseOld,
  type Rule,
  rulesOf,
  type SetBlock,
  setBlockOf,
  retryRulesOf,
  retryTemplateOf
} from "./Rule.ts"

export interface Task {
  readonly label: string
  readonly kind: string
  /** Where it stands in the command, for errors. */
  readonly at: string
  /** The tool's own settings, templates and all. */
  readonly config: JsonObject
  readonly input: JsonObject
  readonly set: SetBlock
  readonly rules: ReadonlyArray<Rule>
  /** The whole of `retry` as a template: rules behind these, once it is rendered. */
  readonly retryTemplate: string | undefined
}

export interface Plan {
  readonly tasks: ReadonlyArray<Task>
  /** Whether the author wrote a list: only then has the result a member for each label. */
  readonly isList: boolean
  /** The name of the step, without what a server hung on to it. */
  readonly step: string
  /** Bindings for every task, templates and all. */
  readonly input: JsonObject
}

/** The limit of tasks in one pipeline. */
export const maxTasks = 10_000

export const planOf = (command: Command): Checked<Plan> => {
  const step = command.step.replace(/(:task_sequence)+$/, "")
  const list = listOf(command)
  if (list === undefined) {
    return Result.gen(function* () {
      const config = yield* mappingAt(command.config, "")
      const task = yield* taskOf({ ...config, kind: command.kind }, step, "")
      return { tasks: [task], isList: false, step, input: {} }
    })
  }
  return Result.gen(function* () {
    const items = yield* listAt(list, "tasks")
    if (items.length === 0) return yield* wrong("tasks", "a pipeline has at least one task")
    if (items.length > maxTasks)
      return yield* wrong("tasks", `a pipeline of ${items.length} tasks; ${maxTasks} is the most`)
    const tasks = yield* Result.all(items.map((item, i) => itemOf(item, i)))
    const config = isObject(command.config) ? command.config : {}
    return { tasks, isList: true, step, input: yield* mappingAt(config["input"], "input") }
  })
}

/** `[…]`, `{tasks: […]}`, `{tool_config: […]}`; a list of tasks under any kind but a tool's own is a pipeline too. */
export const listOf = (command: Command): Json | undefined => {
  const { config, kind } = command
  if (Array.isArray(config)) return config
  if (kind !== "task_sequence") return undefined
  return isObject(config) ? (config["tasks"] ?? config["tool_config"] ?? config["tool"] ?? null) : config
}

/** `{name, kind, …}`, `{kind, …}` or `{label: {kind, …}}`. */
const itemOf = (item: Json, index: number): Checked<Task> => {
  const at = `tasks[${index}]`
  if (!isObject(item)) return wrong(at, "expected {name, kind, …} or {label: {kind, …}}")
  if (typeof item["kind"] === "string") {
    const name = item["name"] ?? item["label"]
    return taskOf(item, typeof name === "string" && name !== "" ? name : `task_${index}`, at)
  }
  const [entry, ...others] = Object.entries(item)
  if (entry === undefined || others.length > 0 || !isObject(entry[1])) {
    return wrong(under(at, "kind"), "expected the kind of the tool")
  }
  return taskOf(entry[1], entry[0], under(at, entry[0]))
}

/** What the pipeline reads itself; everything else is the tool's. */
const ownKeys: ReadonlySet<string> = new Set([
  "name",
  "kind",
  "spec",
  "set",
  "set_ctx",
  "set_iter",
  "input",
  "output",
  "output_select",
  "desc"
])
/** What a `spec` has for us and not for the tool. */
const specKeys: ReadonlySet<string> = new Set(["policy", "timeout", "max_in_flight", "mode"])

/** Every key for which the tool does not get the task's mapping as it is written. */
const pipelineKeys: ReadonlySet<string> = new Set([
  ...ownKeys,
  "args",
  "timeout",
  "timeout_seconds",
  "retry",
  ...refusedKeys
])

/** Most tasks have nothing but what belongs to their tool. */
const taskOf = (value: JsonObject, label: string, at: string): Checked<Task> => {
  const { kind, ...config } = value
  return typeof kind === "string" && kind !== "" && !Object.keys(config).some((key) => pipelineKeys.has(key))
    ? Result.succeed({ label, kind, at, config, input: {}, set: [], rules: [], retryTemplate: undefined })
    : ruledTaskOf(value, label, at)
}

const ruledTaskOf = (value: JsonObject, label: string, at: string): Checked<Task> =>
  Result.gen(function* () {
    const kind = value["kind"]
    if (typeof kind !== "string" || kind === "")
      return yield* wrong(under(at, "kind"), "expected the kind of the tool")
    yield* refuseOld(value, at)
    const spec = yield* mappingAt(value["spec"], under(at, "spec"))
    const args = value["args"]
    const retryTemplate = retryTemplateOf(value["retry"])
    const own = Object.entries(value).filter(
      ([key]) => !ownKeys.has(key) && !(key === "args" && isObject(args))
    )
    const fromSpec = Object.entries(spec).filter(([key]) => !specKeys.has(key) && value[key] === undefined)
    const timeout = value["timeout"] ?? value["timeout_seconds"] ?? spec["timeout"]
    const lifted = Object.fromEntries(fromSpec.filter(([key]) => !ownKeys.has(key) && key !== "args"))
    const input = yield* mappingAt(value["input"] ?? spec["input"], under(at, "input"))
    return {
      label,
      kind,
      at,
      config: { ...lifted, ...(timeout === undefined ? {} : { timeout }), ...Object.fromEntries(own) },
      input: { ...(isObject(args) ? args : isObject(spec["args"]) ? spec["args"] : {}), ...input },
      set: yield* setBlockOf(value, at),
      rules: [
        ...(yield* rulesOf(spec, under(at, "spec"))),
        ...(retryTemplate === undefined ? yield* retryRulesOf(value["retry"], under(at, "retry")) : [])
      ],
      retryTemplate
    }
  })
