/**
 * A run of a playbook as a function: state × event → state × actions.
 *
 *   token → admission → (loop) → commands → results → set → arcs → tokens
 *
 * It reads nothing but its arguments, so a journal of events replayed gives the same state and the same actions. What a
 * template reads that is kept elsewhere is a demand in `memory`: the caller fetches it and applies the event again.
 */
import { HashMap, Option } from "effect"
import type { Json, JsonObject } from "../../domain/Json.ts"
import type { Evaluator } from "../../template/evaluator.ts"
import { Memory, Missing } from "../../template/Memory.ts"
import { completeStep, failStep, graceTimer } from "./complete.ts"
import { endClaim, endRow } from "./cursor.ts"
import { enterReady, timerOf } from "./enter.ts"
import { addToken } from "./tokens.ts"
import type { Action, CommandResult, Event } from "./Event.ts"
import { endIteration } from "./loop.ts"
import type { Plan } from "./Plan.ts"
import { isOver, type State } from "./State.ts"
import { Turn } from "./Turn.ts"
import { mergedDeep, renderedWorkload } from "./workload.ts"

export interface Applied {
  readonly state: State
  readonly actions: ReadonlyArray<Action>
}

/** The next state; undefined where `memory` has demands that must be met first. */
export const apply = (
  plan: Plan,
  state: State,
  event: Event,
  evaluator: Evaluator,
  memory = new Memory(true)
): Applied | undefined => {
  const turn = new Turn(plan, state, event.at, evaluator, memory)
  try {
    happen(turn, event)
    enterReady(turn)
    settle(turn)
  } catch (error) {
    if (error instanceof Missing) return undefined
    throw error
  }
  return { state: turn.state, actions: turn.actions }
}

const happen = (turn: Turn, event: Event): void => {
  if (isOver(turn.state)) return
  switch (event.type) {
    case "started":
      return start(turn, event)
    case "ended":
      return endCommand(turn, event.command, event.result)
    case "timer":
      if (event.timer === graceTimer) return stopAll(turn, graceOver)
      return event.timer === runTimer ? expire(turn) : timeOut(turn, event.timer)
    case "cancelled":
      return cancel(turn, event.reason)
  }
}

const graceOver = {
  kind: "interrupted",
  message: "the run failed elsewhere, and the step did not end in time"
}

const start = (turn: Turn, event: Extract<Event, { readonly type: "started" }>): void => {
  const { playbook } = turn.plan
  const { env, executionId, parentExecutionId, payload } = event
  const base: JsonObject = {
    execution_id: executionId,
    catalog_id: playbook.path,
    parent_execution_id: parentExecutionId ?? null,
    path: playbook.path,
    version: playbook.version ?? null,
    job: { uuid: executionId, id: executionId, execution_id: executionId },
    env,
    payload,
    ...(playbook.spec === undefined ? {} : { spec: playbook.spec })
  }
  const given: JsonObject = event.merge
    ? mergedDeep(playbook.workload, payload)
    : { ...playbook.workload, ...payload }
  turn.update({ status: "running", base })
  turn.update({ workload: renderedWorkload(turn, given) })
  if (event.timeout !== undefined)
    turn.actions.push({ type: "timer", timer: runTimer, seconds: event.timeout })
  turn.log("playbook.initialized", undefined, { meta: { name: playbook.name, path: playbook.path } })
  addToken(turn, event.target ?? playbook.entry)
}

const endCommand = (turn: Turn, id: string, result: CommandResult): void => {
  const found = HashMap.get(turn.state.commands, id)
  // A command that was withdrawn, or that ended before.
  if (found._tag === "None") return
  const { role, step: name } = found.value
  const step = turn.step(name)
  const activity = turn.state.running.get(name)
  turn.forget(id)
  if (activity === undefined) return
  turn.setCtx(Object.entries(result.updates))
  switch (role.type) {
    case "claim":
      return endClaim(turn, step, activity, role.lane, result)
    case "iteration":
      return step.loop?.mode === "cursor"
        ? endRow(turn, step, activity, role.lane, role.index, result)
        : endIteration(turn, step, activity, role.index, result)
    case "whole":
      return completeStep(turn, step, {
        ok: result.ok,
        data: result.data,
        error: result.ok ? undefined : result.error,
        isLoop: false,
        command: id
      })
  }
}

const timeOut = (turn: Turn, timer: string): void => {
  for (const [name, { run }] of turn.state.running) {
    if (timerOf(name, run) !== timer) continue
    const step = turn.step(name)
    failStep(turn, step, {
      kind: "timeout",
      message: `the step took longer than ${step.timeout} s`,
      retryable: true
    })
  }
}

const runTimer = "run"

/** The time of the whole run is over: whatever runs has failed, and no arc takes that up. */
const expire = (turn: Turn): void => {
  turn.update({ stopping: true, waiting: new Map() })
  stopAll(turn, { kind: "timeout", message: "the time of the whole run is over" })
}

const stopAll = (turn: Turn, error: { readonly kind: string; readonly message: string }): void => {
  for (const name of turn.state.running.keys()) failStep(turn, turn.step(name), error)
}

const cancel = (turn: Turn, reason: string): void => {
  for (const name of turn.state.running.keys()) turn.withdraw(name)
  turn.update({ status: "cancelled", waiting: new Map(), running: new Map() })
  turn.log("playbook.cancelled", undefined, { meta: { reason } })
  turn.actions.push({ type: "finish", ending: "cancelled" })
}

/** Without a live token the run is over, once the final step has run. */
const settle = (turn: Turn): void => {
  const { running, status, waiting } = turn.state
  if ((status !== "running" && status !== "final") || running.size > 0 || waiting.size > 0) return
  const { finalStep } = turn.plan.playbook
  if (status === "running" && finalStep !== undefined) {
    turn.update({ status: "final", stopping: false })
    addToken(turn, finalStep)
    enterReady(turn)
    return settle(turn)
  }
  const failed = turn.state.failures.length > 0
  const ending = failed ? "failed" : "completed"
  turn.update({ status: ending })
  turn.log(
    `playbook.${ending}`,
    undefined,
    failed ? { meta: { failures: turn.state.failures as unknown as Json } } : {}
  )
  turn.actions.push({ type: "finish", ending })
}

/** The value of a run: that of a step, or of the one that completed last. */
export const resultOf = (state: State, step: string | undefined): Json => {
  const name = step ?? state.last
  const value = name === undefined ? Option.none() : HashMap.get(state.results, name)
  return Option.getOrElse(value, () => null)
}
