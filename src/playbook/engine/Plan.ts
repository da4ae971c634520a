/** A playbook with what is worked out once about its graph. */
import type { Evaluator } from "../../template/evaluator.ts"
import type { Playbook, Step } from "../Playbook.ts"
import { wantsOf } from "./wants.ts"

export interface Plan {
  readonly playbook: Playbook
  readonly options: Options
  /** Whether arcs lead from a step to another, those that lead back into a circle left out. */
  readonly reaches: (from: string, to: string) => boolean
  /** The names that a step's command reads. */
  readonly wants: (step: Step, evaluator: Evaluator) => ReadonlySet<string> | "all"
}

export interface Options {
  /** Iterations at once of a parallel loop that says nothing. */
  readonly maxInFlight: number
  /** Entries of steps in one run. */
  readonly maxStepRuns: number
  /** Entries of one step between two changes of the run's values; undefined for any number. */
  readonly maxIdleRuns: number | undefined
  /** Seconds that running steps may go on after a failure. */
  readonly grace: number
}

export const defaults: Options = { maxInFlight: 8, maxStepRuns: 1_000_000, maxIdleRuns: undefined, grace: 30 }

export const planOf = (playbook: Playbook, options: Partial<Options> = {}, entry = playbook.entry): Plan => {
  const forward = forwardArcs(playbook, entry)
  const reached = new Map<string, ReadonlySet<string>>()
  const wanted = new Map<string, ReadonlySet<string> | "all">()
  return {
    playbook,
    options: { ...defaults, ...options },
    wants: (step, evaluator) => {
      const known = wanted.get(step.name) ?? wantsOf(step, evaluator)
      wanted.set(step.name, known)
      return known
    },
    reaches: (from, to) => {
      const known = reached.get(from)
      if (known !== undefined) return known.has(to)
      const all = reachedFrom(from, forward)
      reached.set(from, all)
      return all.has(to)
    }
  }
}

type Arcs = ReadonlyMap<string, ReadonlySet<string>>

/** The arcs without those that lead back to a step on the way from the entry: what is left has no circle. */
const forwardArcs = (playbook: Playbook, entry: string): Arcs => {
  const forward = new Map<string, Set<string>>()
  const state = new Map<string, "open" | "done">()
  // The entry first; steps that it does not reach have arcs too, when a run starts elsewhere.
  for (const root of [entry, ...playbook.steps.keys()]) {
    if (state.has(root)) continue
    const path: Array<{ readonly name: string; readonly targets: ReadonlyArray<string>; next: number }> = []
    const open = (name: string) => {
      state.set(name, "open")
      forward.set(name, new Set())
      path.push({ name, targets: (playbook.steps.get(name)?.arcs ?? []).map(({ step }) => step), next: 0 })
    }
    open(root)
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const target = top.targets[top.next++]
      if (target === undefined) {
        state.set(top.name, "done")
        path.pop()
      } else if (state.get(target) !== "open") {
        forward.get(top.name)?.add(target)
        if (!state.has(target)) open(target)
      }
    }
  }
  return forward
}

const reachedFrom = (from: string, arcs: Arcs): ReadonlySet<string> => {
  const reached = new Set<string>()
  const waiting = [...(arcs.get(from) ?? [])]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (reached.has(name)) continue
    reached.add(name)
    waiting.push(...(arcs.get(name) ?? []))
  }
  return reached
}
