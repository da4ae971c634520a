/** `noetl-worker doctor`: what is wrong, why, and what to do. Exit 1 when something keeps the worker from working. */
import { Effect } from "effect"
import { examine, type Finding } from "../doctor/index.ts"
import { type Arguments, Said } from "./options.ts"
import { loadConfig } from "./sources.ts"
import { styleOf } from "./style.ts"

export const doctor = Effect.fnUntraced(function* (args: Arguments) {
  const { values, warnings } = yield* loadConfig(args)
  const unknown = warnings.map((cause): Finding => ({
    level: "warning",
    about: "configuration",
    cause,
    cure: "correct the name"
  }))
  const findings = [...unknown, ...(yield* examine(values))]
  const count = (level: Finding["level"]) => findings.filter((finding) => finding.level === level).length
  const summary = `${count("problem")} problems, ${count("warning")} warnings, ${count("ok")} checks passed`
  yield* Effect.sync(() => void process.stdout.write(`${findings.map(lineOf).join("\n")}\n${summary}\n`))
  if (count("problem") > 0) return yield* Effect.fail(new Said())
})

const lineOf = ({ about, cause, cure, level }: Finding): string => {
  const style = styleOf(process.stdout)
  const mark =
    level === "ok" ? style.green("ok     ") : level === "problem" ? style.red("PROBLEM") : "warning"
  return `${mark} ${style.bold(about)}: ${cause}${cure === undefined ? "" : `\n        → ${cure}`}`
}
