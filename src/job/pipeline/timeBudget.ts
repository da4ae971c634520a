/**
 * How long all tasks of a command may take together: the worker's deadline for a command, or what its author allows the
 * tasks one after the other where that is longer, and the pauses between them. What runs again and again adds nothing.
 */
export interface TimeBudget {
  /** The author allows this task so many seconds. */
  readonly allow: (task: string, seconds: number) => void
  /** A pause that a policy asked for took so many seconds. */
  readonly pause: (name: string, seconds: number) => void
  /** Seconds in all. */
  readonly total: () => number
  /** Seconds that are left; negative when it is over. */
  readonly left: (nowMillis: number) => number
}

/** It begins when it is asked for the first time. */
export const makeTimeBudget = (seconds: number): TimeBudget => {
  let started: number | undefined
  const tasks = new Map<string, number>()
  const pauses = new Map<string, number>()
  const total = () => Math.max(seconds, sumOf(tasks)) + sumOf(pauses)
  return {
    allow: (task, more) => keepLargest(tasks, task, more),
    pause: (name, more) => keepLargest(pauses, name, more),
    total,
    left: (nowMillis) => {
      started ??= nowMillis
      return total() - (nowMillis - started) / 1000
    }
  }
}

const keepLargest = (known: Map<string, number>, name: string, seconds: number): void =>
  void known.set(name, Math.max(known.get(name) ?? 0, seconds))

const sumOf = (known: ReadonlyMap<string, number>): number =>
  [...known.values()].reduce((sum, one) => sum + one, 0)
