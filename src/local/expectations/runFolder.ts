/** Runs the playbooks of a folder and holds each against what it must give. */
import { Effect, Result } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { PlaybookError, readPlaybook } from "../catalog.ts"
import * as Runner from "../Runner.ts"
import { textOf } from "../../playbook/Problem.ts"
import { type Check, check } from "./check.ts"
import { type Expectation, payloadOf, read } from "./Expectation.ts"
import * as StubbedTools from "./StubbedTools.ts"

export interface Verdict {
  readonly name: string
  readonly checks: ReadonlyArray<Check>
  readonly millis: number
}

export type Base = Omit<
  Runner.Request,
  "source" | "problems" | "payload" | "merge" | "target" | "resume" | "onEvent" | "onOutput" | "stateFolder"
>

const fileName = "expectations.yaml"

/** The expectations of a folder, in the order of the file. */
export const expectationsIn = (folder: string): Effect.Effect<ReadonlyArray<Expectation>, PlaybookError> => {
  const file = join(folder, fileName)
  if (!existsSync(file))
    return Effect.fail(
      new PlaybookError({ message: `there is no ${file}: write a list of {playbook, status, values} in it` })
    )
  const found = read(file, readFileSync(file, "utf8"))
  return Result.isSuccess(found)
    ? Effect.succeed(found.success)
    : Effect.fail(new PlaybookError({ message: found.failure.join("\n") }))
}

export const runOne = Effect.fnUntraced(function* (
  folder: string,
  wanted: Expectation,
  base: Base,
  variables: Readonly<Record<string, string | undefined>>
) {
  const name = wanted.name ?? wanted.playbook
  const found = readPlaybook(resolve(folder, wanted.playbook), base)
  if (Result.isFailure(found))
    return { name, checks: [unreadable(found.failure.message)], millis: 0 } satisfies Verdict
  const { fingerprint, playbook, problems } = found.success
  if (playbook === undefined)
    return {
      name,
      checks: problems.map((problem) => unreadable(textOf(problem))),
      millis: 0
    } satisfies Verdict
  const trace: Array<string> = []
  const report = yield* Runner.run({
    ...base,
    tools: StubbedTools.layer(wanted.stubs, base.tools),
    source: { playbook, fingerprint },
    problems,
    payload: payloadOf(wanted, variables),
    merge: false,
    target: wanted.target,
    resume: false,
    stateFolder: undefined,
    onOutput: () => {},
    onEvent: (event) => {
      if (event.parent !== undefined || event.step === undefined) return
      if (event.type === "step.enter") trace.push(`+${event.step}`)
      if (event.type === "step.exit" || event.type === "step.failed") trace.push(`-${event.step}`)
    }
  })
  return {
    name,
    checks: check(wanted, { ending: report.ending, state: report.state, trace }),
    millis: report.endedAt - report.startedAt
  } satisfies Verdict
})

const unreadable = (found: string): Check => ({ what: "the playbook can be run", ok: false, found })
