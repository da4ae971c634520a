/** `noetl run`: a playbook on this machine, from its file to its exit code. */
import { Effect } from "effect"
import { stringify } from "../../domain/Json.ts"
import { missingTools } from "../../local/capabilities.ts"
import { errorsOf, PlaybookError, type Read, readPlaybook } from "../../local/catalog.ts"
import { exitCodeOf, warningsOf } from "../../local/Report.ts"
import type { Playbook } from "../../playbook/Playbook.ts"
import { planText } from "../../playbook/planTree.ts"
import { type Problem, textOf } from "../../playbook/Problem.ts"
import { secondsOf } from "../../playbook/seconds.ts"
import { ReportedError, UsageError } from "../errors.ts"
import { leave } from "../signals.ts"
import { foldersOf } from "./catalog.ts"
import { execute } from "./execute.ts"
import type { Input } from "./Input.ts"
import { located } from "./locate.ts"
import { payloadOf } from "./payload.ts"
import { print } from "../print.ts"

export const run = (input: Input) =>
  Effect.gen(function* () {
    yield* refuseRemote(input)
    const folders = foldersOf(input.catalog)
    const { path, target } = yield* located(input.ref, input.target, folders)
    const read = yield* readable(path, input)
    const playbook = yield* runnable(read, target, input)
    const payload = yield* payloadOf(input)
    const timeout = yield* timeOf(input.timeout)
    if (input.dryRun) return yield* dryRun(playbook, target, read.problems, input)
    const report = yield* execute({ input, playbook, read, target, payload, timeout, folders })
    const code = exitCodeOf(report)
    if (code !== 0) return yield* new ReportedError({ code })
    return yield* leave
  }).pipe(
    Effect.catchTags({
      PlaybookError: (error) => new UsageError({ message: error.message }),
      CredentialsFileError: (error) => new UsageError({ message: error.message })
    })
  )

const refuseRemote = ({ endpoint, runtime, serve, watch }: Input): Effect.Effect<void, UsageError> => {
  const refuse = (what: string) =>
    Effect.fail(new UsageError({ message: `${what} is not supported yet: playbooks run on this machine` }))
  if (runtime === "distributed") return refuse("--runtime distributed")
  if (endpoint !== undefined) return refuse("--endpoint")
  if (serve) return refuse("--serve")
  return watch ? refuse("--watch") : Effect.void
}

const readable = (path: string, { noNormalize, strict }: Input) =>
  Effect.fromResult(readPlaybook(path, { strict, normalise: !noNormalize }))

/** The playbook, when nothing keeps it from running here. */
const runnable = Effect.fnUntraced(function* (
  { playbook, problems }: Read,
  target: string | undefined,
  input: Input
) {
  if (playbook === undefined)
    return yield* new PlaybookError({ message: `the playbook is not valid\n${errorsOf(problems)}` })
  if (playbook.profile === "distributed" && !input.forceProfile)
    return yield* new PlaybookError({
      message: `${playbook.file} says executor.profile: distributed: run it here all the same with --force-profile`
    })
  if (target !== undefined && !playbook.steps.has(target))
    return yield* new PlaybookError({
      message: `${playbook.file} has no step "${target}": it has ${[...playbook.steps.keys()].join(", ")}`
    })
  const missing = missingTools(playbook)
  if (input.strict && missing.length > 0)
    return yield* new PlaybookError({
      message: missing.map((problem) => textOf({ ...problem, level: "error" })).join("\n")
    })
  return playbook
})

const timeOf = (text: string | undefined): Effect.Effect<number | undefined, UsageError> => {
  if (text === undefined) return Effect.succeed(undefined)
  const seconds = secondsOf(text)
  return seconds === undefined
    ? Effect.fail(
        new UsageError({ message: `--timeout ${text}: expected seconds, or text like "30s", "5m"` })
      )
    : Effect.succeed(seconds)
}

const dryRun = (
  playbook: Playbook,
  target: string | undefined,
  problems: ReadonlyArray<Problem>,
  { json }: Input
) => {
  const all = [...problems, ...missingTools(playbook)]
  const text = json
    ? stringify(
        {
          path: playbook.path,
          valid: true,
          warnings: warningsOf(all),
          plan: planText(playbook, target).split("\n")
        },
        2
      )
    : [...all.map(textOf), planText(playbook, target), "nothing was run: --dry-run"].join("\n")
  return print(`${text}\n`)
}
