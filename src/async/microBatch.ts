/** Items that are sent together: a write or a message to a thread costs more than what it carries. */

/** Milliseconds. */
const maxDelay = 50

export interface MicroBatch<A> {
  /** Sends at the end of this turn of the event loop. */
  readonly enqueue: (item: A) => void
  /** Sends with the next batch, or after 50 ms without one. */
  readonly enqueueLazily: (item: A) => void
}

export const microBatch = <A>(send: (items: ReadonlyArray<A>) => void): MicroBatch<A> => {
  let waiting: Array<A> = []
  let isDue = false
  let later: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(later)
    const batch = waiting
    waiting = []
    isDue = false
    later = undefined
    send(batch)
  }
  return {
    enqueue: (item) => {
      waiting.push(item)
      if (isDue) return
      isDue = true
      setImmediate(flush)
    },
    enqueueLazily: (item) => {
      waiting.push(item)
      if (!isDue) later ??= setTimeout(flush, maxDelay)
    }
  }
}
