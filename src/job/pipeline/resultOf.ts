/** What a step gives: one tool's value as it is, or the union of a pipeline's. */
import type { Failure } from "../../domain/Failure.ts"
import { isObject, type JsonObject } from "../../domain/Json.ts"
import * as ToolResult from "../../domain/ToolResult.ts"
import type { Attempt } from "./output.ts"
import { type State, updatesOf } from "./State.ts"
import type { Plan } from "./Task.ts"

/** Where a pipeline came to. */
export interface PipelineResult {
  readonly state: State
  readonly last: Attempt | undefined
  /** Why it failed; undefined when it succeeded. */
  readonly failure: Failure | undefined
  /** The task at which it failed. */
  readonly index: number
  /** Its tries. */
  readonly attempt: number
}

export const resultOf = (plan: Plan, ended: PipelineResult, millis: number): ToolResult.ToolResult => {
  const { failure, last, state } = ended
  const data = plan.isList ? unionOf(state, ended) : last?.data
  const contextUpdates = updatesOf(state)
  const more = {
    ...(data === undefined ? {} : { data }),
    ...(last?.result.stdout === undefined ? {} : { stdout: last.result.stdout }),
    ...(last?.result.stderr === undefined ? {} : { stderr: last.result.stderr }),
    ...(last?.result.exitCode === undefined ? {} : { exitCode: last.result.exitCode }),
    ...(contextUpdates === undefined ? {} : { contextUpdates }),
    durationMs: Math.max(0, Math.round(millis))
  }
  if (failure === undefined) return { status: "success", ...more }
  const task = plan.tasks[ended.index]?.label ?? plan.step
  return ToolResult.failure(failure, { ...more, failedAt: { task, attempt: ended.attempt } })
}

/** The same value without its failure. */
export const asSuccess = (result: ToolResult.ToolResult): ToolResult.ToolResult => {
  const { error, failedAt: _, ...rest } = result
  return error === undefined ? result : { ...rest, status: "success" }
}

/**
 * The members of every task's object, later tasks over earlier ones, then one member for each label, then `results`.
 * Playbooks read all three.
 */
const unionOf = (state: State, { failure, index }: PipelineResult): JsonObject => {
  const { results } = state
  const spread = Object.assign({}, ...Object.values(results).filter((data) => isObject(data))) as JsonObject
  const union: JsonObject = {
    ...spread,
    ...results,
    ...(Object.hasOwn(spread, "results") || Object.hasOwn(results, "results") ? {} : { results }),
    _prev: state.previous ?? null
  }
  if (failure === undefined) return union
  return { ...union, labeled_results: results, failed_task: index, error: failure.message }
}
