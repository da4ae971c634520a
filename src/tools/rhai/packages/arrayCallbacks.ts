/** Arrays with functions: map, filter, reduce, sort and their kin. */
import type { Callback, NativeContext, Natives, Work } from "../machine/Natives.ts"
import { equals } from "../machine/Operators.ts"
import { pointerFrom } from "../machine/pointerFrom.ts"
import { ElementReference } from "../machine/Reference.ts"
import { pause } from "../language/pause.ts"
import { RhaiError } from "../language/RhaiError.ts"
import { copy, FnPtr, type Int, type RhaiArray, tagOf, type Value } from "../language/Value.ts"
import { insertAll } from "./arrays.ts"
import { call, type Calls, callFor, sortWith } from "./callbacks.ts"
import { offsetAndLength } from "./indexes.ts"

type Run = (array: RhaiArray, pointer: FnPtr, rest: ReadonlyArray<Value>, context: NativeContext) => Work

/** Elements that are compared at once. */
const PART = 4096

/** Calls the function for one element of the array. */
const each = (
  context: NativeContext,
  name: string,
  pointer: FnPtr,
  array: RhaiArray,
  i: number,
  index = i
): Callback => callFor(context, name, pointer, new ElementReference(array, i, false), [], [index], 0)

function* search(
  name: string,
  array: RhaiArray,
  pointer: FnPtr,
  start: number,
  context: NativeContext
): Calls<number> {
  for (let i = start; i < array.length; i++)
    if ((yield each(context, name, pointer, array, i)) === true) return i
  return -1
}

const startOf = (array: RhaiArray, start: Value): number =>
  start === undefined ? 0 : offsetAndLength(array.length, start as Int, 0)[0]

const simple: Readonly<Record<string, Run>> = {
  *map(array, pointer, _, context) {
    const result: RhaiArray = []
    for (let i = 0; i < array.length; i++) result.push(yield each(context, "map", pointer, array, i))
    return result
  },
  *filter(array, pointer, _, context) {
    const result: RhaiArray = []
    for (let i = 0; i < array.length; i++)
      if ((yield each(context, "filter", pointer, array, i)) === true) result.push(copy(array[i]))
    return result
  },
  *some(array, pointer, _, context) {
    return (yield* search("some", array, pointer, 0, context)) >= 0
  },
  *all(array, pointer, _, context) {
    for (let i = 0; i < array.length; i++)
      if ((yield each(context, "all", pointer, array, i)) !== true) return false
    return true
  },
  *dedup(array, pointer) {
    yield* dedup(array, function* (x, y) {
      return (yield* quiet(call(pointer, [copy(x), copy(y)]))) === true
    })
    return undefined
  }
}

/** A failing comparison decides nothing; limits still end the script. */
function* quiet(calls: Calls<Value>): Calls<Value> {
  try {
    return yield* calls
  } catch (error) {
    if (error instanceof RhaiError && error.isCatchable) return undefined
    throw error
  }
}

function* dedup(array: RhaiArray, same: (x: Value, y: Value) => Calls<boolean>): Calls<void> {
  const kept: RhaiArray = []
  let count = 0
  for (const item of array.slice()) {
    if (kept.length === 0 || !(yield* same(kept.at(-1), item))) kept.push(item)
    if (++count % PART === 0) yield pause
  }
  insertAll(array, 0, array.length, kept)
}

const searching: Readonly<Record<string, Run>> = {
  *index_of(array, pointer, [start], context) {
    return yield* search("index_of", array, pointer, startOf(array, start), context)
  },
  *find(array, pointer, [start], context) {
    const at = yield* search("index_of", array, pointer, startOf(array, start), context)
    return at < 0 ? undefined : copy(array[at])
  },
  *find_map(array, pointer, [start], context) {
    for (let i = startOf(array, start); i < array.length; i++) {
      const value = yield each(context, "find_map", pointer, array, i)
      if (value !== undefined) return value
    }
    return undefined
  }
}

function* fold(
  name: string,
  array: RhaiArray,
  pointer: FnPtr,
  initial: Value,
  backward: boolean,
  context: NativeContext
): Calls<Value> {
  let result = initial
  for (let n = 0; n < array.length; n++) {
    const i = backward ? array.length - 1 - n : n
    result = yield callFor(context, name, pointer, new ElementReference(array, i, false), [result], [i], 1)
  }
  return result
}

const folding: Readonly<Record<string, Run>> = {
  reduce: (array, pointer, [initial], context) => fold("reduce", array, pointer, initial, false, context),
  reduce_rev: (array, pointer, [initial], context) =>
    fold("reduce_rev", array, pointer, initial, true, context)
}

