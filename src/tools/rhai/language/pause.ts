/** Long work in parts: between two parts others may have their turn. */

/** What a part ends with when there is more to do. */
export const pause = Symbol("pause")

export type Parts<A> = Generator<typeof pause, A, unknown>

/** Goes through all parts at once. */
export const finish = <A>(parts: Parts<A>): A => {
  for (;;) {
    const next = parts.next()
    if (next.done === true) return next.value
  }
}
