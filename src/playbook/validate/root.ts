/** The head of a playbook: version, name, what it asks of a runtime, secrets and workbook. */
import { isObject, type JsonObject } from "../../domain/Json.ts"
import { fits } from "../decode.ts"
import { nearest, suggestion } from "../../domain/nearest.ts"
import { Entry, keysOf, Root } from "../schemas.ts"
import { contract, ownFeatures, ownKinds, versions } from "../vocabulary.ts"
import type { Checking } from "./Check.ts"
import { checkTask } from "./tasks.ts"
import { objectOf, listOf, objectsOf, wordOf } from "../parts.ts"

/** Whether the rest can be checked at all. */
export const checkRoot = (root: JsonObject, { report, source }: Checking): boolean => {
  if (root["apiVersion"] === "noetl.io/v1") {
    report(
      "error",
      root,
      "apiVersion",
      "noetl.io/v1 is a legacy dialect that no runtime executes any more",
      "rewrite the steps with tool: {kind, …} and write noetl.io/v2"
    )
    return false
  }
  const fitting = fits(Root, root, source)
  const version = root["apiVersion"]
  if (typeof version === "string" && !versions.includes(version)) {
    const near = nearest(version, versions)
    if (near !== undefined) report("info", root, "apiVersion", `did you mean "${near}"?`)
  }
  if (!fitting) return false
  for (const key of Object.keys(root))
    if (!keysOf(Root).includes(key))
      report(
        "warning",
        root,
        key,
        `a playbook has no key "${key}": nothing reads it`,
        suggestion(key, keysOf(Root))
      )
  const { name } = objectOf(root["metadata"])
  if (typeof name !== "string" || name === "")
    report("error", root, "metadata", "the playbook has no name", "write metadata: {name: …, path: …}")
  if (listOf(root["workflow"]).length === 0) {
    report("error", root, "workflow", "the workflow has no step", "write - step: start")
    return false
  }
  return true
}

export const checkExecutor = (root: JsonObject, { report, stepNames }: Checking): void => {
  const executor = objectOf(root["executor"])
  const requires = objectOf(executor["requires"])
  const lists = [
    ["tools", ownKinds, "this runtime has no tool"],
    ["features", ownFeatures, "this runtime does not have the feature"]
  ] as const
  for (const [key, own, sentence] of lists)
    for (const name of listOf(requires[key]))
      if (typeof name === "string" && !own.includes(name))
        report("error", requires, key, `${sentence} "${name}"`, suggestion(name, own))
  const { version } = executor
  if (typeof version === "string" && version !== contract)
    report(
      "warning",
      executor,
      "version",
      `this runtime keeps the contract ${contract}, not ${version}`,
      `write ${contract}`
    )
  const spec = objectOf(executor["spec"])
  for (const key of ["entry_step", "final_step"])
    if (typeof spec[key] === "string" && !stepNames.includes(spec[key]))
      report("error", spec, key, `there is no step "${spec[key]}"`, suggestion(spec[key], stepNames))
}

export const checkKeychain = (root: JsonObject, { report }: Checking): void => {
  const seen = new Set<string>()
  for (const entry of objectsOf(root["keychain"])) {
    const name = wordOf(entry["name"])
    if (seen.has(name))
      report("error", entry, "name", `two secrets have the name "${name}"`, "give each its own name")
    seen.add(name)
    if (entry["kind"] === undefined && entry["type"] === undefined)
      report(
        "error",
        entry,
        undefined,
        "the secret has no kind",
        "write kind: static, bearer, oauth2, secret_manager or credential"
      )
  }
}

/** Entries that no step names are checked by their shape alone. */
export const checkWorkbook = (root: JsonObject, named: ReadonlySet<string>, checking: Checking): void => {
  const seen = new Set<string>()
  for (const entry of objectsOf(root["workbook"])) {
    if (!fits(Entry, entry, checking.source)) continue
    const name = wordOf(entry["name"])
    if (seen.has(name))
      checking.report("error", entry, "name", `two entries have the name "${name}"`, "give each its own name")
    seen.add(name)
    if (named.has(name) && isObject(entry["tool"])) checkTask(entry["tool"], [name], checking)
  }
}
