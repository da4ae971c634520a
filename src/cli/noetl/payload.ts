/** The values that a run is given on the command line. */
import { Effect, Result } from "effect"
import { readFile } from "node:fs/promises"
import { isJson, isObject, type JsonObject } from "../../domain/Json.ts"
import { messageOf } from "../../domain/messageOf.ts"
import * as Payload from "../../local/payload.ts"
import { UsageError } from "../errors.ts"

export const payloadOf = Effect.fnUntraced(function* (input: {
  readonly input: string | undefined
  readonly payload: string | undefined
  readonly set: ReadonlyArray<string>
}) {
  const parts: Array<JsonObject> = []
  if (input.input !== undefined) parts.push(yield* ofFile(input.input))
  if (input.payload !== undefined) parts.push(yield* usage(Payload.payloadOf(input.payload)))
  for (const text of input.set) parts.push(yield* usage(Payload.assignment(text)))
  return Payload.together(parts)
})

const usage = <A>(result: Result.Result<A, string>): Effect.Effect<A, UsageError> =>
  Effect.mapError(Effect.fromResult(result), (message) => new UsageError({ message }))

const ofFile = (path: string): Effect.Effect<JsonObject, UsageError> =>
  Effect.tryPromise({
    try: async () => {
      const text = await readFile(path, "utf8")
      const value = (await import("yaml")).parse(text) as unknown
      if (!isObject(value) || !isJson(value)) throw new Error("expected a mapping of values")
      return value
    },
    catch: (cause) => new UsageError({ message: `--input ${path}: ${messageOf(cause).split("\n")[0] ?? ""}` })
  })
