/** Which waiting steps may start, and how they start. */
import type { RunError } from "./Event.ts"
import { startCursor } from "./cursor.ts"
import { failStep } from "./complete.ts"
import { startLoop } from "./loop.ts"
import type { Turn } from "./Turn.ts"
import type { Step } from "../Playbook.ts"

/** Starts every step that may start, until none may. */
export const enterReady = (turn: Turn): void => {
  for (let ready = nextReady(turn); ready !== undefined; ready = nextReady(turn)) enter(turn, ready)
}

/** A step waits for every other live token that can still reach it: then a join runs once. */
const nextReady = ({ plan, state }: Turn): string | undefined => {
  if (state.stopping) return undefined
  for (const name of state.waiting.keys()) {
    if (state.running.has(name)) continue
    const others = [...state.waiting.keys(), ...state.running.keys()]
    if (others.length === 1 || !others.some((other) => other !== name && plan.reaches(other, name)))
      return name
  }
  return undefined
}

const enter = (turn: Turn, name: string): void => {
  const step = turn.step(name)
  const waiting = new Map(turn.state.waiting)
  const tokens = waiting.get(name) ?? []
  waiting.delete(name)
  turn.update({ waiting })
  if (!isAdmitted(turn, step)) return skip(turn, step)
  const before = turn.record(name)
  const idleRuns = before === undefined || before.seenChanges !== turn.state.changes ? 1 : before.idleRuns + 1
  const run = (before?.runs ?? 0) + 1
  turn.setRecord(name, { status: "running", runs: run, idleRuns, seenChanges: turn.state.changes })
  turn.setActivity(name, { run, loop: undefined })
  turn.update({ stepRuns: turn.state.stepRuns + 1 })
  turn.log("step.enter", name, { meta: { run, tokens } })
  const stuck = isStuck(turn, step, idleRuns)
  if (stuck !== undefined) {
    // No arc may take that up: the run would go on for ever.
    turn.update({ stopping: true, waiting: new Map() })
    return failStep(turn, step, stuck)
  }
  if (step.timeout !== undefined)
    turn.actions.push({ type: "timer", timer: timerOf(name, run), seconds: step.timeout })
  start(turn, step)
}

export const timerOf = (step: string, run: number): string => `step:${run}:${step}`

const start = (turn: Turn, step: Step): void => {
  if (step.loop === undefined)
    return turn.issue(
      step,
      { type: "whole" },
      { kind: step.kind, config: step.config, context: turn.context(step), iteration: undefined }
    )
  return step.loop.mode === "cursor" ? startCursor(turn, step, step.loop) : startLoop(turn, step, step.loop)
}

/** The first rule that matches decides; without one the step is admitted. */
const isAdmitted = (turn: Turn, step: Step): boolean => {
  const at = `${step.name}.spec.policy.admit`
  return step.admit.find(({ when }) => turn.holds(when, at, step.name))?.allow ?? true
}

/** A step that is not admitted takes the token with it: nothing follows. */
const skip = (turn: Turn, step: Step): void => {
  const before = turn.record(step.name)
  turn.setRecord(step.name, {
    status: "skipped",
    runs: before?.runs ?? 0,
    idleRuns: before?.idleRuns ?? 0,
    seenChanges: turn.state.changes
  })
  turn.log("step.denied", step.name)
}

const isStuck = ({ plan, state }: Turn, step: Step, idleRuns: number): RunError | undefined => {
  const { maxIdleRuns, maxStepRuns } = plan.options
  if (state.stepRuns > maxStepRuns)
    return {
      kind: "no_progress",
      message: `the run entered steps more than ${maxStepRuns} times: an arc leads back for ever`
    }
  if (maxIdleRuns !== undefined && idleRuns > maxIdleRuns)
    return {
      kind: "no_progress",
      message: `${step.name} was entered ${idleRuns} times while no value of the run changed: write a set on the way back`
    }
  return undefined
}
