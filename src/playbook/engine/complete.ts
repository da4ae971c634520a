/** The end of a step: keep its result, apply its `set`, choose the arcs. */
import { HashMap } from "effect"
import type { Json, JsonObject } from "../../domain/Json.ts"
import type { Step } from "../Playbook.ts"
import { addToken } from "./tokens.ts"
import type { RunError } from "./Event.ts"
import { eventNames, takenArcs } from "./routing.ts"
import { outputOf } from "./scope.ts"
import type { Turn } from "./Turn.ts"

export interface StepEnd {
  readonly ok: boolean
  readonly data: Json | undefined
  /** Undefined where the step did not fail. */
  readonly error: RunError | undefined
  readonly isLoop: boolean
  /** The command whose end was the step's. */
  readonly command?: string
}

/** A step that failed before or besides its commands. */
export const failStep = (turn: Turn, step: Step, error: RunError): void => {
  turn.withdraw(step.name)
  completeStep(turn, step, { ok: false, data: undefined, error, isLoop: false })
}

export const completeStep = (turn: Turn, step: Step, end: StepEnd): void => {
  const running = new Map(turn.state.running)
  running.delete(step.name)
  const results =
    end.data === undefined ? turn.state.results : HashMap.set(turn.state.results, step.name, end.data)
  turn.update({ running, results })
  const scopeOf = scopes(step, end)
  const names = eventNames(end.ok, end.isLoop)
  const problem =
    end.ok || end.isLoop ? turn.applySet(step.set, `${step.name}.set`, scopeOf(names[0] ?? "")) : undefined
  if (problem !== undefined)
    return completeStep(turn, { ...step, set: [] }, { ...end, ok: false, error: problem, data: undefined })
  mark(turn, step, end)
  if (turn.state.status === "final")
    return step.name === turn.plan.playbook.finalStep ? keepFailure(turn, step, end) : undefined
  follow(turn, step, end, scopeOf, names)
}

/** What a step's `set` and arcs see besides the run's own values. */
const scopes = (step: Step, end: StepEnd): ((eventName: string) => JsonObject) => {
  const output = outputOf(end.ok, end.data, end.error)
  const result = end.data ?? null
  const error = end.error ?? null
  return (name) => ({
    output,
    outcome: output,
    result,
    response: result,
    error,
    event: { name, step: step.name, payload: output, result, error }
  })
}

const mark = (turn: Turn, step: Step, { command, data, error, ok }: StepEnd): void => {
  const before = turn.record(step.name)
  if (before !== undefined) turn.setRecord(step.name, { ...before, status: ok ? "completed" : "failed" })
  if (ok) turn.update({ last: step.name })
  const more = {
    ...(command === undefined ? {} : { command }),
    ...(data === undefined ? {} : { data }),
    ...(error === undefined ? {} : { error })
  }
  turn.log(ok ? "step.exit" : "step.failed", step.name, more)
}

const follow = (
  turn: Turn,
  step: Step,
  end: StepEnd,
  scopeOf: (eventName: string) => JsonObject,
  names: ReadonlyArray<string>
): void => {
  if (turn.state.stopping) return keepFailure(turn, step, end)
  const taken = takenArcs(turn, step, end.ok, scopeOf, names)
  if (taken.length === 0) return endBranch(turn, step, end)
  for (const arc of taken) {
    const problem = turn.applySet(arc.set, `${step.name}.next.set`, scopeOf(names[0] ?? ""))
    if (problem !== undefined) return keepFailure(turn, step, { ...end, ok: false, error: problem })
    turn.log("arc.taken", step.name, { meta: { to: arc.step } })
    addToken(turn, arc.step)
  }
}

const endBranch = (turn: Turn, step: Step, end: StepEnd): void => {
  if (!end.ok) return keepFailure(turn, step, end)
  if (step.arcs.length === 0) return
  if (turn.plan.playbook.noNextIsError)
    return keepFailure(turn, step, {
      ...end,
      ok: false,
      error: { kind: "no_next", message: `no arc of ${step.name} matches` }
    })
  if (!step.quiet) turn.log("next.no_match", step.name)
}

/** A failure that no arc takes up stops the run: running steps may end, no other starts. */
const keepFailure = (turn: Turn, step: Step, { command, error, ok }: StepEnd): void => {
  if (ok || error === undefined) return
  turn.update({ failures: [...turn.state.failures, { step: step.name, error, command }] })
  if (turn.state.stopping || turn.state.status === "final") return
  turn.update({ stopping: true, waiting: new Map() })
  if (turn.state.running.size > 0)
    turn.actions.push({ type: "timer", timer: graceTimer, seconds: turn.plan.options.grace })
}

/** After it, what still runs is stopped. */
export const graceTimer = "grace"
