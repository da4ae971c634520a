/** The tasks of a step: their kinds, labels, rules, and what each tool cannot do without. */
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { fits } from "../decode.ts"
import { suggestion } from "../../domain/nearest.ts"
import { Action, Task } from "../schemas.ts"
import { kinds } from "../vocabulary.ts"
import type { Checking } from "./Check.ts"
import { objectOf, objectsOf, wordOf } from "../parts.ts"

export const checkTool = (step: JsonObject, checking: Checking): void => {
  const { tool } = step
  const { report } = checking
  if (tool === undefined)
    return report(
      "warning",
      step,
      "step",
      "the step has no tool and does nothing",
      "write tool: {kind: noop}"
    )
  if (typeof tool === "string")
    return report(
      "error",
      step,
      "tool",
      `tool: ${tool} is the dialect v1`,
      `write tool: {kind: ${tool}, …} with its settings in it`
    )
  if (Array.isArray(tool)) return checkPipeline(step, tool as ReadonlyArray<Json>, checking)
  if (!isObject(tool)) return report("error", step, "tool", "expected a tool, {kind, …}, or a list of tasks")
  checkTask(tool, [wordOf(step["step"])], checking)
}

const checkPipeline = (step: JsonObject, tasks: ReadonlyArray<Json>, checking: Checking): void => {
  const { report } = checking
  if (tasks.length === 0)
    return report("error", step, "tool", "a pipeline has at least one task", "write a task, or kind: noop")
  const labels = tasks.map((task, index) => labelOf(task, index))
  tasks.forEach((task, index) => {
    if (!isObject(task)) return report("error", tasks, index, "expected a task, {name, kind, …}")
    const label = labels[index] ?? ""
    if (labels.indexOf(label) !== index)
      report(
        "error",
        task,
        "name",
        `two tasks of this step have the label "${label}"`,
        "give each its own name"
      )
    checkTask(task, labels, checking)
  })
}

const labelOf = (task: Json, index: number): string =>
  isObject(task) && typeof task["name"] === "string" && task["name"] !== "" ? task["name"] : `task_${index}`

/** `labels` are what a jump may go to. */
export const checkTask = (task: JsonObject, labels: ReadonlyArray<string>, checking: Checking): void => {
  const { report, source } = checking
  if (!fits(Task, task, source)) return
  const kind = wordOf(task["kind"])
  if (!kinds.includes(kind)) {
    report("error", task, "kind", `there is no tool "${kind}"`, suggestion(kind, kinds))
    return
  }
  for (const old of ["eval", "expr", "set_vars"])
    if (task[old] !== undefined)
      report("error", task, old, `${old} is not supported`, "write spec.policy.rules with when, then and set")
  if (isObject(task["retry"]) || Array.isArray(task["retry"]))
    report(
      "warning",
      task,
      "retry",
      "retry of a tool is an older dialect",
      "write a rule: {when: …, then: {do: retry}}"
    )
  checkNeeds(kind, task, checking)
  checkRules(task, labels, checking)
}

const sql: ReadonlySet<string> = new Set(["postgres", "duckdb", "snowflake"])
const sqlKeys = [
  "query",
  "command",
  "commands",
  "cmd",
  "queries",
  "sql",
  "script",
  "procedure",
  "query_base64",
  "command_b64",
  "commands_b64",
  "query_b64"
]

const checkNeeds = (kind: string, task: JsonObject, { entries, report }: Checking): void => {
  const has = (keys: ReadonlyArray<string>) => keys.some((key) => (task[key] ?? null) !== null)
  if (sql.has(kind) && !has(sqlKeys))
    report(
      "error",
      task,
      "kind",
      `no sql command provided: ${kind} has nothing to run`,
      "write query: SELECT …"
    )
  if (kind === "python" && !has(["code", "script", "code_b64", "url", "uri"]))
    report("error", task, "kind", "python has no code", "write code: | and the program below it")
  if (kind === "rhai" && !has(["code", "script"]))
    report("error", task, "kind", "rhai has no code", "write code: |")
  if (kind === "shell" && !has(["cmds", "command", "cmd", "script"]))
    report("error", task, "kind", "shell has no command", "write cmds: [command]")
  if (kind === "http" && !has(["url", "endpoint", "uri"]))
    report("error", task, "kind", "http has no url", "write url: https://…")
  if (kind === "playbook" && !has(["path", "name"]))
    report("error", task, "kind", "playbook has no path", "write path: CATALOG/PATH or ./FILE.yaml")
  if (kind === "workbook") checkEntry(task, entries, report)
}

const checkEntry = (task: JsonObject, entries: Checking["entries"], report: Checking["report"]): void => {
  const name = task["task"] ?? task["name"]
  if (typeof name !== "string") report("error", task, "kind", "workbook names no entry", "write name: ENTRY")
  else if (!entries.has(name))
    report(
      "error",
      task,
      task["task"] === undefined ? "name" : "task",
      `the workbook has no entry "${name}"`,
      suggestion(name, [...entries.keys()])
    )
}

/** Words that stand for the task before. */
const previous: ReadonlySet<string> = new Set(["previous", "prev", "_previous", "@previous"])

const checkRules = (task: JsonObject, labels: ReadonlyArray<string>, checking: Checking): void => {
  const { report, source } = checking
  const policy = objectOf(objectOf(task["spec"])["policy"])
  if (policy["mode"] !== undefined && policy["mode"] !== null && policy["mode"] !== "exclusive")
    report("error", policy, "mode", "rules are exclusive: the first that matches counts", "remove mode")
  for (const key of ["before", "after", "finally"])
    if ((policy[key] ?? null) !== null) report("error", policy, key, `${key} is not supported`, "write rules")
  for (const rule of objectsOf(policy["rules"])) {
    for (const old of ["eval", "expr", "set_vars"])
      if (rule[old] !== undefined)
        report("error", rule, old, `${old} is not supported`, "write when and then")
    const otherwise = Object.hasOwn(rule, "else")
    const body = otherwise ? (objectOf(rule["else"])["then"] ?? rule["else"]) : rule["then"]
    if (body === undefined || body === null)
      report("warning", rule, undefined, "the rule does nothing", "write then: {do: …}")
    else if (!isObject(body))
      report("error", rule, otherwise ? "else" : "then", "expected a mapping with do", "write {do: continue}")
    else if (fits(Action, body, source)) checkAction(body, labels, checking)
  }
}

const checkAction = (action: JsonObject, labels: ReadonlyArray<string>, { report }: Checking): void => {
  if (action["do"] === undefined)
    report("warning", action, undefined, "the rule says no do: it continues", "write do: continue")
  if (action["do"] === "retry" && action["attempts"] === undefined)
    report("info", action, "do", "retry without attempts tries 3 times", "write attempts: 3")
  if (action["do"] !== "jump") return
  const { to } = action
  if (typeof to !== "string" || to === "")
    report("error", action, "do", "jump does not say where to", "write to: LABEL")
  else if (!labels.includes(to) && !previous.has(to))
    report("error", action, "to", `the step has no task "${to}"`, suggestion(to, labels))
}
