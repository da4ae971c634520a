/** A target that is to be replaced is emptied once, in its first transaction; when that is rolled back, in the next one. */
export interface Emptying {
  /** Whether the transaction that begins has to empty the target. Asked once for each. */
  readonly isDue: () => boolean
  readonly committed: () => void
  readonly undone: () => void
}

export const makeEmptying = (replaces: boolean): Emptying => {
  const state = { done: !replaces, forGood: !replaces }
  return {
    isDue: () => {
      const due = !state.done
      state.done = true
      return due
    },
    committed: () => void (state.forGood = state.done),
    undone: () => void (state.done = state.forGood)
  }
}
