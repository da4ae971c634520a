/**
 * The contract of a tool: a kind, the schema of its configuration, and what to do.
 *
 * A tool is a `Context.Service` whose shape is `Tool`, with a `layer` of its own. `run` happens in a Scope:
 * whatever it acquires (a process, a connection, a Job) ends with the command, interruption included.
 */
import { Context, Effect, Layer, Schema, SchemaIssue, type Scope } from "effect"
import type { CredentialUse, ResolvedAuth } from "../domain/Credential.ts"
import type { CredentialScope } from "../domain/CredentialScope.ts"
import type { Failure } from "../domain/Failure.ts"
import type { CommandId, EventId, ExecutionId } from "../domain/Ids.ts"
import type { Json, JsonObject } from "../domain/Json.ts"
import type { ToolResult } from "../domain/ToolResult.ts"
import { InvalidConfig, ToolError } from "../domain/ToolError.ts"

/** One call of a tool. Everything in it is rendered and resolved already. */
export interface ToolCall {
  /** The kind the author wrote: a tool that serves several kinds tells them apart by it. */
  readonly kind: string
  /** The author's settings for this tool, unknown keys included. */
  readonly config: JsonObject
  /** The arguments of the step or task. */
  readonly args: JsonObject
  /** What templates could read, for tools that hand it to a program (python, rhai). */
  readonly variables: JsonObject
  readonly auth: ResolvedAuth
  readonly executionId: ExecutionId
  readonly commandId: CommandId
  /** The event that issued the command. Ids of later events and executions are greater. */
  readonly eventId: EventId
  readonly step: string
  /** From 1. */
  readonly attempt: number
  readonly serverUrl: string | undefined
  readonly traceparent: string | undefined
  /** Seconds that the call may take. */
  readonly deadline?: number
}

/** What a tool asks of the pipeline around it. All of it is optional. */
export interface Declaration {
  /** What becomes of the credential under `auth`. */
  readonly credentials?: CredentialUse
  /** Keys at the top of the configuration whose text is Python: values print in it as Python's literals. */
  readonly pythonKeys?: ReadonlySet<string>
  /** Keys of the configuration that hold a connection, `{type, auth, …}`: `type` is the kind whose credentials it takes. */
  readonly connections?: ReadonlyArray<string>
  /** The tool ends its call at the deadline by itself, with what there is until then. Otherwise it is interrupted. */
  readonly endsAtDeadline?: boolean
  /** What rules read as `output`. */
  readonly view?: View
  /** A `status` in the tool's data says nothing about the task, even where `compat.status_in_data` is set. */
  readonly statusIsData?: boolean
  /** The task that takes the place of one of this kind, before the pipeline reads it. Templates are not rendered yet. */
  readonly replace?: (task: JsonObject, scope: CredentialScope) => Effect.Effect<JsonObject, ToolError>
}

/** `output.data` as rules see it, and members that `output` has besides those of every tool. */
export type View = (
  data: Json | undefined,
  failure: Failure | undefined
) => { readonly data: Json | undefined; readonly members: JsonObject }

export interface Tool extends Declaration {
  readonly kind: string
  /** Other kinds that this tool serves. */
  readonly aliases: ReadonlyArray<string>
  readonly run: (call: ToolCall) => Effect.Effect<ToolResult, ToolError, Scope.Scope>
  /** Work besides commands, for as long as the worker lives: a child of its tree. */
  readonly maintenance?: Effect.Effect<never>
}

export interface Options<S extends Schema.ConstraintDecoder<unknown>> extends Omit<Tool, "aliases" | "run"> {
  readonly aliases?: ReadonlyArray<string>
  readonly config: S
  readonly run: (config: S["Type"], call: ToolCall) => Effect.Effect<ToolResult, ToolError, Scope.Scope>
}

/** A tool from its parts: decodes the configuration before `run` sees it. Unknown keys never fail a command. */
export const make = <S extends Schema.ConstraintDecoder<unknown>>({
  aliases = [],
  config,
  run,
  ...rest
}: Options<S>): Tool => {
  const decode = Schema.decodeUnknownEffect(config, { errors: "all", onExcessProperty: "ignore" })
  return {
    ...rest,
    aliases,
    run: (call) =>
      decode(call.config).pipe(
        Effect.mapError((error) => invalidConfig(call.kind, error)),
        Effect.flatMap((decoded) => run(decoded, call))
      )
  }
}

/** The class of a tool with the layers that make it, where `make` alone would be wrapped in the same lines each time. */
export interface ServiceClass<Self, Id extends string, E, R, ROut, EDeps, RDeps> extends Context.ServiceClass<
  Self,
  Id,
  Tool
> {
  /** Without what it runs on, to share that or to give another. */
  readonly layerNoDeps: Layer.Layer<Self, E, Exclude<R, Scope.Scope>>
  readonly layer: Layer.Layer<Self, E | EDeps, Exclude<Exclude<R, Scope.Scope>, ROut> | RDeps>
}

export interface ServiceOptions<
  S extends Schema.ConstraintDecoder<unknown>,
  Uses,
  E,
  R,
  ROut,
  EDeps,
  RDeps
> extends Omit<Options<S>, "run"> {
  /** What every call needs, looked up or made once. */
  readonly uses: Effect.Effect<Uses, E, R>
  readonly run: (
    uses: Uses,
    config: S["Type"],
    call: ToolCall
  ) => Effect.Effect<ToolResult, ToolError, Scope.Scope>
  /** Layers of what the tool brings itself; everything else is the composition's to provide. */
  readonly deps: Layer.Layer<ROut, EDeps, RDeps>
}

/** `class MyTool extends Tool.Service<MyTool>()("my-app/MyTool", { kind, config, uses, run, deps }) {}` */
export const Service =
  <Self>() =>
  <const Id extends string, S extends Schema.ConstraintDecoder<unknown>, Uses, E, R, ROut, EDeps, RDeps>(
    id: Id,
    { deps, run, uses, ...rest }: ServiceOptions<S, Uses, E, R, ROut, EDeps, RDeps>
  ): ServiceClass<Self, Id, E, R, ROut, EDeps, RDeps> => {
    const tag = Context.Service<Self, Tool>()(id)
    const layerNoDeps = Layer.effect(
      tag,
      Effect.map(uses, (made) => make({ ...rest, run: (config, call) => run(made, config, call) }))
    )
    return Object.assign(tag, { layerNoDeps, layer: layerNoDeps.pipe(Layer.provide(deps)) })
  }

/** The located form of a configuration that does not fit its schema. */
export const invalidConfig = (tool: string, error: Schema.SchemaError): ToolError =>
  new ToolError({
    tool,
    reason: new InvalidConfig({
      issues: issuesOf(error.issue).issues.map((issue) => ({
        at: (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join("."),
        problem: issue.message
      }))
    })
  })

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()
