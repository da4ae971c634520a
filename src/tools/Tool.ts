/**
 * The contract of a tool: a kind, the schema of its configuration, and what to do.
 *
 * A tool is a `Context.Service` whose shape is `Tool`, with a `layer` of its own. `run` happens in a Scope:
 * whatever it acquires (a process, a connection, a Job) ends with the command, interruption included.
 */
import { Effect, Schema, SchemaIssue, type Scope } from "effect"
import type { ResolvedAuth } from "../domain/Credential.ts"
import type { CommandId, ExecutionId } from "../domain/Ids.ts"
import type { JsonObject } from "../domain/Json.ts"
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
  readonly step: string
  /** From 1. */
  readonly attempt: number
  readonly serverUrl: string | undefined
  readonly traceparent: string | undefined
}

export interface Tool {
  readonly kind: string
  /** Other kinds that this tool serves. */
  readonly aliases: ReadonlyArray<string>
  readonly run: (call: ToolCall) => Effect.Effect<ToolResult, ToolError, Scope.Scope>
  /** What has to be done besides commands, as long as the worker lives: a child of its tree. */
  readonly maintenance?: Effect.Effect<never>
}

/** A tool from its parts: decodes the configuration before `run` sees it. Unknown keys never fail a command. */
export const make = <S extends Schema.ConstraintDecoder<unknown>>(options: {
  readonly kind: string
  readonly aliases?: ReadonlyArray<string>
  readonly config: S
  readonly run: (config: S["Type"], call: ToolCall) => Effect.Effect<ToolResult, ToolError, Scope.Scope>
  readonly maintenance?: Effect.Effect<never>
}): Tool => {
  const decode = Schema.decodeUnknownEffect(options.config, { errors: "all", onExcessProperty: "ignore" })
  return {
    kind: options.kind,
    aliases: options.aliases ?? [],
    ...(options.maintenance === undefined ? {} : { maintenance: options.maintenance }),
    run: (call) =>
      decode(call.config).pipe(
        Effect.mapError((error) => invalidConfig(call.kind, error)),
        Effect.flatMap((config) => options.run(config, call))
      )
  }
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
