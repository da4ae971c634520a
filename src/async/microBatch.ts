/** Things that are sent on together: a write or a message to a thread costs more than what it carries. */

/** Milliseconds. */
const patience = 50

/** Sends what came in one turn of the event loop. What may wait goes with whatever goes next, or after a moment. */
export const collected = <A>(send: (things: ReadonlyArray<A>) => void) => {
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
    soon: (thing: A) => {
      waiting.push(thing)
      if (isDue) return
      isDue = true
      setImmediate(flush)
    },
    sometime: (thing: A) => {
      waiting.push(thing)
      if (!isDue) later ??= setTimeout(flush, patience)
    }
  }
}
