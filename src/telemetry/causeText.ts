/** A cause as a log shows it. */
import { Cause } from "effect"

/** The message of an expected failure, and the stack of a defect: only a defect is a matter of this program's code. */
export const causeText = (cause: Cause.Cause<unknown>): string =>
  cause.reasons
    .map((reason) => {
      if (reason._tag === "Interrupt") return "interrupted"
      if (reason._tag === "Die") return Cause.pretty(Cause.fromReasons([reason]))
      return failureText(reason.error)
    })
    .join("\n")

const failureText = (error: unknown): string => {
  if (!(error instanceof Error)) return Cause.pretty(Cause.fail(error))
  return error.message === "" ? error.name : error.message
}
