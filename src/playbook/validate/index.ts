/** Everything that is wrong with a normalised playbook, in one go. */
import type { JsonObject } from "../../domain/Json.ts"
import { tasksOf } from "../build.ts"
import type { Source } from "../Source.ts"
import type { Checking } from "./Check.ts"
import { lintGraph } from "./graph.ts"
import { checkExecutor, checkKeychain, checkRoot, checkWorkbook } from "./root.ts"
import { checkStep } from "./steps.ts"
import { objectOf, objectsOf, wordOf } from "../parts.ts"

export const validate = (root: JsonObject, source: Source): void => {
  const steps = objectsOf(root["workflow"])
  const stepNames = [
    ...new Set(steps.flatMap(({ step }) => (typeof step === "string" && step !== "" ? [step] : [])))
  ]
  const entries = new Map(
    objectsOf(root["workbook"]).map((entry) => [wordOf(entry["name"]), objectOf(entry["tool"])])
  )
  const checking: Checking = { source, report: source.report, stepNames, entries }
  if (!checkRoot(root, checking)) return
  checkExecutor(root, checking)
  checkKeychain(root, checking)
  checkWorkbook(root, namedEntries(steps), checking)
  checkNames(steps, checking)
  for (const step of steps) checkStep(step, checking)
  const spec = objectOf(objectOf(root["executor"])["spec"])
  const entry =
    typeof spec["entry_step"] === "string"
      ? spec["entry_step"]
      : stepNames.includes("start")
        ? "start"
        : stepNames[0]
  if (entry !== undefined) lintGraph(root, entry, checking)
}

const namedEntries = (steps: ReadonlyArray<JsonObject>): ReadonlySet<string> =>
  new Set(
    steps.flatMap((step) =>
      tasksOf(step)
        .filter(({ kind }) => kind === "workbook")
        .map(({ name, task }) => wordOf(task ?? name))
    )
  )

const checkNames = (steps: ReadonlyArray<JsonObject>, { report }: Checking): void => {
  const seen = new Set<string>()
  for (const step of steps) {
    const { step: name } = step
    if (typeof name !== "string") continue
    if (seen.has(name))
      report("error", step, "step", `two steps have the name "${name}"`, "give each its own name")
    if (/\p{Cc}/u.test(name)) report("error", step, "step", "the name has a control character", "remove it")
    seen.add(name)
  }
}
