/** `noetl-worker doctor`: what is wrong, why, and what to do. Exit 1 when something keeps the worker from working. */
import { Effect } from "effect"
import { examine, type Finding } from "../doctor/index.ts"
import * as Json from "../domain/Json.ts"
import { ReportedError } from "./errors.ts"
import { loadConfig } from "./sources.ts"
import { styleOf } from "./style.ts"
import { print } from "./print.ts"

export const doctor = Effect.fnUntraced(function* ({ json }: { readonly json: boolean }) {
  const { values, warnings } = yield* loadConfig
  const unknown = warnings.map((cause): Finding => ({
    level: "warning",
    about: "configuration",
    cause,
    cure: "correct the name"
  }))
  const write = (found: ReadonlyArray<Finding>) =>
    print(found.map((finding) => `${json ? Json.stringify({ ...finding }) : lineOf(finding)}\n`).join(""))
  yield* write(unknown)
  const findings = [...unknown, ...(yield* examine(values, { report: write }))]
  const count = (level: Finding["level"]) => findings.filter((finding) => finding.level === level).length
  if (!json)
    yield* print(`${count("problem")} problems, ${count("warning")} warnings, ${count("ok")} checks passed\n`)
  if (count("problem") > 0) return yield* new ReportedError({ code: 1 })
})

const lineOf = ({ about, cause, cure, level }: Finding): string => {
  const style = styleOf(process.stdout)
  const mark =
    level === "ok" ? style.green("ok     ") : level === "problem" ? style.red("PROBLEM") : "warning"
  return `${mark} ${style.bold(about)}: ${cause}${cure === undefined ? "" : `\n        → ${cure}`}`
}
