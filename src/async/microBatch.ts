/** Items that are sent together: a socket write or a message to a thread costs more than what it carries. */

/** How long a lazy item waits for company, in milliseconds. */
const lazyMillis = 50

/** Sends the items of one turn of the event loop together. A lazy item leaves with the next batch, or after a moment. */
export const microBatch = <A>(send: (items: ReadonlyArray<A>) => void) => {
  let waiting: Array<A> = []
  let isDue = false
  let later: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(later)
    const now = waiting
    waiting = []
    isDue = false
    later = undefined
    send(now)
  }
  return {
    enqueue: (item: A) => {
      waiting.push(item)
      if (isDue) return
      isDue = true
      setImmediate(flush)
    },
    enqueueLazily: (item: A) => {
      waiting.push(item)
      if (!isDue) later ??= setTimeout(flush, lazyMillis)
    }
  }
}
