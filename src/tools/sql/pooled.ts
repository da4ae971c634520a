/**
 * Resources by key, shared while they are used and kept for a while after. Where there are as many as there may be, the
 * the one that was idle for longest makes place for the next.
 */
import { Cause, type Duration, Effect, MutableHashMap, Option, RcMap, type Scope } from "effect"

export interface Pooled<K, A, E> {
  /** The resource for the scope. Fails only when every one of them is in use. */
  readonly get: (key: K) => Effect.Effect<A, E | Cause.ExceededCapacityError, Scope.Scope>
  /** The next caller gets a new one. */
  readonly invalidate: (key: K) => Effect.Effect<void>
  readonly size: Effect.Effect<number>
}

interface Use {
  users: number
  /** Counts the uses of all resources, so that the smallest is the oldest. */
  last: number
}

export const make = Effect.fnUntraced(function* <K, A, E, R>(options: {
  readonly lookup: (key: K) => Effect.Effect<A, E, R>
  readonly idleTimeToLive: Duration.Input | ((key: K) => Duration.Input)
  readonly capacity: number
  /** Told before an idle resource is closed to make place for another. */
  readonly evicting?: (key: K) => void
}) {
  const resources = yield* RcMap.make(options)
  const uses = MutableHashMap.empty<K, Use>()
  const state = { count: 0 }
  const isIdle = (key: K): boolean =>
    Option.match(MutableHashMap.get(uses, key), { onNone: () => true, onSome: ({ users }) => users === 0 })
  const lastOf = (key: K): number =>
    Option.match(MutableHashMap.get(uses, key), { onNone: () => 0, onSome: ({ last }) => last })

  const began = (key: K): void => {
    const use = Option.getOrElse(MutableHashMap.get(uses, key), () => ({ users: 0, last: 0 }))
    use.users++
    MutableHashMap.set(uses, key, use)
  }
  const ended = Effect.fnUntraced(function* (key: K) {
    const use = Option.getOrUndefined(MutableHashMap.get(uses, key))
    if (use === undefined) return
    use.users--
    use.last = ++state.count
    // What was closed meanwhile is forgotten
    if (use.users === 0 && !(yield* RcMap.has(resources, key))) MutableHashMap.remove(uses, key)
    if (MutableHashMap.size(uses) > 2 * options.capacity)
      for (const [known] of uses)
        if (isIdle(known) && !(yield* RcMap.has(resources, known))) MutableHashMap.remove(uses, known)
  })
  /** Closes the resource that was idle for longest; false when none is idle. */
  const evict = Effect.gen(function* () {
    const idle = [...(yield* RcMap.keys(resources))].filter(isIdle)
    const [oldest] = idle.toSorted((a, b) => lastOf(a) - lastOf(b))
    if (oldest === undefined) return false
    MutableHashMap.remove(uses, oldest)
    options.evicting?.(oldest)
    yield* RcMap.invalidate(resources, oldest)
    return true
  })
  const taken = (key: K): Effect.Effect<A, E | Cause.ExceededCapacityError, Scope.Scope> =>
    RcMap.get(resources, key).pipe(
      Effect.catchIf(Cause.isExceededCapacityError, (full) =>
        Effect.flatMap(evict, (evicted) => (evicted ? taken(key) : Effect.fail(full)))
      )
    )
  return {
    get: (key) =>
      Effect.andThen(
        Effect.acquireRelease(
          Effect.sync(() => began(key)),
          () => ended(key)
        ),
        taken(key)
      ),
    invalidate: (key) => RcMap.invalidate(resources, key),
    size: Effect.map(RcMap.keys(resources), (keys) => [...keys].length)
  } satisfies Pooled<K, A, E>
})
