/** What comes after an attempt: `set`, then the first rule that matches, else what its ending means by itself. */
import { Effect, Result } from "effect"
import { isObject, type Json, type JsonObject, numberOf as doubleOf } from "../../domain/Json.ts"
import { invalid } from "../../domain/ToolError.ts"
import { under } from "./Issue.ts"
import { type Attempt, outputOf } from "./output.ts"
import type { Backoff } from "./delay.ts"
import { type Action, type Amount, longestDelay, type Rule, retryRulesOf } from "./Rule.ts"
import type { Running } from "./runTask.ts"
import { layersOf, type State, withResult, withSet } from "./State.ts"
import type { Task } from "./Task.ts"

export type Decision =
  | { readonly do: "continue" | "break" | "fail" }
  | { readonly do: "jump"; readonly to: string }
  | ({
      readonly do: "retry"
      readonly attempts: number
    } & Backoff)

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
  const now = { ...own(running, task, attempt), output, outcome: output }
  const layers = layersOf(state, task.label, number, now)
  const short = layersOf(state, task.label, number, now, {
    attempt: number,
    success: attempt.failure === undefined,
    ...ofShort(output)
  })
  const rule =
    (yield* firstMatch(running, task, task.rules, layers, short)) ??
    (yield* firstMatch(running, task, yield* lateRules(running, task, layers), layers, short))
  if (rule === undefined) {
    return { state, decision: { do: attempt.failure === undefined ? "continue" : "fail" } } satisfies Decided
  }
  const { then } = rule
  const values = yield* running.renderer.set(then.set, layers, task, {
    at: `${placeIn(task, rule.at)}.then.set`,
    outputIsData: false
  })
  const decision = yield* decisionOf(
    running,
    task,
    then,
    layers,
    rule.isShort ? placeIn(task, rule.at) : `${placeIn(task, rule.at)}.then`
  )
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
  rules: ReadonlyArray<Rule>,
  layers: ReadonlyArray<JsonObject>,
  short: ReadonlyArray<JsonObject>
) {
  for (const rule of rules) {
    const names = rule.isShort ? short : layers
    if (yield* running.renderer.holds(rule.when, names, task, `${placeIn(task, rule.at)}.when`)) return rule
  }
  return undefined
})

/** The rules of a `retry` that is a template as a whole. */
const lateRules = Effect.fnUntraced(function* (
  running: Running,
  task: Task,
  layers: ReadonlyArray<JsonObject>
) {
  if (task.retryTemplate === undefined) return []
  const value = yield* running.renderer.value(task.retryTemplate, layers, task, "retry")
  const rules = retryRulesOf(value, under(task.at, "retry"))
  return Result.isSuccess(rules)
    ? rules.success
    : yield* Effect.fail(invalid(task, rules.failure.at, rules.failure.problem))
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
  const { attempts, backoff, delay, factor, maxDelay } = then.retry
  /** What comes to nothing is as if it were not written. */
  const number = Effect.fnUntraced(function* ({ key, plus, scale, written }: Amount, otherwise: number) {
    const place = under(at, key)
    const value = (yield* running.renderer.value(written, layers, task, place)) ?? null
    const number = value === null ? otherwise : numberOf(value)
    return number === undefined
      ? yield* Effect.fail(invalid(task, under(task.at, place), "expected a number"))
      : number * scale + plus
  })
  return {
    do: "retry",
    attempts: Math.max(1, Math.floor(yield* number(attempts, 3))),
    backoff,
    delay: delay === undefined ? undefined : yield* number(delay, 1),
    factor: yield* number(factor, 2),
    maxDelay: yield* number(maxDelay, longestDelay)
  } satisfies Decision
})

const numberOf = (value: Json | undefined): number | undefined => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : doubleOf(value)
  return number !== undefined && Number.isFinite(number) ? number : undefined
}
