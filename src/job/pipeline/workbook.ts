/**
 * `kind: workbook` names a tool that the playbook keeps in its workbook. Some servers send the name and leave it to the
 * worker to find the tool; it takes the place of the task that names it.
 */
import { Effect } from "effect"
import type { ControlPlane } from "../../control-plane/ControlPlane.ts"
import type { Command } from "../../domain/Command.ts"
import { credentialScopeOf } from "../../domain/CredentialScope.ts"
import * as Failure from "../../domain/Failure.ts"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { ExecutionFailed, InvalidConfig, ToolError, Unavailable } from "../../domain/ToolError.ts"

const kind = "workbook"

/** The command with every workbook task replaced; itself when it has none. */
export const expandWorkbook = (
  controlPlane: ControlPlane["Service"],
  command: Command
): Effect.Effect<Command, ToolError> =>
  command.kind === kind || tasksOf(command.config).some((task) => task["kind"] === kind)
    ? expanded(controlPlane, command)
    : Effect.succeed(command)

const expanded = Effect.fnUntraced(function* (controlPlane: ControlPlane["Service"], command: Command) {
  const tasks = tasksOf(command.config)
  const entries = yield* entriesOf(controlPlane, command)
  if (command.kind === kind) {
    const tool = yield* replaced(isObject(command.config) ? command.config : {}, entries)
    const { kind: toolKind, ...config } = tool
    return { ...command, kind: typeof toolKind === "string" ? toolKind : "", config }
  }
  const list = yield* Effect.forEach(tasks, (task) =>
    task["kind"] === kind ? replaced(task, entries) : Effect.succeed(task)
  )
  return { ...command, config: isObject(command.config) ? { ...command.config, tasks: list } : list }
})

const tasksOf = (config: Json): ReadonlyArray<JsonObject> => {
  const list = isObject(config) ? config["tasks"] : config
  return Array.isArray(list) ? list.filter(isObject) : []
}

/** The caller's arguments win over the entry's, whose nulls only say that there is an argument. */
const replaced = Effect.fnUntraced(function* (task: JsonObject, entries: ReadonlyMap<string, JsonObject>) {
  const name = task["name"] ?? task["task"]
  const tool = typeof name === "string" ? entries.get(name) : undefined
  if (tool === undefined) {
    const known = [...entries.keys()].join(", ")
    const problem = `the playbook's workbook has no entry ${typeof name === "string" ? `'${name}'` : "without a name"} (it has: ${known})`
    return yield* new ToolError({
      tool: kind,
      reason: new InvalidConfig({ issues: [{ at: "name", problem }] })
    })
  }
  const { args, assert: _, input, ...rest } = tool
  const own = {
    ...argumentsOf(args),
    ...argumentsOf(input),
    ...argumentsOf(task["args"]),
    ...argumentsOf(task["input"])
  }
  const spec = task["spec"] ?? rest["spec"]
  const replacement: JsonObject = { ...rest, input: own, ...(spec === undefined ? {} : { spec }) }
  return replacement
})

const argumentsOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {})

const entriesOf = Effect.fnUntraced(function* (controlPlane: ControlPlane["Service"], command: Command) {
  const playbook = yield* controlPlane.playbook(credentialScopeOf(command)).pipe(
    Effect.mapError((error) =>
      error.isRetryable
        ? new ToolError({ tool: kind, reason: new Unavailable({ detail: error.message }) })
        : new ToolError({
            tool: kind,
            reason: new ExecutionFailed({ failure: Failure.make("not_found", error.message) })
          })
    )
  )
  const list = playbook?.["workbook"]
  return new Map(
    (Array.isArray(list) ? list.filter(isObject) : []).flatMap(
      ({ name, tool }): Array<[string, JsonObject]> =>
        typeof name === "string" && isObject(tool) ? [[name, tool]] : []
    )
  )
})
