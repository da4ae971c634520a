/** A checked document → the playbook. What is wrong was found before: here nothing can fail. */
import { isObject, plainTextOf, type Json, type JsonObject } from "../domain/Json.ts"
import type { AdmitRule, Arc, Loop, Playbook, SetBlock, Step } from "./Playbook.ts"
import { secondsOf } from "./seconds.ts"
import type { Source } from "./Source.ts"
import { objectOf, objectsOf, textOf } from "./parts.ts"

export const build = (root: JsonObject, source: Source): Playbook => {
  const metadata = objectOf(root["metadata"])
  const executor = objectOf(root["executor"])
  const spec = objectOf(executor["spec"])
  const defaults = objectOf(objectOf(spec["policy"])["defaults"])
  const entries = new Map(
    objectsOf(root["workbook"]).map((entry) => [textOf(entry["name"]) ?? "", objectOf(entry["tool"])])
  )
  const context: Context = { source, entries, timeout: secondsOf(defaults["timeout_s"]) }
  const steps = objectsOf(root["workflow"]).map((step) => stepOf(step, context))
  const byName = new Map(steps.map((step) => [step.name, step]))
  const name = textOf(metadata["name"]) ?? ""
  const { profile } = executor
  return {
    file: source.file,
    name,
    path: textOf(metadata["path"]) ?? name,
    version: plainTextOf(metadata["version"]),
    description: textOf(metadata["description"]),
    profile: profile === "local" || profile === "distributed" ? profile : "auto",
    workload: objectOf(root["workload"]),
    spec: root["spec"],
    keychain: objectsOf(root["keychain"]),
    steps: byName,
    entry: textOf(spec["entry_step"]) ?? (byName.has("start") ? "start" : (steps[0]?.name ?? "")),
    finalStep: textOf(spec["final_step"]),
    noNextIsError: spec["no_next_is_error"] === true,
    document: root
  }
}

interface Context {
  readonly source: Source
  readonly entries: ReadonlyMap<string, JsonObject>
  /** Seconds for a task that names no time. */
  readonly timeout: number | undefined
}

const stepOf = (step: JsonObject, context: Context): Step => {
  const spec = objectOf(step["spec"])
  const next = objectOf(step["next"])
  const router = objectOf(next["spec"])
  const arcs = objectsOf(next["arcs"])
  return {
    name: textOf(step["step"]) ?? "",
    line: context.source.placeOf(step).line,
    desc: textOf(step["desc"]),
    ...toolOf(step, context),
    kinds: kindsOf(step, context),
    admit: objectsOf(objectOf(objectOf(spec["policy"])["admit"])["rules"]).map(admitRuleOf),
    loop: isObject(step["loop"]) ? loopOf(step["loop"]) : undefined,
    set: setOf(step["set"]),
    mode: router["mode"] === "inclusive" ? "inclusive" : "exclusive",
    arcs: arcs.map((arc): Arc => ({
      step: textOf(arc["step"]) ?? "",
      when: arc["when"] ?? undefined,
      set: setOf(arc["set"])
    })),
    quiet: router["on_no_match"] === "quiet",
    timeout: secondsOf(step["timeout"] ?? spec["timeout"])
  }
}

const setOf = (value: Json | undefined): SetBlock => Object.entries(objectOf(value))

/** The tasks of a step as they were written; one or none where it is no list. */
export const tasksOf = (step: JsonObject): ReadonlyArray<JsonObject> =>
  isObject(step["tool"]) ? [step["tool"]] : objectsOf(step["tool"])

const kindsOf = (step: JsonObject, { entries }: Context): ReadonlyArray<string> => [
  ...new Set(
    tasksOf(step).flatMap((task) => {
      const kind = textOf(task["kind"]) ?? ""
      const entry = kind === "workbook" ? entries.get(textOf(task["task"] ?? task["name"]) ?? "") : undefined
      const inner = textOf(entry?.["kind"])
      return inner === undefined ? [kind] : [kind, inner]
    })
  )
]

/** Bindings and `output` of the step belong to every task of it. */
const toolOf = (step: JsonObject, context: Context): Pick<Step, "kind" | "config"> => {
  const { output, tool } = step
  const input = objectOf(step["input"])
  const more = output === undefined ? {} : { output }
  if (Array.isArray(tool)) {
    const tasks = (tool as ReadonlyArray<Json>).filter(isObject).map((task) => taskOf(task, context))
    const selected = output ?? (tasks.length === 1 ? tasks[0]?.["output"] : undefined)
    return {
      kind: "task_sequence",
      config: { tasks, input, ...(selected === undefined ? {} : { output: selected }) }
    }
  }
  if (!isObject(tool)) return { kind: "noop", config: {} }
  const { kind, ...config } = taskOf(tool, context)
  const own = { ...input, ...objectOf(config["input"]) }
  return {
    kind: textOf(kind) ?? "",
    config: { ...config, ...(Object.keys(own).length === 0 ? {} : { input: own }), ...more }
  }
}

const taskOf = (task: JsonObject, { timeout }: Context): JsonObject => {
  const timed = task["timeout"] ?? task["timeout_seconds"] ?? objectOf(task["spec"])["timeout"]
  const withTime = timeout === undefined || timed !== undefined ? task : { ...task, timeout }
  return task["kind"] === "playbook" || task["kind"] === "playbooks" ? childTask(withTime) : withTime
}

/** Seconds that a child may take unless it is said. */
const childSeconds = 300

/** A child playbook is waited for, unless `wait: false` says otherwise. */
const childTask = (task: JsonObject): JsonObject => {
  const { return_step, wait, ...rest } = task
  const waits = wait !== false && wait !== "false"
  const timeout =
    task["timeout"] ?? task["timeout_seconds"] ?? objectOf(task["spec"])["timeout"] ?? childSeconds
  return waits
    ? {
        ...rest,
        kind: "playbook",
        timeout,
        poll_interval: 0.1,
        return_result: true,
        ...(return_step === undefined ? {} : { return_step })
      }
    : { ...rest, kind: "playbook" }
}

const admitRuleOf = (rule: JsonObject): AdmitRule => {
  const otherwise = Object.hasOwn(rule, "else")
  const branch = objectOf(rule["else"])
  const then = objectOf(otherwise ? (branch["then"] ?? branch) : rule["then"])
  return {
    when: otherwise ? true : (rule["when"] ?? true),
    allow: then["allow"] !== false && then["allow"] !== "false"
  }
}

const loopOf = (loop: JsonObject): Loop => {
  const spec = objectOf(loop["spec"])
  const iterator = textOf(loop["iterator"]) ?? "item"
  const maxInFlight = spec["max_in_flight"] ?? undefined
  if (isObject(loop["cursor"])) {
    const frame = objectOf(spec["frame"])
    return {
      mode: "cursor",
      iterator,
      cursor: loop["cursor"],
      maxInFlight,
      frame: {
        maxRows: frame["max_rows"] ?? 1,
        rowConcurrency: frame["row_concurrency"] ?? 1,
        process: frame["process"] === "frame" ? "frame" : "row",
        maxAttempts: typeof frame["max_attempts"] === "number" ? frame["max_attempts"] : 3
      }
    }
  }
  return {
    mode: spec["mode"] === "parallel" ? "parallel" : "sequential",
    iterator,
    in: loop["in"] ?? null,
    maxInFlight
  }
}