function* partition(
  name: string,
  array: RhaiArray,
  pointer: FnPtr,
  keeps: boolean,
  context: NativeContext
): Calls<Value> {
  const out: RhaiArray = []
  const kept: RhaiArray = []
  let at = 0
  try {
    for (; at < array.length; at++) {
      const yes = (yield each(context, name, pointer, array, at)) === true
      ;(yes === keeps ? kept : out).push(array[at])
    }
  } finally {
    // After an error, too: what was taken out until then is gone
    insertAll(array, 0, at, kept)
  }
  return out
}

const changing: Readonly<Record<string, Run>> = {
  drain: (array, pointer, _, context) => partition("drain", array, pointer, false, context),
  retain: (array, pointer, _, context) => partition("retain", array, pointer, true, context),
  *for_each(array, pointer, _, context) {
    for (let i = 0; i < array.length; i++)
      yield callFor(context, "for_each", pointer, new ElementReference(array, i, false), [], [i], undefined)
    return undefined
  },
  *sort(array, pointer) {
    insertAll(array, 0, array.length, yield* sorted(array, pointer))
    return undefined
  },
  *order(array, pointer) {
    return yield* sorted(array.map(copy), pointer)
  }
}

function* sorted(array: RhaiArray, pointer: FnPtr): Calls<RhaiArray> {
  return yield* sortWith(array, function* (x, y) {
    const order = yield* quiet(call(pointer, [copy(x), copy(y)]))
    if (typeof order === "number" || typeof order === "bigint") return order < 0
    if (typeof order === "boolean") return order
    return tagOf(x) < tagOf(y)
  })
}

function* zip(array: RhaiArray, other: RhaiArray, pointer: FnPtr, context: NativeContext): Calls<Value> {
  const result: RhaiArray = []
  for (let i = 0; i < array.length && i < other.length; i++)
    result.push(yield callFor(context, "zip", pointer, undefined, [copy(array[i]), other[i]], [i], undefined))
  return result
}

/** The function may be given by its name, too. */
const pointerOf = (value: Value, context: NativeContext): FnPtr =>
  value instanceof FnPtr ? value : pointerFrom(value, context.callPosition())

/** A text that names a function for the elements is that function, and else one more element to be found. */
function* indexOfNamed(array: RhaiArray, text: string, start: number, context: NativeContext): Calls<Value> {
  const pointer = array.length === 0 ? undefined : namedFor(array, text, context)
  if (pointer !== undefined) return yield* search("index_of", array, pointer, start, context)
  return array.findIndex((item, i) => i >= start && equals(item, text))
}

const namedFor = (array: RhaiArray, name: string, context: NativeContext): FnPtr | undefined => {
  try {
    const pointer = pointerFrom(name, context.callPosition())
    each(context, "index_of", pointer, array, 0)
    return pointer
  } catch (error) {
    if (error instanceof RhaiError) return undefined
    throw error
  }
}

export const arrayCallbacks = (natives: Natives): void => {
  const register = (name: string, mutates: boolean, run: Run, extra: string, byName: boolean): void => {
    for (const type of byName ? ["fn", "string"] : ["fn"])
      natives.calling(`${name}(array, ${type}${extra})`, mutates, ([array, pointer, ...rest], context) =>
        run(array as RhaiArray, pointerOf(pointer, context), rest, context)
      )
  }
  for (const [name, run] of Object.entries(simple)) register(name, name === "dedup", run, "", true)
  for (const [name, run] of Object.entries(searching)) {
    register(name, false, run, "", false)
    register(name, false, run, ", int", false)
  }
  for (const [name, run] of Object.entries(folding)) {
    register(name, false, run, "", true)
    register(name, false, run, ", any", true)
  }
  for (const [name, run] of Object.entries(changing))
    register(name, true, run, "", name !== "for_each" && name !== "order")
  register("sort_by", true, changing["sort"]!, "", false)
  register("order_by", true, changing["order"]!, "", false)
  natives
    .calling("index_of(array, string)", false, ([array, text], context) =>
      indexOfNamed(array as RhaiArray, text as string, 0, context)
    )
    .calling("index_of(array, string, int)", false, ([array, text, start], context) =>
      indexOfNamed(array as RhaiArray, text as string, startOf(array as RhaiArray, start), context)
    )
    .calling("dedup(array)", true, function* ([array]) {
      yield* dedup(array as RhaiArray, function* (x, y) {
        return tagOf(x) === tagOf(y) && safeEquals(x, y)
      })
      return undefined
    })
    .calling("zip(array, array, fn)", false, ([array, other, pointer], context) =>
      zip(array as RhaiArray, other as RhaiArray, pointer as FnPtr, context)
    )
}

const safeEquals = (x: Value, y: Value): boolean => {
  try {
    return equals(x, y)
  } catch {
    return false
  }
}
