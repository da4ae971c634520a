/**
 * Command → ending. It cannot fail: from the moment the tools run, an error, a timeout, a crash and a result that cannot
 * leave the process are endings.
 */
import { Cause, Effect, Exit } from "effect"
import type { Command } from "../domain/Command.ts"
import * as Failure from "../domain/Failure.ts"
import { messageOf } from "../domain/messageOf.ts"
import * as Outcome from "../domain/Outcome.ts"
import { shortened } from "../domain/OutputMask.ts"
import { storable } from "../domain/storable.ts"
import { ToolError } from "../domain/ToolError.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import * as Pipeline from "./pipeline/pipeline.ts"

/** Runs the command's tasks. An interruption passes through; the caller knows why it came. */
export const make = Effect.map(Pipeline.make, (run) =>
  Effect.fnUntraced(function* (command: Command) {
    const exit = yield* Effect.exit(run(command))
    if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
    const { ending, notes } = storable(
      Exit.isSuccess(exit) ? Outcome.ofResult(exit.value) : endingOf(exit.cause)
    )
    if (notes.length > 0)
      yield* Effect.logWarning(
        `the result was changed so that it can be stored: ${yield* shortened(notes.join("; "), 2_000)}`
      )
    return ending
  })
)

const endingOf = (cause: Cause.Cause<unknown>): Outcome.Ending => {
  const error = Cause.squash(cause)
  if (!Cause.hasDies(cause) && error instanceof ToolError) {
    return Outcome.ofResult(ToolResult.failure(error.failure))
  }
  return Outcome.crashed(
    Failure.make("unknown", messageOf(error), {
      exception: error instanceof Error ? error.name : "Defect",
      traceback: Cause.pretty(cause)
    })
  )
}
