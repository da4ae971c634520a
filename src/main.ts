/** The executable: hands the command line to `cli/`. Wiring only. */
import { NodeRuntime } from "@effect/platform-node"
import { run, sayErrors } from "./cli/index.ts"
import { Said } from "./cli/options.ts"
import { teardown } from "./cli/signals.ts"
import { Effect } from "effect"

run(process.argv.slice(2)).pipe(
  sayErrors,
  Effect.tapCause((cause) =>
    cause.reasons.some((r) => r._tag === "Fail" && r.error instanceof Said)
      ? Effect.void
      : Effect.logFatal("the worker ends", cause)
  ),
  NodeRuntime.runMain({ teardown, disableErrorReporting: true })
)
