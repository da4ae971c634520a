/** Commands that must not run again, because an earlier run ended the worker's process or its outcome is lost. */
import * as Failure from "../domain/Failure.ts"
import * as Outcome from "../domain/Outcome.ts"
import type { Deaths } from "../journal/Journal.ts"

/** How often a command may end its worker before it is not started again. */
const maxCrashes = 2

/** The outcome of a command that ended its worker too often; undefined where it may run. */
export const poisoned = ({ alone: crashes }: Deaths): Outcome.Ending | undefined =>
  crashes < maxCrashes
    ? undefined
    : Outcome.crashed(
        Failure.make(
          "unknown",
          `the command ended the process of its worker ${crashes} times and is not tried again; its message is with the dead letters`,
          { code: poisonCode, detail: { crashes } }
        )
      )

/** Whether the command may have ended the worker's process: then it runs alone, so that another death tells. */
export const isSuspect = ({ alone, amongOthers }: Deaths): boolean => alone + amongOthers > 0

export const poisonCode = "POISON_MESSAGE"

/** The outcome of a command that ended here and whose recorded outcome cannot be read. */
export const unreadable = (detail: string): Outcome.Ending =>
  Outcome.crashed(
    Failure.make(
      "unknown",
      `the command ended on this worker before, but its outcome in the worker's journal cannot be read (${detail}). ` +
        "It is not run again, because its effects may have happened",
      { code: "OUTCOME_LOST" }
    )
  )
