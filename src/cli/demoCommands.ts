/** The commands of the demonstration: one of each kind that needs nothing but this machine, and one that fails. */
import type { Command } from "../domain/Command.ts"
import type { CommandId, EventId, ExecutionId } from "../domain/Ids.ts"
import type { JsonObject } from "../domain/Json.ts"

/** `base` is the address of a server that answers /items/7 and /broken. */
export const exampleCommands = (base: string): ReadonlyArray<Command> => [
  command(1, "shell", "greet", { cmds: ["echo hello", "uname -s"] }),
  command(2, "http", "fetch", { method: "GET", url: `${base}/items/7` }),
  command(3, "python", "add", { code: "result = {'sum': sum(numbers)}" }, { numbers: [1, 2, 3] }),
  command(4, "http", "broken", { url: `${base}/broken` }),
  command(
    5,
    "python",
    "main",
    { code: "def main(name):\n    print('working')\n    return f'hello {name}'" },
    { name: "world" }
  ),
  command(6, "noop", "nothing", {})
]

const command = (
  n: number,
  kind: string,
  step: string,
  config: JsonObject,
  input: JsonObject = {}
): Command => {
  const id = 700_000_000_000_000_000n + BigInt(n) * 10n
  return {
    executionId: "700000000000000000" as ExecutionId,
    eventId: String(id) as EventId,
    commandId: `700000000000000000:${step}:${id}` as CommandId,
    step,
    kind,
    config,
    input,
    context: {},
    meta: {},
    attempt: 1,
    serverUrl: undefined,
    traceparent: undefined
  }
}
