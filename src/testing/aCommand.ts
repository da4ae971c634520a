/** Commands for tests: everything has a default, ids differ from call to call by `n`. */
import type { Command } from "../domain/Command.ts"
import type { CommandId, EventId, ExecutionId } from "../domain/Ids.ts"

/** The `n`-th command of a test, for the tool `stub` unless told otherwise. */
export const aCommand = (n = 1, more: Partial<Command> = {}): Command => {
  const execution = 574_100_000_000_000_000n + BigInt(n) * 1000n
  return {
    executionId: String(execution) as ExecutionId,
    eventId: String(execution + 115n) as EventId,
    commandId: `${execution}:start:${execution + 114n}` as CommandId,
    step: "start",
    kind: "stub",
    config: {},
    input: {},
    context: {},
    meta: {},
    attempt: 1,
    serverUrl: undefined,
    traceparent: undefined,
    ...more
  }
}
