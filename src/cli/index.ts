/** The command line: an executable's tree of commands and its words → one of the commands. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { CliConfig, CliError, CliOutput, Command } from "effect/cli"
import { ReportedError, reportErrors } from "./errors.ts"
import { builtIns, presenter } from "./help.ts"
import { survivePipes } from "./signals.ts"
import { version } from "./version.ts"

export interface Program<Name extends string, Input, Context, E> {
  readonly command: Command.Command<Name, Input, Context, E>
  /** What stands at the end of the executable's help. */
  readonly notes: string
  /** Whether the executable does something when it is called without a command. */
  readonly runsBare: boolean
}

/** Runs the command that the words name. Fails with a `ReportedError` when the reason is on stderr already. */
export const run = <Name extends string, Input, Context, E>(
  program: Program<Name, Input, Context, E>,
  words: ReadonlyArray<string>
) =>
  Effect.gen(function* () {
    survivePipes()
    return yield* Command.runWith(program.command, { version })(words)
  }).pipe(
    Effect.catchIf(CliError.isCliError, (error) =>
      error._tag === "ShowHelp" && error.errors.length === 0
        ? Effect.void
        : Effect.fail(new ReportedError({ code: 2 }))
    ),
    reportErrors(program.command.name),
    Effect.provideService(CliConfig.CliConfig, { builtIns }),
    Effect.provideService(CliOutput.Presenter, presenter(program)),
    Effect.provide(NodeServices.layer)
  )
