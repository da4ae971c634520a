/** Tools that answer what an expectation says. */
import { Effect, Layer } from "effect"
import { FailureKind } from "../../domain/Failure.ts"
import * as Failure from "../../domain/Failure.ts"
import * as ToolResult from "../../domain/ToolResult.ts"
import { Toolbox } from "../../tools/Toolbox.ts"
import type { ToolCall } from "../../tools/Tool.ts"
import type { Answer, Expectation } from "./Expectation.ts"

/** The toolbox with stubs before it: a task's label counts first, then the step's name, then the kind. */
export const layer = <E, R>(
  stubs: Expectation["stubs"],
  tools: Layer.Layer<Toolbox, E, R>
): Layer.Layer<Toolbox, E, R> =>
  stubs === undefined
    ? tools
    : Layer.effect(
        Toolbox,
        Effect.map(Toolbox, (own) => {
          const calls = new Map<string, number>()
          const next = (name: string): Answer | undefined => {
            const answers = stubs[name]
            if (answers === undefined) return undefined
            const list = [answers].flat()
            const times = calls.get(name) ?? 0
            calls.set(name, times + 1)
            return list[Math.min(times, list.length - 1)]
          }
          return Toolbox.of({
            ...own,
            run: (call) => {
              const name = [labelOf(call), call.step, call.kind].find((one) => stubs[one] !== undefined)
              const answer = name === undefined ? undefined : next(name)
              return answer === undefined ? own.run(call) : Effect.succeed(resultOf(answer, call.kind))
            }
          })
        })
      ).pipe(Layer.provide(tools))

const labelOf = ({ variables }: ToolCall): string => {
  const label = variables["_task"]
  return typeof label === "string" ? label : ""
}

const isKind = (text: string | undefined): text is Failure.FailureKind =>
  FailureKind.literals.some((kind) => kind === text)

const resultOf = ({ data, error }: Answer, source: string): ToolResult.ToolResult => {
  if (error === undefined) return ToolResult.success(data ?? null)
  const kind = isKind(error.kind) ? error.kind : "tool_error"
  const more = error.retryable === undefined ? {} : { retryable: error.retryable }
  return ToolResult.failure(
    { ...Failure.make(kind, error.message, more), source },
    data === undefined ? {} : { data }
  )
}
