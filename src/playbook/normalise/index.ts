/**
 * A playbook of an older dialect → the same playbook in the language of today. Each rewriting is one warning, so that
 * the file can be mended; a playbook of today comes back as it is.
 */
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import type { Source } from "../Source.ts"
import { replaced, type Rewriting } from "./Rewriting.ts"
import { shellResults } from "./results.ts"
import { normalStep } from "./step.ts"
import { normalTask } from "./tool.ts"
import { objectOf, listOf } from "../parts.ts"

export const normalised = (root: JsonObject, source: Source): JsonObject => {
  const rewriting: Rewriting = { derive: source.derive, report: source.report }
  const { workbook, workflow } = root
  const steps = listOf(workflow).map((step) => (isObject(step) ? normalStep(step, rewriting) : step))
  const changes = {
    ...workloadOf(root, rewriting),
    ...(Array.isArray(workflow)
      ? { workflow: rewriting.derive(shellResults(steps, rewriting), workflow) }
      : {}),
    ...(Array.isArray(workbook)
      ? {
          workbook: rewriting.derive(
            workbook.map((entry: Json) => normalEntry(entry, rewriting)),
            workbook
          )
        }
      : {})
  }
  return replaced(rewriting, root, changes)
}

/** `vars`, and a `spec` without a workload, are the workload. */
const workloadOf = (
  root: JsonObject,
  rewriting: Rewriting
): { readonly workload?: Json; readonly vars?: undefined } => {
  const { spec, vars, workload } = root
  if (isObject(vars)) {
    rewriting.report("warning", root, "vars", "vars is an older dialect", "write workload")
    return {
      vars: undefined,
      workload: rewriting.derive({ ...vars, ...objectOf(workload) }, isObject(workload) ? workload : vars)
    }
  }
  if (isObject(spec) && workload === undefined) {
    rewriting.report("warning", root, "spec", "values under spec are an older dialect", "write workload")
    return { workload: spec }
  }
  return {}
}

const normalEntry = (entry: Json, rewriting: Rewriting): Json => {
  if (!isObject(entry)) return entry
  const { tool } = entry
  if (isObject(tool)) return replaced(rewriting, entry, { tool: normalTask(tool, rewriting) })
  return entry
}
