/** Renders the parts of a pipeline, fetching what templates read that is kept elsewhere, once for the whole command. */
import { Effect } from "effect"
import type { Credentials } from "../../credentials/Credentials.ts"
import type { CredentialScope } from "../../domain/CredentialScope.ts"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { type Results, toolErrorOf } from "../../results/Results.ts"
import type { Demand } from "../../template/Engine.ts"
import { isTemplate } from "../../template/lexer.ts"
import type { Rendering, Template } from "../../template/Template.ts"
import type { TemplateError } from "../../template/TemplateError.ts"
import type { Value } from "../../template/values.ts"
import { TemplateFailed, ToolError } from "../../domain/ToolError.ts"
import type { Toolbox } from "../../tools/Toolbox.ts"
import { under } from "./Issue.ts"
import { synonyms } from "./output.ts"
import type { SetBlock } from "./Rule.ts"
import type { Task } from "./Task.ts"

type Layers = ReadonlyArray<JsonObject>

export interface Renderer {
  /** The settings of a task: `at` is empty there, so that a tool's Python keys get Python's literals. */
  readonly mapping: (
    value: JsonObject,
    layers: Layers,
    task: Task,
    at: string
  ) => Effect.Effect<JsonObject, ToolError>
  /** Whether a rule's condition holds. */
  readonly holds: (
    condition: Json,
    layers: Layers,
    task: Task,
    at: string
  ) => Effect.Effect<boolean, ToolError>
  /** A single value of a rule: a delay, a number of attempts. */
  readonly value: (value: Json, layers: Layers, task: Task, at: string) => Effect.Effect<Value, ToolError>
  /** The values of a `set`, all against the same state. What is undefined becomes null. */
  readonly set: (
    block: SetBlock,
    layers: Layers,
    task: Task,
    options: { readonly at: string; readonly outputIsData: boolean }
  ) => Effect.Effect<SetBlock, ToolError>
  /** Values that a server rendered already: only what it left for the worker, the keychain, is filled in. */
  readonly secretsOnly: (
    value: JsonObject,
    layers: Layers,
    task: Task
  ) => Effect.Effect<JsonObject, ToolError>
}

export interface Services {
  readonly template: Template["Service"]
  readonly credentials: Credentials["Service"]
  readonly results: Results["Service"]
  readonly toolbox: Toolbox["Service"]
}

export const make = (
  { credentials, results, template, toolbox }: Services,
  scope: CredentialScope
): Renderer => {
  const fetched = new Map<JsonObject, Json>()

  const fetch = (holder: JsonObject, task: Task) => {
    const known = fetched.get(holder)
    if (known !== undefined) return Effect.succeed(known)
    return results.resolve(holder).pipe(
      Effect.mapError((error) => toolErrorOf(task.kind, error)),
      Effect.tap((value) => Effect.sync(() => fetched.set(holder, value)))
    )
  }

  const resolve =
    (task: Task) =>
    (demand: Demand): Effect.Effect<Value, ToolError> => {
      switch (demand.type) {
        case "keychain":
          return credentials.keychain(task.kind, demand.name, scope)
        case "token":
          return credentials.token(task.kind, demand.credential, scope, demand.audience)
        case "reference":
          return fetch(demand.holder, task)
      }
    }

  const options = (layers: Layers, task: Task, at: string) => ({
    layers,
    at: at === "" ? task.at : under(task.at, at),
    synonyms,
    resolve: resolve(task)
  })

  const rendered = (value: Json, rendering: Rendering<ToolError>, task: Task) =>
    template.render(value, rendering).pipe(Effect.mapError(failed(task)))

  const value: Renderer["value"] = (source, layers, task, at) =>
    rendered(source, options(layers, task, at), task)

  const fillIn = (source: Json, layers: Layers, task: Task): Effect.Effect<Json, ToolError> => {
    if (!needsKeychain(source)) return Effect.succeed(source)
    if (typeof source === "string" || (isObject(source) && source["$noetl_ref"] !== undefined)) {
      return Effect.map(value(source, layers, task, "input"), (filled) => filled ?? null)
    }
    if (Array.isArray(source)) return Effect.forEach(source, (item: Json) => fillIn(item, layers, task))
    return fillMapping(source as JsonObject, layers, task)
  }

  const fillMapping = (
    source: JsonObject,
    layers: Layers,
    task: Task
  ): Effect.Effect<JsonObject, ToolError> =>
    Effect.map(
      Effect.forEach(Object.entries(source), ([key, member]) =>
        Effect.map(fillIn(member, layers, task), (filled) => [key, filled] as const)
      ),
      Object.fromEntries
    )

  return {
    value,
    mapping: (source, layers, task, at) => {
      if (!isRendered(source)) return Effect.succeed(source)
      const { pythonKeys = none } = at === "" ? toolbox.declarationOf(task.kind) : {}
      return Effect.map(rendered(source, { ...options(layers, task, at), pythonKeys }, task), (filled) =>
        isObject(filled) ? filled : {}
      )
    },
    holds: (condition, layers, task, at) =>
      template.holds(condition, options(layers, task, at)).pipe(
        // A condition that cannot be worked out with these values does not hold; one that can never be read is an error.
        Effect.catchIf(
          (error) => error._tag === "TemplateError" && error.kind === "evaluation",
          (error) => Effect.as(Effect.logWarning(`a condition does not hold: ${error.message}`), false)
        ),
        Effect.mapError(failed(task))
      ),
    set: (block, layers, task, { at, outputIsData }) =>
      Effect.forEach(block, ([target, source]) =>
        Effect.map(
          rendered(
            source,
            { ...options(layers, task, `${at}.${target}`), views: outputIsData ? outputView : none },
            task
          ),
          (filled) => [target, filled ?? null] as const
        )
      ),
    secretsOnly: (source, layers, task) =>
      needsKeychain(source) ? fillMapping(source, layers, task) : Effect.succeed(source)
  }
}

const failed = (task: Task) => (error: TemplateError | ToolError) =>
  error._tag === "ToolError"
    ? error
    : new ToolError({ tool: task.kind, reason: new TemplateFailed({ at: error.at, detail: error.located }) })

const none: ReadonlySet<string> = new Set()
/** In a task's `set` the name `output` is the data, and `output.data` is it too where it has no such member. */
const outputView: ReadonlySet<string> = new Set(["output"])

const maxDepth = 64

/** Whether rendering may change a value. One that is nested too deeply is left to the renderer to refuse. */
export const isRendered = (value: Json, depth = 0): boolean => {
  if (typeof value === "string") return isTemplate(value)
  if (typeof value !== "object" || value === null) return false
  if (depth > maxDepth) return true
  if (Array.isArray(value)) return value.some((item: Json) => isRendered(item, depth + 1))
  return Object.entries(value).some(([key, member]) => key === "$noetl_ref" || isRendered(member, depth + 1))
}

const needsKeychain = (value: Json, depth = 0): boolean => {
  if (typeof value === "string") return value.includes("{{") && /\{\{[^}]*\bkeychain\b/.test(value)
  if (typeof value !== "object" || value === null || depth > maxDepth) return false
  if (isObject(value) && value["$noetl_ref"] !== undefined) return true
  return Object.values(value).some((member: Json) => needsKeychain(member, depth + 1))
}
