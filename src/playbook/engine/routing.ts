/** Which arcs are taken when a step has ended. */
import { Fault } from "../../template/Fault.ts"
import type { JsonObject } from "../../domain/Json.ts"
import type { Arc, Step } from "../Playbook.ts"
import { namesOf } from "./names.ts"
import type { Turn } from "./Turn.ts"

/** What happened at the step's end, as guards ask for it. Several names are tried, in this order. */
export const eventNames = (ok: boolean, isLoop: boolean): ReadonlyArray<string> => {
  if (isLoop) return ["loop.done", ok ? "step.done" : "step.failed"]
  return ok ? ["call.done", "step.done"] : ["call.error", "step.failed"]
}

/** The first arc that matches, or all of them. A failed step takes only arcs whose guards ask about the failure. */
export const takenArcs = (
  turn: Turn,
  step: Step,
  ok: boolean,
  scopeOf: (eventName: string) => JsonObject,
  names: ReadonlyArray<string>
): ReadonlyArray<Arc> => {
  const taken: Array<Arc> = []
  for (const [index, arc] of step.arcs.entries()) {
    const { aboutEvent, aboutFailure } = asks(turn, arc)
    if (!ok && !aboutFailure) continue
    const at = `${step.name}.next.arcs[${index}].when`
    const matches =
      arc.when === undefined ||
      (aboutEvent ? names : names.slice(0, 1)).some((name) =>
        turn.holds(arc.when ?? true, at, step.name, scopeOf(name))
      )
    if (matches) taken.push(arc)
    if (matches && step.mode === "exclusive") break
  }
  return taken
}

/** What a guard reads, by its names and not by its text. */
const asks = (turn: Turn, arc: Arc): { readonly aboutEvent: boolean; readonly aboutFailure: boolean } => {
  let aboutEvent = false
  let aboutFailure = false
  if (typeof arc.when === "string") {
    try {
      namesOf(turn.read(arc.when), (name, [member]) => {
        if (name === "event") aboutEvent = true
        const ofOutput = name === "output" || name === "outcome"
        if (
          name === "event" ||
          name === "error" ||
          (ofOutput && (member === "status" || member === "error" || member === "success"))
        )
          aboutFailure = true
      })
    } catch (error) {
      // A guard that cannot be read does not hold: the check of it says why.
      if (!(error instanceof Fault)) throw error
    }
  }
  return { aboutEvent, aboutFailure }
}
