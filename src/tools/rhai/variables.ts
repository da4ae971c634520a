/** The variables a script finds in its scope. */
import type { JsonObject } from "../../domain/Json.ts"
import type { ToolCall } from "../Tool.ts"
import { fromJson } from "./Json.ts"
import { isValidIdentifier, keywords, reserved } from "./language/Token.ts"
import type { Value } from "./language/Value.ts"

const isName = (name: string): boolean =>
  isValidIdentifier(name) && !keywords.has(name) && !reserved.has(name)

/**
 * Every argument by its name and all of them as `args`; over them the step's context by name; `workload`, `vars` and
 * `ctx` are maps in any case. The worker's own names yield to the author's. A name that the code does not mention is left out: a context may be large.
 */
export const variablesOf = (call: ToolCall, own: JsonObject, code: string): ReadonlyMap<string, Value> => {
  const args = { ...call.args, ...own }
  const variables = new Map<string, Value>()
  const add = (values: JsonObject): void => {
    for (const [name, value] of Object.entries(values))
      if (isName(name) && code.includes(name)) variables.set(name, fromJson(value))
  }
  add(args)
  add(call.variables)
  const otherwise = (name: string, value: () => Value): void => {
    if (!variables.has(name)) variables.set(name, value())
  }
  otherwise("args", () => fromJson(args))
  for (const name of ["workload", "vars", "ctx"])
    if (!(variables.get(name) instanceof Map)) variables.set(name, new Map())
  // The context has the worker's id as text.
  if (variables.get("execution_id") === call.executionId) variables.delete("execution_id")
  otherwise("execution_id", () => executionId(call.executionId))
  otherwise("step", () => call.step)
  otherwise("server_url", () => call.serverUrl ?? "")
  return variables
}

const executionId = (id: string): Value => {
  const value = fromJson(BigInt(id))
  return typeof value === "object" ? id : value
}
