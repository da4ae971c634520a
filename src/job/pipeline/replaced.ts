/** A task whose tool stands for another (a workbook's entry) is replaced before the command is planned. */
import { Effect } from "effect"
import type { Command } from "../../domain/Command.ts"
import { type CredentialScope, credentialScopeOf } from "../../domain/CredentialScope.ts"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { invalid, type ToolError } from "../../domain/ToolError.ts"
import type { Toolbox } from "../../tools/Toolbox.ts"
import { listOf } from "./Task.ts"

type Declarations = Pick<Toolbox["Service"], "declarationOf">

/** How often the task that takes a place may be replaced in its turn. */
export const maxReplacements = 10

/** The command with every such task replaced; itself when it has none. */
export const replaced = (toolbox: Declarations, command: Command): Effect.Effect<Command, ToolError> => {
  const stands = (kind: Json | undefined) =>
    typeof kind === "string" && toolbox.declarationOf(kind).replace !== undefined
  const items = listOf(command)
  if (!Array.isArray(items)) {
    return stands(command.kind) ? single(toolbox, command) : Effect.succeed(command)
  }
  return items.some(
    (item: Json) => isObject(item) && (stands(item["kind"]) || stands(labelled(item)?.[1]["kind"]))
  )
    ? list(toolbox, command, items)
    : Effect.succeed(command)
}

const single = (toolbox: Declarations, command: Command) => {
  const task = { ...(isObject(command.config) ? command.config : {}), kind: command.kind }
  return Effect.map(
    replacement(toolbox, task, credentialScopeOf(command)),
    ({ kind, ...config }): Command => ({
      ...command,
      kind: typeof kind === "string" ? kind : "",
      config
    })
  )
}

const list = (toolbox: Declarations, command: Command, items: ReadonlyArray<Json>) => {
  const scope = credentialScopeOf(command)
  const itemOf = (item: Json): Effect.Effect<Json, ToolError> => {
    if (!isObject(item)) return Effect.succeed(item)
    const entry = typeof item["kind"] === "string" ? undefined : labelled(item)
    const named = typeof item["name"] === "string" ? { name: item["name"] } : {}
    return entry === undefined
      ? Effect.map(replacement(toolbox, item, scope), (task) => ({ ...named, ...task }))
      : Effect.map(replacement(toolbox, entry[1], scope), (task) => ({ [entry[0]]: task }))
  }
  return Effect.map(Effect.forEach(items, itemOf), (tasks): Command => ({
    ...command,
    config: isObject(command.config) ? { ...command.config, tasks } : tasks
  }))
}

/** `{label: {kind, …}}` */
const labelled = (item: JsonObject): readonly [label: string, task: JsonObject] | undefined => {
  const [entry, ...others] = Object.entries(item)
  return entry !== undefined && others.length === 0 && isObject(entry[1]) ? [entry[0], entry[1]] : undefined
}

const replacement = Effect.fnUntraced(function* (
  toolbox: Declarations,
  written: JsonObject,
  scope: CredentialScope
) {
  let task = written
  for (let times = 0; times < maxReplacements; times++) {
    const { kind } = task
    const replace = typeof kind === "string" ? toolbox.declarationOf(kind).replace : undefined
    if (replace === undefined) return task
    task = yield* replace(task, scope)
  }
  const problem = `expected a tool after ${maxReplacements} replacements: the entries name each other`
  const { kind } = written
  return yield* invalid({ kind: typeof kind === "string" ? kind : "" }, "name", problem)
})
