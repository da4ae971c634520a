/**
 * Deadlines that almost never expire, as entries of one list for each Effect `Clock`. An entry costs neither a fiber nor a timer:
 * one fiber sleeps until the nearest deadline, and at most a second, so that an empty list soon holds nothing.
 */
import { Clock, Context, Duration, Effect } from "effect"

interface Entry {
  readonly at: number
  readonly expire: () => void
}

/** Calls `onExpired` after so many milliseconds of the context's `Clock`, unless the returned function is called before. */
export const setDeadline = (
  context: Context.Context<never>,
  millis: number,
  onExpired: () => void
): (() => void) => listOf(context).add(millis, onExpired)

const maxSleepMillis = 1000

/** The lists live as long as their clocks. */
const Lists = Context.Reference("noetl-worker/async/deadlines", {
  defaultValue: () => new WeakMap<Clock.Clock, DeadlineList>()
})

const listOf = (context: Context.Context<never>): DeadlineList => {
  const lists = Context.get(context, Lists)
  const clock = Context.get(context, Clock.Clock)
  const known = lists.get(clock)
  if (known !== undefined) return known
  const made = new DeadlineList(clock)
  lists.set(clock, made)
  return made
}

class DeadlineList {
  private readonly entries = new Set<Entry>()
  private readonly clock: Clock.Clock
  /** When the next sleep ends; infinite while none is under way. */
  private wakesAt = Infinity

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  add(millis: number, expire: () => void): () => void {
    const now = this.now()
    const entry = { at: now + millis, expire }
    this.entries.add(entry)
    this.wakeBy(entry.at, now)
    return () => void this.entries.delete(entry)
  }

  /** The time since an arbitrary origin: a corrected wall clock must not expire anything. */
  private now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe() / 1000n) / 1000
  }

  private wakeBy(at: number, now: number): void {
    const wakesAt = Math.min(at, now + maxSleepMillis)
    if (wakesAt >= this.wakesAt) return
    this.wakesAt = wakesAt
    // A timer may fire a part of a millisecond early, and then this sleeps once more.
    const sleep = this.clock.sleep(Duration.millis(Math.max(1, Math.ceil(wakesAt - now))))
    Effect.runFork(sleep).addObserver(() => this.wake(wakesAt))
  }

  private wake(planned: number): void {
    // An earlier sleep was set up meanwhile and plans for the rest.
    if (planned !== this.wakesAt) return
    this.wakesAt = Infinity
    const now = this.now()
    let nearest = Infinity
    for (const entry of this.entries) {
      if (entry.at > now) {
        nearest = Math.min(nearest, entry.at)
        continue
      }
      this.entries.delete(entry)
      entry.expire()
    }
    if (nearest < Infinity) this.wakeBy(nearest, now)
  }
}
