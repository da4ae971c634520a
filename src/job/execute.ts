/** Command → outcome. It cannot fail: an error, a timeout, a crash and every way of being stopped are outcomes. */
import { Cause, Effect, Exit } from "effect"
import type { Command } from "../domain/Command.ts"
import * as Failure from "../domain/Failure.ts"
import * as Outcome from "../domain/Outcome.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import { messageOf } from "../domain/messageOf.ts"
import { ToolError } from "../domain/ToolError.ts"
import { run } from "./pipeline/pipeline.ts"

/** Runs the command's tasks in a scope of its own. An interruption passes through; the caller knows why it came. */
export const execute = Effect.fnUntraced(function* (command: Command) {
  const exit = yield* Effect.exit(Effect.scoped(run(command)))
  if (Exit.isSuccess(exit)) return Outcome.ofResult(exit.value)
  if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
  return endingOf(exit.cause)
})

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
