/** How a command of the command line ends otherwise than well. */
import { Data, Effect, Runtime } from "effect"
import { announce } from "../telemetry/Telemetry.ts"

/** Words or values that the command cannot work with: exit 2. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** What the command needs is missing or does not answer: exit 1. */
export class CommandError extends Data.TaggedError("CommandError")<{ readonly message: string }> {}

/** The reason is on stderr already: the process only has to end with this code. */
export class ReportedError extends Data.TaggedError("ReportedError")<{ readonly code: number }> {
  override readonly [Runtime.errorExitCode] = this.code
}

/** Writes the errors that an operator can mend without a stack. `program` is the name of the executable. */
export const reportErrors = (program: string) => {
  const report =
    (code: number, hint = "") =>
    (error: { readonly message: string }) =>
      Effect.andThen(
        announce(`${program}: ${error.message}${hint}`),
        Effect.fail(new ReportedError({ code }))
      )
  return Effect.catchTags({
    UsageError: report(2, `\nTry ${program} --help.`),
    CommandError: report(1),
    ConfigProblems: report(1),
    JournalError: report(1),
    ControlPlaneError: report(1)
  })
}
