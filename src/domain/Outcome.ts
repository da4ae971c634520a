/** How a command ended here. It cannot fail: an error, a crash and every way of being stopped are outcomes too. */
import { Schema } from "effect"
import { Failure } from "./Failure.ts"
import { ToolResult } from "./ToolResult.ts"

/** Why a command was stopped before its tool ended. */
export const StopReason = Schema.Literals(["Shutdown", "LeaseLost", "Cancelled"])
export type StopReason = typeof StopReason.Type

export const Outcome = Schema.TaggedUnion({
  Succeeded: { result: ToolResult },
  Failed: { result: ToolResult },
  TimedOut: { result: ToolResult },
  /** A defect of a tool or of ours: the command failed, the worker lives. */
  Crashed: { error: Failure },
  Stopped: { why: StopReason }
})
export type Outcome = typeof Outcome.Type

/** An outcome that the control plane is told about. */
export type Ending = Exclude<Outcome, { readonly _tag: "Stopped" }>

export const ofResult = (result: ToolResult): Ending =>
  result.status === "success"
    ? { _tag: "Succeeded", result }
    : result.status === "timeout"
      ? { _tag: "TimedOut", result }
      : { _tag: "Failed", result }

export const crashed = (error: Failure): Ending => ({ _tag: "Crashed", error })
export const stopped = (why: StopReason): Outcome => ({ _tag: "Stopped", why })
