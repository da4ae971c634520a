/** A run of the engine alone: commands are answered at once, in an order that a test chooses. */
import { planOf, type Options } from "../../src/playbook/engine/Plan.ts"
import { apply } from "../../src/playbook/engine/Engine.ts"
import type {
  Action,
  CommandResult,
  Event,
  IssuedCommand,
  LogEntry
} from "../../src/playbook/engine/Event.ts"
import { initial, type State } from "../../src/playbook/engine/State.ts"
import type { JsonObject } from "../../src/domain/Json.ts"
import { load } from "../../src/playbook/load.ts"
import type { Playbook } from "../../src/playbook/Playbook.ts"
import { textOf } from "../../src/playbook/Problem.ts"
import * as Evaluator from "../../src/template/evaluator.ts"

export const playbookOf = (text: string): Playbook => {
  const { playbook, problems } = load("test.yaml", text)
  if (playbook === undefined) throw new Error(problems.map(textOf).join("\n"))
  return playbook
}

/** A workflow with a head that every playbook has. */
export const workflow = (steps: string, head = ""): Playbook =>
  playbookOf(`apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: test}\n${head}\nworkflow:\n${steps}`)

export interface Run {
  readonly state: State
  readonly events: ReadonlyArray<Event>
  readonly log: ReadonlyArray<LogEntry>
  readonly ending: string | undefined
  /** Ids of the commands that were answered. */
  readonly answered: ReadonlyArray<string>
  readonly open: ReadonlyMap<string, IssuedCommand>
}

export type Answer = (command: IssuedCommand) => CommandResult

export const done = (
  data: CommandResult["data"] = { status: "ok" },
  updates: JsonObject = {}
): CommandResult => ({
  ok: true,
  data: data ?? null,
  updates
})

export const broken = (kind = "tool_error", message = "it broke"): CommandResult => ({
  ok: false,
  data: undefined,
  updates: {},
  error: { kind, message, retryable: false }
})

export interface Simulation {
  readonly answer?: Answer
  /** Which of the open commands is answered next. */
  readonly choose?: (open: ReadonlyArray<string>) => string
  readonly options?: Partial<Options>
  readonly payload?: JsonObject
  readonly target?: string
  /** Events that happened before: they are replayed, and the run goes on. */
  readonly journal?: ReadonlyArray<Event>
  /** The run stops after so many answers. */
  readonly answers?: number
  /** What happens when no command is open and the run is not over. */
  readonly onIdle?: (timers: ReadonlyArray<string>) => Event | undefined
}

const evaluator = Evaluator.make()

export const simulate = (playbook: Playbook, simulation: Simulation = {}): Run => {
  const {
    answer = () => done(),
    choose = ([first]) => first ?? "",
    journal = [],
    payload = {},
    target
  } = simulation
  const plan = planOf(playbook, simulation.options, target)
  const open = new Map<string, IssuedCommand>()
  const timers: Array<string> = []
  const log: Array<LogEntry> = []
  const events: Array<Event> = []
  const answered: Array<string> = []
  let state: State = initial
  let ending: string | undefined

  const take = (event: Event): void => {
    events.push(event)
    if (event.type === "ended") open.delete(event.command)
    const applied = apply(plan, state, event, evaluator)
    if (applied === undefined) throw new Error("the engine asks for what is kept elsewhere")
    state = applied.state
    for (const action of applied.actions) perform(action)
  }

  const perform = (action: Action): void => {
    if (action.type === "issue") open.set(action.command.id, action.command)
    else if (action.type === "withdraw") for (const id of action.commands) open.delete(id)
    else if (action.type === "timer") timers.push(action.timer)
    else if (action.type === "log") log.push(action.entry)
    else ending = action.ending
  }

  const started: Event = {
    type: "started",
    at: 0,
    executionId: "1",
    parentExecutionId: undefined,
    payload,
    merge: false,
    target,
    timeout: undefined,
    env: {}
  }
  for (const event of journal.length > 0 ? journal : [started]) take(event)
  while (ending === undefined && answered.length < (simulation.answers ?? 100_000)) {
    const id = choose([...open.keys()])
    const command = open.get(id)
    if (command !== undefined) {
      answered.push(id)
      take({ type: "ended", at: events.length, command: id, result: answer(command) })
      continue
    }
    const event = simulation.onIdle?.(timers)
    if (event === undefined) break
    take(event)
  }
  return { state, events, log, ending, answered, open }
}

/** The steps in the order in which they were entered. */
export const entered = ({ log }: Run): ReadonlyArray<string> =>
  log.filter(({ type }) => type === "step.enter").map(({ step }) => step ?? "")

/** Numbers below a bound, the same for the same seed. */
export const randomOf = (seed: number): ((below: number) => number) => {
  let state = seed * 2654435761 + 1
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    state ^= state >>> 13
    return (state >>> 0) % below
  }
}
