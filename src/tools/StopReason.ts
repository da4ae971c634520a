/**
 * Why a command is being stopped, for tools whose work goes on elsewhere.
 *
 * A command that is handed back or taken over is worked again: what it started is left for its next worker, who finds
 * it by name. One that was cancelled is not, and what it started has to go.
 */
import { Context, Effect } from "effect"
import type { StopReason } from "../domain/Outcome.ts"

export interface StoppingShape {
  /** Known before the interruption arrives. Undefined while the command is not being stopped. */
  readonly why: Effect.Effect<StopReason | undefined>
}

/** An interruption without a reason means that the command is over. */
export const Stopping = Context.Reference<StoppingShape>("noetl-worker/tools/script/Stopping", {
  defaultValue: () => ({ why: Effect.succeed(undefined) })
})
