import { columnOf, lineOf, NONE } from "../language/Position.ts"
import type { RhaiError } from "../language/RhaiError.ts"
import type { Value } from "../language/Value.ts"

/** What a catch block sees of an error: the thrown value, or a map that describes it. */
export const caughtValue = (error: RhaiError): Value => {
  if (error.kind === "ErrorRuntime") return error.thrown as Value
  const map = new Map<string, Value>()
  map.set("message", error.show(false))
  const position = error.outerPosition
  if (position !== NONE) {
    map.set("line", lineOf(position))
    map.set("position", columnOf(position))
  }
  const call = error.calls.at(-1)
  map.set("error", call === undefined ? error.kind : "ErrorInFunctionCall")
  if (call === undefined)
    for (const [key, value] of Object.entries(error.fields)) map.set(key, value as Value)
  else map.set("function", call.name).set("source", call.source)
  return map
}
