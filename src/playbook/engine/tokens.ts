/** Tokens: where the run is. */
import type { Turn } from "./Turn.ts"

/** A token on a step. Tokens on a step that does not run yet are one. */
export const addToken = (turn: Turn, step: string): void => {
  const number = turn.state.tokens + 1
  const waiting = new Map(turn.state.waiting)
  waiting.set(step, [...(waiting.get(step) ?? []), number])
  turn.update({ tokens: number, waiting })
}
