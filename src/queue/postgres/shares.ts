/** Several queues in one process: each with a concurrency of its own, and a share of what is free by its weight. */

export interface WorkedQueue {
  readonly name: string
  /** Jobs of this queue that run at once here; undefined is as many as there are slots. */
  readonly concurrency: number | undefined
  /** Its part of the free slots, against the weights of the others. */
  readonly weight: number
}

export interface Turn {
  readonly name: string
  /** How many may be claimed now. */
  readonly most: () => number
}

export const make = (queues: ReadonlyArray<WorkedQueue>) => {
  const total = queues.reduce((sum, { weight }) => sum + weight, 0)
  const inFlight = new Map<string, number>()
  const served = new Map<string, number>()
  const add = (map: Map<string, number>, name: string, n: number) => map.set(name, (map.get(name) ?? 0) + n)
  const free = ({ concurrency, name }: WorkedQueue) =>
    concurrency === undefined ? Infinity : concurrency - (inFlight.get(name) ?? 0)
  const due = ({ name, weight }: WorkedQueue) => (served.get(name) ?? 0) / weight
  return {
    /** The queue that had least for its weight comes first. A lone queue has one turn; several have a second for the rest. */
    turns: (wanted: number): ReadonlyArray<Turn> => {
      const order = queues.toSorted((a, b) => due(a) - due(b))
      const whole = order.map((queue) => ({ name: queue.name, most: () => Math.min(wanted, free(queue)) }))
      if (queues.length === 1) return whole
      const shared = order.map((queue) => ({
        name: queue.name,
        most: () => Math.min(Math.max(1, Math.floor((wanted * queue.weight) / total)), free(queue))
      }))
      return [...shared, ...whole]
    },
    took: (name: string): void => {
      add(inFlight, name, 1)
      add(served, name, 1)
    },
    settled: (name: string): void => void add(inFlight, name, -1)
  }
}
