/** Object maps. */
import { jsonParts } from "../Json.ts"
import type { NativeContext, Natives } from "../machine/Natives.ts"
import { PropertyReference } from "../machine/Reference.ts"
import { copy, type FnPtr, type RhaiMap, type Value } from "../language/Value.ts"
import { keysInOrder } from "../language/writing.ts"
import { type Calls, callFor } from "./callbacks.ts"

const map = (value: Value): RhaiMap => value as RhaiMap

const mixin = (into: RhaiMap, other: RhaiMap): undefined => {
  for (const [key, value] of other) into.set(key, value)
  return undefined
}

/** Asks the function about every entry, in the order of the keys. */
function* each(
  name: string,
  entries: RhaiMap,
  pointer: FnPtr,
  context: NativeContext,
  found: (key: string, answer: Value) => void
): Calls<void> {
  for (const key of yield* keysInOrder(entries))
    found(
      key,
      yield callFor(context, name, pointer, new PropertyReference(entries, key, false), [key], [], 1)
    )
}

function* partition(
  name: string,
  entries: RhaiMap,
  pointer: FnPtr,
  takes: boolean,
  context: NativeContext
): Calls<RhaiMap> {
  const out = new Map<string, Value>()
  yield* each(name, entries, pointer, context, (key, answer) => {
    if ((answer === true) !== takes) return
    out.set(key, entries.get(key))
    entries.delete(key)
  })
  return out
}

export const maps = (natives: Natives): void => {
  natives
    .pure("len(map)", ([value]) => map(value).size, "constant")
    .pure("is_empty(map)", ([value]) => map(value).size === 0, "constant")
    .pure("contains(map, string)", ([value, key]) => map(value).has(key as string), "constant")
    .pure("get(map, string)", ([value, key]) => copy(map(value).get(key as string)), "constant")
    .method(
      "set(map, string, any)",
      ([value, key, item]) => void map(value).set(key as string, item),
      "constant"
    )
    .method("clear(map)", ([value]) => map(value).clear() as undefined)
    .method(
      "remove(map, string)",
      ([value, key]) => {
        const item = map(value).get(key as string)
        map(value).delete(key as string)
        return item
      },
      "constant"
    )
    .method("mixin(map, map)", ([value, other]) => mixin(map(value), map(other)))
    .method("fill_with(map, map)", ([value, other]) => {
      for (const [key, item] of map(other)) if (!map(value).has(key)) map(value).set(key, item)
      return undefined
    })
    .calling("keys(map)", false, function* ([value]) {
      return [...(yield* keysInOrder(map(value)))]
    })
    .calling("values(map)", false, function* ([value]) {
      return (yield* keysInOrder(map(value))).map((key) => copy(map(value).get(key)))
    })
    .calling("to_json(map)", false, ([value]) => jsonParts(value))
  callbacks(natives)
}

const callbacks = (natives: Natives): void => {
  natives
    .calling("map(map, fn)", false, function* ([value, pointer], context) {
      const result = new Map<string, Value>()
      // Rhai says "filter" here, too
      yield* each(
        "filter",
        map(value),
        pointer as FnPtr,
        context,
        (key, answer) => void result.set(key, answer)
      )
      return result
    })
    .calling("filter(map, fn)", false, function* ([value, pointer], context) {
      const result = new Map<string, Value>()
      yield* each("filter", map(value), pointer as FnPtr, context, (key, answer) => {
        if (answer === true) result.set(key, copy(map(value).get(key)))
      })
      return result
    })
    .calling("drain(map, fn)", true, ([value, pointer], context) =>
      partition("drain", map(value), pointer as FnPtr, true, context)
    )
    .calling("retain(map, fn)", true, ([value, pointer], context) =>
      partition("retain", map(value), pointer as FnPtr, false, context)
    )
}
