/** Printing, types, reflection, `exit`: the functions every script has. */
import { debugParts, textParts } from "../language/Format.ts"
import { Exit } from "../machine/MachineNatives.ts"
import type { Natives } from "../machine/Natives.ts"
import { FnPtr, type Int, typeName, type Value } from "../language/Value.ts"
import { bitsOf, toIndex } from "../language/Integer.ts"
import type { FunctionCode } from "../language/Code.ts"
import { parseJsonParts } from "../Json.ts"
import type { Parts } from "../language/pause.ts"
import { NONE } from "../language/Position.ts"
import { RhaiError } from "../language/RhaiError.ts"

export const core = (natives: Natives): void => {
  natives
    .calling("print(any)", false, function* ([value], context) {
      return context.print(yield* textParts(value)) as undefined
    })
    .pure("print()", (_, context) => context.print("") as undefined)
    .calling("debug(any)", false, function* ([value], context) {
      return context.debug(yield* debugParts(value)) as undefined
    })
    .pure("debug()", (_, context) => context.debug("") as undefined)
    .calling("to_string(any)", false, ([value]) => textParts(value))
    .calling("to_debug(any)", false, ([value]) => debugParts(value))
    .pure("type_of(any)", ([value]) => typeName(value), "constant")
    .pure("is_def_fn(string, int)", ([name, arity], context) =>
      context.isDefined(name as string, toIndex(arity as Int))
    )
    .pure("is_def_fn(string, string, int)", ([type, name, arity], context) =>
      context.isDefined(name as string, toIndex(arity as Int), type as string)
    )
    .calling("parse_json(string)", false, ([text]) => json(text as string))
    .pure("exit(any)", ([value]) => {
      throw new Exit(value)
    })
    .pure("exit()", () => {
      throw new Exit(undefined)
    })
    .method("take(any)", ([value], context) => {
      context.self = undefined
      return value
    })
    .pure("to_hex(int)", ([value]) => bitsOf(value as Int).toString(16))
    .pure("to_octal(int)", ([value]) => bitsOf(value as Int).toString(8))
    .pure("to_binary(int)", ([value]) => bitsOf(value as Int).toString(2))
    .property("name", "fn", (pointer: FnPtr) => pointer.name)
    .property("is_anonymous", "fn", (pointer: FnPtr) => pointer.name.startsWith("anon$"))
    .pure("get_fn_metadata_list()", (_, context) => [...context.functions()].map(describe))
    .pure("get_fn_metadata_list(string)", ([name], context) =>
      [...context.functions()].filter((fn) => fn.name === name).map(describe)
    )
    .pure("get_fn_metadata_list(string, int)", ([name, arity], context) =>
      [...context.functions()].filter((fn) => fn.name === name && fn.arity === arity).map(describe)
    )
}

function* json(text: string): Parts<Value> {
  try {
    return yield* parseJsonParts(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new RhaiError("ErrorRuntime", `Runtime error: ${why}`, NONE, {}, why)
  }
}

const describe = (fn: FunctionCode): Value => {
  const map = new Map<string, Value>()
  map
    .set("name", fn.name)
    .set("access", fn.isPrivate ? "private" : "public")
    .set("is_anonymous", fn.anonymous)
  if (fn.thisType !== undefined) map.set("this_type", fn.thisType)
  return map.set("params", [...fn.parameterNames])
}
