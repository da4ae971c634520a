/** How a run ended, as a document and as its last lines. */
import { HashMap } from "effect"
import type { Json, JsonObject } from "../domain/Json.ts"
import type { Ending } from "../playbook/engine/Event.ts"
import { resultOf } from "../playbook/engine/Engine.ts"
import type { State } from "../playbook/engine/State.ts"
import type { Playbook } from "../playbook/Playbook.ts"
import type { Problem } from "../playbook/Problem.ts"
import { textOf } from "../playbook/Problem.ts"
import { type FailureDetail, failureText } from "./failures.ts"
import { masked } from "./masking.ts"
import { elapsed } from "./progress/text.ts"

export interface Report {
  readonly executionId: string
  readonly ending: Ending
  readonly playbook: Playbook
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly endedAt: number
  readonly state: State
  readonly failures: ReadonlyArray<FailureDetail>
  readonly warnings: ReadonlyArray<string>
}

/** 0 completed, 1 failed, 130 cancelled. */
export const exitCodeOf = ({ ending }: Report): number =>
  ending === "completed" ? 0 : ending === "failed" ? 1 : 130

const iso = (millis: number): string => new Date(millis).toISOString()

/** Values under names that say they are secret are masked. */
export const documentOf = (report: Report): JsonObject => {
  const { ending, endedAt, executionId, failures, playbook, startedAt, state, warnings } = report
  const steps = HashMap.toEntries(state.steps).map(([name, { runs, status }]): readonly [string, Json] => [
    name,
    { status, runs, data: masked(resultOf(state, name)) }
  ])
  return {
    execution_id: executionId,
    status: ending.toUpperCase(),
    path: playbook.path,
    started_at: iso(startedAt),
    ended_at: iso(endedAt),
    duration_ms: Math.round(endedAt - startedAt),
    result: state.last === undefined ? null : { step: state.last, data: masked(resultOf(state, undefined)) },
    steps: Object.fromEntries(inOrder(steps, playbook)),
    errors: failures.map(({ error, step }) => ({ step, ...error })),
    warnings
  }
}

/** As the playbook lists them. */
const inOrder = (entries: ReadonlyArray<readonly [string, Json]>, { steps }: Playbook) => {
  const places = new Map([...steps.keys()].map((name, index) => [name, index]))
  return entries.toSorted(([a], [b]) => (places.get(a) ?? 0) - (places.get(b) ?? 0))
}

/** The last lines: the ending always, and each failure with what to try. */
export const summaryOf = (report: Report, rich: boolean): string => {
  const { ending, endedAt, executionId, failures, playbook, startedAt, state } = report
  const sign = !rich ? "" : ending === "completed" ? "✅ " : ending === "failed" ? "❌ " : "⏹️ "
  const steps = HashMap.size(state.steps)
  const last = `${sign}${ending.toUpperCase()} ${playbook.name} (execution ${executionId}) in ${elapsed(endedAt - startedAt)} — ${steps} ${steps === 1 ? "step" : "steps"}`
  return [last, ...failures.map((failure) => failureText(playbook, failure))].join("\n")
}

export const warningsOf = (problems: ReadonlyArray<Problem>): ReadonlyArray<string> =>
  problems.filter(({ level }) => level === "warning").map(textOf)
