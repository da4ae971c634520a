/** `noetl run`: a playbook on this machine, from its file to its exit code. */
import { Duration, Effect } from "effect"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { stringify, type JsonObject } from "../../domain/Json.ts"
import { messageOf } from "../../domain/messageOf.ts"
import { errorsOf, PlaybookError, type Read, readPlaybook } from "../../local/catalog.ts"
import { missingTools } from "../../local/capabilities.ts"
import { documentOf, exitCodeOf, summaryOf, warningsOf } from "../../local/Report.ts"
import * as Runner from "../../local/Runner.ts"
import type { Playbook } from "../../playbook/Playbook.ts"
import { type Problem, textOf } from "../../playbook/Problem.ts"
import { planText } from "../../playbook/planTree.ts"
import { secondsOf } from "../../playbook/seconds.ts"
import { announce } from "../../telemetry/Telemetry.ts"
import { Arguments } from "../Arguments.ts"
import { ReportedError, UsageError } from "../errors.ts"
import { graceful, stopExitsWith } from "../signals.ts"
import { loadConfig } from "../sources.ts"
import { telemetry } from "../worker.ts"
import { foldersOf } from "./catalog.ts"
import * as Display from "./Display.ts"
import * as Events from "./events.ts"
import { located } from "./locate.ts"
import { payloadOf } from "./payload.ts"

export interface Input {
  readonly ref: string | undefined
  readonly target: string | undefined
  readonly runtime: "auto" | "local" | "distributed"
  readonly set: ReadonlyArray<string>
  readonly payload: string | undefined
  readonly input: string | undefined
  readonly merge: boolean
  readonly credentials: string | undefined
  readonly catalog: ReadonlyArray<string>
  readonly dryRun: boolean
  readonly json: boolean
  readonly events: string | undefined
  readonly concurrency: number
  readonly timeout: string | undefined
  readonly state: string | undefined
  readonly resume: boolean
  readonly strict: boolean
  readonly forceProfile: boolean
  readonly noNormalize: boolean
  readonly quiet: boolean
  readonly serve: boolean
  readonly watch: boolean
  readonly endpoint: string | undefined
}

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
    return yield* execute({ input, playbook, read, target, payload, timeout, folders })
  }).pipe(Effect.catchTag("PlaybookError", (error) => new UsageError({ message: error.message })))

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
) =>
  Effect.sync(() => {
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
    process.stdout.write(`${text}\n`)
  })

interface Execution {
  readonly input: Input
  readonly playbook: Playbook
  readonly read: Read
  readonly target: string | undefined
  readonly payload: JsonObject
  readonly timeout: number | undefined
  readonly folders: ReadonlyArray<string>
}

const execute = Effect.fnUntraced(function* (execution: Execution) {
  const { folders, input, payload, playbook, read, target, timeout } = execution
  const loaded = yield* loadConfig
  const { verbose } = yield* Arguments
  yield* graceful(Duration.seconds(30))
  yield* stopExitsWith(130)
  const problems = [...read.problems, ...missingTools(playbook)]
  if (!input.quiet) for (const warning of warningsOf(problems)) yield* announce(warning)
  // With --json, and with events there, stdout is for programs alone.
  const stream = input.json || input.events === "-" ? process.stderr : process.stdout
  const display = Display.make({ stream, playbook, target, verbose, quiet: input.quiet })
  const events = yield* Effect.try({
    try: () => Events.open(input.events),
    catch: (cause) => new UsageError({ message: `--events ${input.events}: ${messageOf(cause)}` })
  })
  const tools = yield* Effect.promise(() => import("../../local/tools.ts"))
  const running = Runner.run({
    source: { playbook, fingerprint: read.fingerprint },
    problems,
    payload,
    merge: input.merge,
    target,
    timeout,
    resume: input.resume,
    values: loaded.values,
    tools: tools.layer,
    concurrency: Math.max(1, input.concurrency),
    strict: input.strict,
    normalise: !input.noNormalize,
    catalogs: folders,
    credentialsFile:
      input.credentials ?? process.env["NOETL_CREDENTIALS_FILE"] ?? loaded.values.credentialsFile,
    credentialsFolder: join(homedir(), ".noetl", "credentials.d"),
    stateFolder: input.state === undefined ? undefined : resolve(input.state),
    env: shownEnvironment(process.env),
    onEvent: (event) => {
      events.write(event)
      display.onEvent(event)
    },
    onOutput: display.onOutput
  }).pipe(
    Effect.raceFirst(display.paint),
    Effect.ensuring(Effect.sync(events.close)),
    Effect.provide(
      telemetry({ ...loaded, values: { ...loaded.values, logLevel: verbose ? "warn" : "error" } })
    )
  )
  const report = yield* running.pipe(whenCancelled(display))
  yield* display.finish(summaryOf(report, Display.isRich(stream)))
  if (input.json) process.stdout.write(`${stringify(documentOf(report), 2)}\n`)
  const code = exitCodeOf(report)
  if (code !== 0) return yield* new ReportedError({ code })
})

/** An interruption is how a person cancels: the run is cancelled by then, and its tools are gone. */
const whenCancelled = (display: Display.Display) =>
  Effect.onInterrupt(() => display.finish("CANCELLED: it was interrupted"))

/** Variables that templates may read. */
const shownEnvironment = (env: NodeJS.ProcessEnv): JsonObject => {
  const names = [
    "HOME",
    "USER",
    "PWD",
    "LANG",
    "TZ",
    "CI",
    ...(env["NOETL_ENV_ALLOW"] ?? "").split(",").map((name) => name.trim())
  ]
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}
