/** The log line of a neighbour's failure, where one is due. */
import { Clock, Effect } from "effect"
import type { AwayLines } from "./awayLines.ts"

export const warnAway = (lines: AwayLines, detail: string): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const line = lines.failed(detail, now)
    return line === undefined ? Effect.void : Effect.logWarning(line)
  })
