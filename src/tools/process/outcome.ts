/** How a program ended, in the words of a tool's result. */
import { Duration } from "effect"
import * as Failure from "../../domain/Failure.ts"
import type { Limits } from "./Limits.ts"
import type { Ended, Ran } from "./ProcessRunner.ts"
import { signalNumber } from "./spawn.ts"

/** As a shell says it: 128 and the signal's number for a program that a signal ended. */
export const exitCodeOf = (ended: Ended): number | undefined => {
  switch (ended._tag) {
    case "Exited":
      return ended.code
    case "Killed":
      return 128 + signalNumber(ended.signal)
    case "TimedOut":
    case "Lost":
      return undefined
  }
}

/** `what` is the subject of the message: "Command", "Python script". Undefined for a program that ended well. */
export const failureOf = (
  ran: Ran,
  what: string,
  source: string,
  spec: { readonly timeout: Duration.Duration | undefined; readonly limits: Limits }
): Failure.Failure | undefined => {
  const { ended } = ran
  switch (ended._tag) {
    case "Exited":
      return ended.code === 0
        ? undefined
        : Failure.make("tool_error", `${what} exited with code ${ended.code}`, {
            code: `EXIT_${ended.code}`,
            source
          })
    case "TimedOut":
      return timedOut(spec.timeout ?? Duration.zero, source)
    case "Lost":
      return Failure.make("unknown", `${what} ended, and its exit status is unknown`, {
        retryable: true,
        source
      })
    case "Killed":
      return killed(ended, what, source, spec.limits)
  }
}

export const timedOut = (timeout: Duration.Duration, source: string): Failure.Failure =>
  Failure.make("timeout", `Execution timed out after ${Duration.toSeconds(timeout)} seconds`, {
    code: "TOOL_TIMEOUT",
    source
  })

const killed = (
  ended: Ended & { readonly _tag: "Killed" },
  what: string,
  source: string,
  limits: Limits
): Failure.Failure => {
  if (ended.outOfMemory) {
    return Failure.make("limit", `${what} was killed because memory ran out`, {
      code: "OUT_OF_MEMORY",
      source
    })
  }
  if (ended.signal === "SIGXCPU") {
    const allowed = limits.cpuSeconds === undefined ? "" : ` of ${limits.cpuSeconds} seconds`
    return Failure.make("limit", `${what} used up its CPU time${allowed}`, { code: "CPU_TIME", source })
  }
  if (ended.signal === "SIGXFSZ") {
    return Failure.make("limit", `${what} wrote a file larger than it may`, { code: "FILE_SIZE", source })
  }
  return Failure.make("tool_error", `${what} was killed by ${ended.signal}`, { code: ended.signal, source })
}
