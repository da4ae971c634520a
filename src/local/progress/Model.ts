/** What is shown of a run: its steps in the order they were first entered, and the runs that they started below them. */
import { isObject, numberOf } from "../../domain/Json.ts"
import type { RunEvent } from "../../control-plane/local/Run.ts"

export type NodeStatus = "running" | "completed" | "failed" | "skipped"

export interface StepNode {
  readonly name: string
  status: NodeStatus
  /** Milliseconds since 1970. */
  startedAt: number
  endedAt: number | undefined
  runs: number
  /** Undefined where the step is no loop; a total that is undefined is not known yet. */
  loop: { done: number; failed: number; total: number | undefined } | undefined
  /** Why it failed, in a line. */
  problem: string | undefined
  readonly children: Array<RunNode>
}

export interface RunNode {
  readonly executionId: string
  readonly path: string
  status: "running" | "completed" | "failed" | "cancelled"
  readonly startedAt: number
  endedAt: number | undefined
  readonly steps: Map<string, StepNode>
}

/** Takes events one by one. Nothing of it is written to a terminal. */
export class Model {
  root: RunNode | undefined
  private readonly runs = new Map<string, RunNode>()

  apply(event: RunEvent): void {
    const run = this.runs.get(event.executionId) ?? this.open(event)
    const step = event.step === undefined ? undefined : run.steps.get(event.step)
    switch (event.type) {
      case "step.enter":
        return this.enter(run, event)
      case "step.denied":
        run.steps.set(event.step ?? "", { ...newStep(event), status: "skipped", endedAt: event.at })
        return
      case "step.exit":
      case "step.failed":
        if (step === undefined) return
        step.status = event.type === "step.exit" ? "completed" : "failed"
        step.endedAt = event.at
        step.problem = event.error?.message
        return
      case "loop.started":
        if (step !== undefined) step.loop = { done: 0, failed: 0, total: numberOf(event.meta?.["total"]) }
        return
      case "command.completed":
      case "command.failed":
        return countIteration(step, event)
      case "playbook.completed":
      case "playbook.failed":
      case "playbook.cancelled":
        run.status = event.type.slice("playbook.".length) as RunNode["status"]
        run.endedAt = event.at
        for (const node of run.steps.values()) if (node.status === "running") node.endedAt = event.at
    }
  }

  private open(event: RunEvent): RunNode {
    const { at, executionId, parent, path } = event
    const run: RunNode = {
      executionId,
      path,
      status: "running",
      startedAt: at,
      endedAt: undefined,
      steps: new Map()
    }
    this.runs.set(executionId, run)
    if (parent === undefined) this.root = run
    else this.addChild(this.runs.get(parent.executionId)?.steps.get(stepOf(parent.command)), run)
    return run
  }

  /** The latest of them: a loop may start thousands, and a terminal shows few. */
  private addChild(step: StepNode | undefined, run: RunNode): void {
    step?.children.push(run)
    if (step === undefined || step.children.length <= maxChildren) return
    const ended = step.children.findIndex(({ status }) => status !== "running")
    for (const { executionId } of ended === -1 ? [] : step.children.splice(ended, 1))
      this.runs.delete(executionId)
  }

  private enter(run: RunNode, event: RunEvent): void {
    const before = run.steps.get(event.step ?? "")
    if (before === undefined) return void run.steps.set(event.step ?? "", newStep(event))
    before.runs += 1
    before.status = "running"
    before.startedAt = event.at
    before.endedAt = undefined
    before.problem = undefined
    before.loop = undefined
    before.children.length = 0
  }
}

const maxChildren = 50

const newStep = ({ at, step }: RunEvent): StepNode => ({
  name: step ?? "",
  status: "running",
  startedAt: at,
  endedAt: undefined,
  runs: 1,
  loop: undefined,
  problem: undefined,
  children: []
})

/** The step of a command's id. */
const stepOf = (command: string): string => command.slice(0, command.lastIndexOf(":"))

const countIteration = (step: StepNode | undefined, { meta, type }: RunEvent): void => {
  if (step?.loop === undefined || !isObject(meta?.["loop"])) return
  step.loop.done += 1
  if (type === "command.failed") step.loop.failed += 1
}
