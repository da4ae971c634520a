/**
 * `kind: workbook` names a tool that the playbook keeps in its workbook. Some servers send the name and leave it to the
 * worker to find the tool: in a pipeline it takes the place of the task that names it. A call without a pipeline gives
 * the definition of the tool.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { ControlPlane } from "../control-plane/ControlPlane.ts"
import type { CredentialScope } from "../domain/CredentialScope.ts"
import * as Failure from "../domain/Failure.ts"
import { isObject, type Json, type JsonObject } from "../domain/Json.ts"
import { ExecutionFailed, invalid, ToolError, Unavailable } from "../domain/ToolError.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import * as Tool from "./Tool.ts"

const kind = "workbook"

export class WorkbookTool extends Context.Service<WorkbookTool, Tool.Tool>()(
  "noetl-worker/tools/WorkbookTool"
) {
  static readonly layer = Layer.effect(
    WorkbookTool,
    Effect.map(ControlPlane, (controlPlane) => {
      const replace = (task: JsonObject, scope: CredentialScope) =>
        Effect.flatMap(entriesOf(controlPlane, scope), (entries) => replacementOf(task, entries))
      return Tool.make({
        kind,
        config: Schema.Record(Schema.String, Schema.Unknown),
        replace,
        run: (_, { config, executionId, serverUrl }) =>
          Effect.map(replace(config, { executionId, catalogId: undefined, serverUrl }), ToolResult.success)
      })
    })
  )
}

/** The caller's arguments win over the entry's, whose nulls only declare that there is an argument. */
const replacementOf = (
  task: JsonObject,
  entries: ReadonlyMap<string, JsonObject>
): Effect.Effect<JsonObject, ToolError> => {
  // In a list `name` is the label, and `task` may say which entry.
  const name = task["task"] ?? task["name"]
  const tool = typeof name === "string" ? entries.get(name) : undefined
  if (tool === undefined) {
    const asked = typeof name === "string" ? `'${name}'` : "without a name"
    const problem = `the playbook's workbook has no entry ${asked} (it has: ${[...entries.keys()].join(", ")})`
    return Effect.fail(invalid({ kind }, "name", problem))
  }
  const { args, assert: _, input, ...rest } = tool
  const own = {
    ...argumentsOf(args),
    ...argumentsOf(input),
    ...argumentsOf(task["args"]),
    ...argumentsOf(task["input"])
  }
  const spec = task["spec"] ?? rest["spec"]
  const set = task["set"] ?? rest["set"]
  return Effect.succeed({
    ...rest,
    input: own,
    ...(spec === undefined ? {} : { spec }),
    ...(set === undefined ? {} : { set })
  })
}

const argumentsOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {})

const entriesOf = Effect.fnUntraced(function* (
  controlPlane: ControlPlane["Service"],
  scope: CredentialScope
) {
  const playbook = yield* controlPlane.playbook(scope).pipe(
    Effect.mapError(({ isRetryable, message }) => {
      const reason = isRetryable
        ? new Unavailable({ detail: message })
        : new ExecutionFailed({ failure: Failure.make("not_found", message) })
      return new ToolError({ tool: kind, reason })
    })
  )
  const list = playbook?.["workbook"]
  return new Map(
    (Array.isArray(list) ? list.filter(isObject) : []).flatMap(
      ({ name, tool }): Array<[string, JsonObject]> =>
        typeof name === "string" && isObject(tool) ? [[name, tool]] : []
    )
  )
})
