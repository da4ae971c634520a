/**
 * Ending → the ending as it may leave the process: without secrets, and small enough for an event. It comes before the
 * journal, so that the journal keeps no secret and nothing large either.
 */
import { Effect, Schedule } from "effect"
import type { Command } from "../domain/Command.ts"
import type { Failure } from "../domain/Failure.ts"
import { isObject, type Json } from "../domain/Json.ts"
import type { Ending } from "../domain/Outcome.ts"
import { retryLazily } from "../async/retryLazily.ts"
import type { ToolResult } from "../domain/ToolResult.ts"
import type { ResultStoreError } from "../results/ResultStore.ts"
import { Results } from "../results/Results.ts"
import { outputSpecOf } from "../results/select.ts"
import { Redactor } from "../secrets/Redactor.ts"

export const make = Effect.gen(function* () {
  const redactor = yield* Redactor
  const results = yield* Results
  return (command: Command, ending: Ending): Effect.Effect<Ending> => {
    if (ending._tag === "Crashed")
      return Effect.succeed({ ...ending, error: maskedFailure(redactor, ending.error) })
    const masked = maskedResult(redactor, ending.result)
    if (masked.data === undefined) return Effect.succeed({ ...ending, result: masked })
    return Effect.map(offloaded(results, command, masked.data), (data) => ({
      ...ending,
      result: { ...masked, data }
    }))
  }
})

const untilStored = retryLazily({
  while: (error: ResultStoreError) => error.isRetryable,
  schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 5 }))
})

/** A store that is away for a moment is waited for; then the value goes inline and the server decides. */
const offloaded = (results: Results["Service"], command: Command, data: Json) => {
  const spec = isObject(command.config) ? outputSpecOf(command.config) : undefined
  const key = { executionId: command.executionId, step: command.step }
  return results.externalize(data, key, spec).pipe(
    untilStored,
    Effect.map((outgoing) => outgoing.value),
    Effect.catch((error) =>
      Effect.as(Effect.logWarning(`a large result goes inline: ${error.message}`), data)
    )
  )
}

const maskedResult = (redactor: Redactor["Service"], result: ToolResult): ToolResult => ({
  ...result,
  ...(result.data === undefined ? {} : { data: redactor.maskJson(result.data) }),
  ...(result.error === undefined ? {} : { error: maskedFailure(redactor, result.error) }),
  ...(result.stdout === undefined ? {} : { stdout: redactor.mask(result.stdout) }),
  ...(result.stderr === undefined ? {} : { stderr: redactor.mask(result.stderr) })
})

const maskedFailure = (redactor: Redactor["Service"], failure: Failure): Failure => ({
  ...failure,
  message: cut(redactor.mask(failure.message)),
  ...(failure.traceback === undefined ? {} : { traceback: cut(redactor.mask(failure.traceback)) }),
  ...(failure.detail === undefined ? {} : { detail: redactor.maskJson(failure.detail as Json) })
})

/** Drivers put whole requests into some messages. Only here is it safe to cut them. */
const cut = (text: string): string =>
  text.length <= longestMessage ? text : `${text.slice(0, longestMessage)}… [${text.length} characters]`
const longestMessage = 32 * 1024
