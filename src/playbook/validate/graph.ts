/** What the arcs say together: steps that no arc leads to, circles that never change anything. */
import { isObject, type JsonObject } from "../../domain/Json.ts"
import { tasksOf } from "../build.ts"
import type { Checking } from "./Check.ts"
import { objectOf, objectsOf, wordOf } from "../parts.ts"

export const lintGraph = (root: JsonObject, entry: string, checking: Checking): void => {
  const steps = objectsOf(root["workflow"])
  const byName = new Map(steps.map((step) => [wordOf(step["step"]), step]))
  const final = objectOf(objectOf(root["executor"])["spec"])["final_step"]
  const reached = reachedFrom(entry, byName)
  for (const [name, step] of byName)
    if (!reached.has(name) && name !== final)
      checking.report(
        "info",
        step,
        "step",
        `no arc leads from "${entry}" to "${name}"`,
        "add an arc, or remove the step"
      )
  for (const step of steps) lintLoop(step, checking)
}

const targetsOf = (step: JsonObject | undefined): ReadonlyArray<string> =>
  objectsOf(objectOf(step?.["next"])["arcs"]).map((arc) => wordOf(arc["step"]))

const reachedFrom = (entry: string, byName: ReadonlyMap<string, JsonObject>): ReadonlySet<string> => {
  const reached = new Set<string>()
  const waiting = [entry]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (reached.has(name)) continue
    reached.add(name)
    waiting.push(...targetsOf(byName.get(name)))
  }
  return reached
}

/** Iterations at once that write the same value of the run: the last one that ends wins. */
const lintLoop = (step: JsonObject, { report }: Checking): void => {
  const loop = objectOf(step["loop"])
  if (objectOf(loop["spec"])["mode"] !== "parallel") return
  for (const task of tasksOf(step)) {
    const rules = objectsOf(objectOf(objectOf(task["spec"])["policy"])["rules"])
    const blocks = [
      task["set"],
      ...rules.map((rule) => objectOf(rule["then"] ?? objectOf(rule["else"])["then"])["set"])
    ]
    for (const block of blocks.filter(isObject))
      for (const key of Object.keys(block))
        if (key.startsWith("ctx."))
          report(
            "warning",
            block,
            key,
            "iterations that run at once write the same value: the last one to end wins",
            "write iter.NAME, or read the loop's results afterwards"
          )
  }
}
