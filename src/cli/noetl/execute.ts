/** A checked playbook → its run, shown to a person and written for programs. */
import { Duration, Effect } from "effect"
import { resolve } from "node:path"
import { type JsonObject, stringify } from "../../domain/Json.ts"
import { messageOf } from "../../domain/messageOf.ts"
import { missingTools } from "../../local/capabilities.ts"
import type { Read } from "../../local/catalog.ts"
import { documentOf, summaryOf, warningsOf } from "../../local/Report.ts"
import * as Runner from "../../local/Runner.ts"
import type { Playbook } from "../../playbook/Playbook.ts"
import { announce } from "../../telemetry/Telemetry.ts"
import { Arguments } from "../Arguments.ts"
import { UsageError } from "../errors.ts"
import { graceful, stopExitsWith } from "../signals.ts"
import { loadConfig } from "../sources.ts"
import { telemetry } from "../worker.ts"
import * as Display from "./Display.ts"
import * as Events from "./events.ts"
import type { Input } from "./Input.ts"
import { print } from "../print.ts"
import { credentialPlaces } from "./credentialPlaces.ts"

export interface Execution {
  readonly input: Input
  readonly playbook: Playbook
  readonly read: Read
  readonly target: string | undefined
  readonly payload: JsonObject
  readonly timeout: number | undefined
  readonly folders: ReadonlyArray<string>
}

/** Runs a checked playbook, shows it meanwhile, and says how it ended. */
export const execute = Effect.fnUntraced(function* (execution: Execution) {
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
    ...credentialPlaces(input.credentials, loaded.values),
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
  if (input.json) yield* print(`${stringify(documentOf(report), 2)}\n`)
  return report
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
