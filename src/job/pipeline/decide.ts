/** What comes after an attempt: `set`, then the first rule that matches, else what its ending means by itself. */
import { Effect } from "effect"
import { isObject, type Json, type JsonObject, numberOf as doubleOf } from "../../domain/Json.ts"
import { under } from "./Issue.ts"
import { type Attempt, outputOf } from "./output.ts"
import type { Action, RetryPlan } from "./Rule.ts"
import type { Running } from "./runTask.ts"
import { layersOf, type State, withResult, withSet } from "./State.ts"
import type { Task } from "./Task.ts"

export type Decision =
  | { readonly do: "continue" | "break" | "fail" }
  | { readonly do: "jump"; readonly to: string }
  | {
      readonly do: "retry"
      readonly attempts: number
      readonly delay: number | undefined
      readonly plan: RetryPlan
    }

export interface Decided {
  readonly state: State
  readonly decision: Decision
}

export const decide = Effect.fnUntraced(function* (
  running: Running,
  task: Task,
  before: State,
  attempt: Attempt,
  number: number
) {
  const ended = withResult(before, task.label, attempt.data)
  const state = yield* applySet(running, task, ended, attempt, number)
  const output = outputOf(attempt, number, running.services.toolbox.declarationOf(task.kind).view)
  const layers = layersOf(state, task.label, number, {
    ...own(running, task, attempt),
    output,
    outcome: output
  })
  const short = { attempt: number, success: attempt.failure === undefined, ...ofShort(output) }
  const rule = yield* firstMatch(running, task, layers, short)
  if (rule === undefined) {
    return { state, decision: { do: attempt.failure === undefined ? "continue" : "fail" } } satisfies Decided
  }
  const { then } = rule
  const values = yield* running.renderer.set(then.set, layers, task, {
    at: `${placeIn(task, rule.at)}.then.set`,
    outputIsData: false
  })
  const decision = yield* decisionOf(running, task, then, layers, placeIn(task, rule.at))
  return { state: withSet(state, values, "ctx"), decision } satisfies Decided
})

/** A task's own label and the step's name mean the fresh data, the first time too. */
const own = (running: Running, task: Task, attempt: Attempt): JsonObject =>
  attempt.data === undefined || running.plan.step === task.label ? {} : { [running.plan.step]: attempt.data }

/** What the conditions of the short `retry:` may read besides. */
const ofShort = (output: JsonObject): JsonObject => {
  const data = output["data"] ?? null
  return {
    error: output["error"] ?? null,
    result: data,
    response: isObject(data) ? (data["body"] ?? data) : data
  }
}

/** In a task's `set`, `output` is the data. */
const applySet = Effect.fnUntraced(function* (
  running: Running,
  task: Task,
  state: State,
  attempt: Attempt,
  number: number
) {
  if (task.set.length === 0) return state
  const layers = layersOf(state, task.label, number, {
    ...own(running, task, attempt),
    output: attempt.data ?? null
  })
  const render = running.renderer.set(task.set, layers, task, { at: "set", outputIsData: true })
  // The tool's own error says more than that its data is not there.
  const values = yield* attempt.failure === undefined
    ? render
    : Effect.catchTag(render, "ToolError", (error) =>
        Effect.as(Effect.logWarning(`not set: ${error.message}`), [])
      )
  return withSet(state, values, "local")
})

const firstMatch = Effect.fnUntraced(function* (
  running: Running,
  task: Task,
  layers: ReadonlyArray<JsonObject>,
  short: JsonObject
) {
  for (const rule of task.rules) {
    const names = rule.isShort ? [short, ...layers] : layers
    if (yield* running.renderer.holds(rule.when, names, task, `${placeIn(task, rule.at)}.when`)) return rule
  }
  return undefined
})

/** The place of a rule relative to its task. */
const placeIn = (task: Task, at: string): string =>
  task.at !== "" && at.startsWith(`${task.at}.`) ? at.slice(task.at.length + 1) : at

const decisionOf = Effect.fnUntraced(function* (
  running: Running,
  task: Task,
  then: Action,
  layers: ReadonlyArray<JsonObject>,
  at: string
) {
  if (then.do === "jump") return { do: "jump", to: then.to ?? "" } satisfies Decision
  if (then.do !== "retry") return { do: then.do } satisfies Decision
  const number = (value: Json, key: string) =>
    Effect.map(running.renderer.value(value, layers, task, under(`${at}.then`, key)), numberOf)
  const attempts = yield* number(then.retry.attempts, "attempts")
  const delay = then.retry.delay === undefined ? undefined : yield* number(then.retry.delay, "delay")
  return {
    do: "retry",
    attempts: Math.max(1, Math.floor(attempts ?? 3)),
    delay,
    plan: then.retry
  } satisfies Decision
})

const numberOf = (value: Json | undefined): number | undefined => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : doubleOf(value)
  return number !== undefined && Number.isFinite(number) ? number : undefined
}
