/** The parts of a command that the server kept elsewhere, put back in their places. */
import { Effect, Result } from "effect"
import type { Command } from "../../domain/Command.ts"
import * as Failure from "../../domain/Failure.ts"
import { isObject, type Json, type JsonObject, parse } from "../../domain/Json.ts"
import { ExecutionFailed, ToolError } from "../../domain/ToolError.ts"
import { type Complete, withCopiesInside } from "../../results/copies.ts"
import { externalised, pointerOf } from "../../results/reference.ts"
import { type Results, toolErrorOf } from "../../results/Results.ts"

/** Most commands come whole: no part is kept elsewhere, none is JSON text. Such a command is given back as it is. */
export const hydrate = (
  results: Results["Service"],
  command: Command,
  known: Complete = new WeakMap()
): Effect.Effect<Command, ToolError> =>
  Effect.map(isWhole(command) ? Effect.succeed(command) : hydrateParts(results, command), (whole) =>
    complete(whole, known)
  )

/** Results of earlier steps with the names that were left out on the way. */
const complete = (command: Command, known: Complete): Command => {
  const context = withCopiesInside(command.context, known)
  const input = withCopiesInside(command.input, known)
  return context === command.context && input === command.input
    ? command
    : { ...command, context: objectOf(context), input: objectOf(input) }
}

const isWhole = ({ config, context, input }: Command): boolean =>
  isObject(input) &&
  isObject(context) &&
  typeof config !== "string" &&
  context["__context_ref__"] === undefined &&
  externalised(context) === undefined &&
  externalised(input) === undefined &&
  externalised(config) === undefined

const hydrateParts = Effect.fnUntraced(function* (results: Results["Service"], command: Command) {
  /** Members of an externalised context may be JSON text. */
  const part = (value: Json): Effect.Effect<Json, ToolError> =>
    externalised(value) === undefined
      ? Effect.succeed(value)
      : Effect.mapError(results.resolve(value), (error) => toolErrorOf(command.kind, error))

  if (isObject(command.context) && command.context["__context_ref__"] !== undefined) {
    return yield* Effect.fail(unresolved(command, pointerOf(command.context)?.ref ?? "__context_ref__"))
  }
  const whole = externalised(command.context) === undefined ? undefined : yield* part(command.context)
  const parts = partsOf(command, whole)
  const [config, input, context] = yield* Effect.all(
    [part(parts.config), part(parts.input), part(parts.context)],
    { concurrency: 3 }
  )
  const hydrated: Command = {
    ...command,
    config: unpacked(config),
    input: objectOf(unpacked(input)),
    context: objectOf(unpacked(context))
  }
  return hydrated
})

const unresolved = (command: Command, ref: string) =>
  new ToolError({
    tool: command.kind,
    reason: new ExecutionFailed({
      failure: Failure.make("missing_reference", `the server could not load the command's context (${ref})`)
    })
  })

const unpacked = (value: Json): Json => {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value
  return Result.getOrElse(parse(value), () => value)
}

/**
 * Some servers keep the whole context of a command elsewhere, settings and arguments in it. Then the three are taken out
 * of it; otherwise it is what templates read.
 */
const partsOf = (
  command: Command,
  whole: Json | undefined
): { readonly [key in "config" | "input" | "context"]: Json } => {
  const { config, input, context } = command
  if (whole === undefined) return { config, input, context }
  const all = objectOf(unpacked(whole))
  if (all["tool_config"] === undefined && all["render_context"] === undefined)
    return { config, input, context: all }
  return {
    config: unpacked(all["tool_config"] ?? config),
    input: unpacked(all["input"] ?? all["args"] ?? input),
    context: unpacked(all["render_context"] ?? {})
  }
}

const objectOf = (value: Json): JsonObject => (isObject(value) ? value : {})
