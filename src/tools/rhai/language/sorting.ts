/** Sorting in parts that take little time. */
import { pause, type Parts } from "./pause.ts"

/** Elements that JavaScript sorts at once. */
const RUN = 512

/** A stable sort of the items into a new array. `spend` is told which of them were looked at. */
export function* sorted<A>(
  items: ReadonlyArray<A>,
  order: (x: A, y: A) => number,
  spend: (items: ReadonlyArray<A>) => void = () => undefined
): Parts<Array<A>> {
  let from: Array<Array<A>> = []
  for (let at = 0; at < items.length; at += RUN) {
    const run = items.slice(at, at + RUN)
    spend(run)
    from.push(run.sort(order))
    yield pause
  }
  while (from.length > 1) {
    const into: Array<Array<A>> = []
    for (let i = 0; i < from.length; i += 2)
      into.push(i + 1 < from.length ? yield* merged(from[i]!, from[i + 1]!, order, spend) : from[i]!)
    from = into
  }
  return from[0] ?? []
}

function* merged<A>(
  left: ReadonlyArray<A>,
  right: ReadonlyArray<A>,
  order: (x: A, y: A) => number,
  spend: (items: ReadonlyArray<A>) => void
): Parts<Array<A>> {
  const out: Array<A> = []
  let x = 0
  let y = 0
  while (x < left.length || y < right.length) {
    const first = y >= right.length || (x < left.length && order(left[x]!, right[y]!) <= 0)
    out.push(first ? left[x++]! : right[y++]!)
    if (out.length % RUN === 0) {
      spend(out.slice(-RUN))
      yield pause
    }
  }
  return out
}
