/** How native functions call function pointers: with as many of item, index and object as the function wants. */
import type { pause } from "../language/pause.ts"
import type { Callback, NativeContext } from "../machine/Natives.ts"
import { signature } from "../machine/Operators.ts"
import { NONE } from "../language/Position.ts"
import type { Reference } from "../machine/Reference.ts"
import { functionNotFound } from "../language/RhaiError.ts"
import { type FnPtr, Shared, type Value } from "../language/Value.ts"

export type Calls<A> = Generator<Callback | typeof pause, A, Value>

interface Attempt {
  self: Reference | undefined
  args: ReadonlyArray<Value>
}

const without = (item: Reference | undefined, args: ReadonlyArray<Value>, at: number): ReadonlyArray<Value> =>
  item === undefined ? args : [...args.slice(0, at), item.get(), ...args.slice(at)]

/**
 * The call of `pointer` for one item: bound as `this`, else as an argument at `place`, else with `extras` too. Errors
 * name `caller`, the function the script called.
 */
export const callFor = (
  context: NativeContext,
  caller: string,
  pointer: FnPtr,
  item: Reference | undefined,
  args: ReadonlyArray<Value>,
  extras: ReadonlyArray<Value>,
  place: number | undefined
): Callback => {
  if (context.accepts(pointer, args, item)) return { caller, pointer, self: item, args }
  const last: Attempt = { self: undefined, args: [] }
  if (place !== undefined) {
    last.args = without(item, args, place)
    if (context.accepts(pointer, last.args, undefined)) return { caller, pointer, ...last }
    last.args = [...last.args, ...extras]
  } else {
    last.self = item
    last.args = [...args, ...extras]
  }
  if (context.accepts(pointer, last.args, last.self)) return { caller, pointer, ...last }
  const curried = pointer.curry.map((value) => (value instanceof Shared ? value.value : value))
  const given = [...curried, ...(last.self === undefined ? last.args : [last.self.get(), ...last.args])]
  const error = functionNotFound(signature(pointer.name, given), context.callPosition())
  throw error.through({ name: caller, anonymous: false, source: "", position: NONE })
}

/** Calls `pointer` with just these arguments. */
export function* call(pointer: FnPtr, args: ReadonlyArray<Value>): Calls<Value> {
  return yield { caller: undefined, pointer, self: undefined, args }
}

/** As many elements as Rust sorts by insertion. With a comparison that contradicts itself the way shows. */
const FEW = 20

/** A stable sort whose comparisons may be calls into the script. */
export function* sortWith<A>(
  items: ReadonlyArray<A>,
  isLess: (x: A, y: A) => Calls<boolean>
): Calls<Array<A>> {
  if (items.length > FEW) return yield* mergeSort(items, isLess)
  const sorted: Array<A> = []
  for (const item of items) {
    let at = sorted.length
    while (at > 0 && (yield* isLess(item, sorted[at - 1]!))) at--
    sorted.splice(at, 0, item)
  }
  return sorted
}

function* mergeSort<A>(items: ReadonlyArray<A>, isLess: (x: A, y: A) => Calls<boolean>): Calls<Array<A>> {
  let from = [...items]
  for (let width = 1; width < from.length; width *= 2) {
    const into: Array<A> = []
    for (let start = 0; start < from.length; start += 2 * width) {
      const middle = Math.min(start + width, from.length)
      const end = Math.min(start + 2 * width, from.length)
      let left = start
      let right = middle
      while (left < middle && right < end)
        into.push((yield* isLess(from[right]!, from[left]!)) ? from[right++]! : from[left++]!)
      for (const item of from.slice(left, middle)) into.push(item)
      for (const item of from.slice(right, end)) into.push(item)
    }
    from = into
  }
  return from
}
