/**
 * One event being applied: a draft of the next state and what is to be done. Each rule of the run is a function over it;
 * nothing outlives the turn but the state and the actions.
 */
import { HashMap } from "effect"
import type { Json, JsonObject } from "../../domain/Json.ts"
import type { Evaluator } from "../../template/evaluator.ts"
import type { Memory } from "../../template/Memory.ts"
import { TemplateError } from "../../template/TemplateError.ts"
import type { SetBlock, Step } from "../Playbook.ts"
import { assigned } from "./assign.ts"
import type { Action, IssuedCommand, LogEntry, RunError } from "./Event.ts"
import type { Plan } from "./Plan.ts"
import { contextOf, layersOf, resultsOf } from "./scope.ts"
import type { Activity, InFlight, Role, State, StepRecord } from "./State.ts"

export class Turn {
  readonly plan: Plan
  readonly actions: Array<Action> = []
  readonly at: number
  state: State
  private readonly evaluator: Evaluator
  private readonly memory: Memory
  private shared: Shared | undefined
  private named: { readonly of: State["results"]; readonly results: JsonObject } | undefined

  constructor(plan: Plan, state: State, at: number, evaluator: Evaluator, memory: Memory) {
    this.plan = plan
    this.state = state
    this.at = at
    this.evaluator = evaluator
    this.memory = memory
  }

  update(changes: Partial<State>): void {
    this.state = { ...this.state, ...changes }
  }

  step(name: string): Step {
    const step = this.plan.playbook.steps.get(name)
    if (step === undefined) throw new Error(`the playbook has no step ${name}`)
    return step
  }

  log(type: string, step: string | undefined, more: Omit<LogEntry, "type" | "step"> = {}): void {
    this.actions.push({ type: "log", entry: { type, step, ...more } })
  }

  // --- templates ---

  render(value: Json, at: string, own: JsonObject = {}): Json {
    return this.evaluator.render(value, this.scope(own), at) ?? null
  }

  /** A condition that cannot be worked out does not hold. */
  holds(condition: Json, at: string, step: string, own: JsonObject = {}): boolean {
    try {
      return this.evaluator.holds(condition, this.scope(own), at)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      this.log("guard.error", step, { error: { kind: "template", message: error.message } })
      return false
    }
  }

  read(condition: string) {
    return this.evaluator.read(condition)
  }

  private scope(own: JsonObject) {
    const { results } = this.state
    if (this.named?.of !== results) this.named = { of: results, results: resultsOf(this.state) }
    return {
      layers: layersOf(this.state, this.named.results, own),
      memory: this.memory,
      now: this.at,
      synonyms
    }
  }

  /** Applies values that were all rendered against the state before any of them; the error where one cannot be. */
  applySet(block: SetBlock, at: string, own: JsonObject): RunError | undefined {
    if (block.length === 0) return undefined
    try {
      const values = block.map(
        ([target, value]) => [target, this.render(value, `${at}.${target}`, own)] as const
      )
      this.setCtx(values)
      return undefined
    } catch (error) {
      if (error instanceof TemplateError) return { kind: "template", message: error.message }
      throw error
    }
  }

  setCtx(values: ReadonlyArray<readonly [target: string, value: Json]>): void {
    if (values.length === 0) return
    const ctx = values.reduce((now, [target, value]) => assigned(now, target, value), this.state.ctx)
    this.update({ ctx, changes: this.state.changes + 1 })
  }

  // --- steps and commands ---

  record(name: string): StepRecord | undefined {
    const found = HashMap.get(this.state.steps, name)
    return found._tag === "Some" ? found.value : undefined
  }

  setRecord(name: string, record: StepRecord): void {
    this.update({ steps: HashMap.set(this.state.steps, name, record) })
  }

  setActivity(name: string, activity: Activity): void {
    this.update({ running: new Map(this.state.running).set(name, activity) })
  }

  /** What templates of a step's command see, made once for its commands of one turn. */
  context(step: Step): JsonObject {
    const { shared, state } = this
    const { ctx, results } = state
    if (shared?.step === step && shared.ctx === ctx && shared.results === results) return shared.context
    const context = contextOf(state, this.plan.wants(step, this.evaluator))
    this.shared = { step, ctx, results, context }
    return context
  }

  issue(step: Step, role: Role, command: Omit<IssuedCommand, "id" | "step">): void {
    const number = this.state.issued + 1
    const id = `${step.name}:${number}`
    const inFlight: InFlight = { step: step.name, role }
    this.update({ issued: number, commands: HashMap.set(this.state.commands, id, inFlight) })
    const iteration = command.iteration
    this.log("command.issued", step.name, {
      command: id,
      ...(iteration === undefined
        ? {}
        : { meta: { loop: { index: iteration.index, total: iteration.total ?? null } } })
    })
    this.actions.push({ type: "issue", command: { id, step: step.name, ...command } })
  }

  forget(command: string): void {
    this.update({ commands: HashMap.remove(this.state.commands, command) })
  }

  /** Stops the commands of a step; what they still answer is ignored. */
  withdraw(step: string): void {
    const commands = HashMap.toEntries(this.state.commands).flatMap(([id, { step: of }]) =>
      of === step ? [id] : []
    )
    if (commands.length === 0) return
    this.update({ commands: commands.reduce((all, id) => HashMap.remove(all, id), this.state.commands) })
    this.actions.push({ type: "withdraw", commands })
  }
}

/** A context and what it was made of. */
interface Shared {
  readonly step: Step
  readonly ctx: JsonObject
  readonly results: State["results"]
  readonly context: JsonObject
}

/** `ok` and `success` mean the same. */
const synonyms = ["output", "outcome"].map((root) => ({
  path: [root, "status"] as const,
  spellings: ["ok", "success"]
}))
