/** Runs an executable as the process: its words, its signals, its exit code. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import { ReportedError } from "./errors.ts"
import { type Program, run } from "./index.ts"
import { causeText } from "../telemetry/causeText.ts"
import { teardown } from "./signals.ts"

export const main = <Name extends string, Input, Context, E>(
  program: Program<Name, Input, Context, E>
): void =>
  run(program, process.argv.slice(2)).pipe(
    Effect.tapCause((cause) =>
      cause.reasons.some((reason) => reason._tag === "Fail" && reason.error instanceof ReportedError)
        ? Effect.void
        : Effect.logFatal(`${program.command.name} ends: ${causeText(cause)}`)
    ),
    NodeRuntime.runMain({ teardown, disableErrorReporting: true })
  )
