/** The value of an expression made of literals alone. */
import type { Expression } from "./Ast.ts"
import { type FunctionCode, functionKey } from "./Code.ts"
import { toText } from "./Format.ts"
import { MAX } from "./Integer.ts"
import { charOf, Float, FnPtr, type Int, Range, type Value } from "./Value.ts"

export const literalValue = (e: Expression, functions: ReadonlyMap<string, FunctionCode>): Value => {
  switch (e.t) {
    case "bool":
    case "int":
    case "string":
      return e.value
    case "float":
      return new Float(e.value)
    case "char":
      return charOf(e.value)
    case "array":
      return e.items.map((item) => literalValue(item, functions))
    case "map":
      return new Map(e.entries.map(([key, value]) => [key, literalValue(value, functions)]))
    case "interpolated":
      return e.parts.map((part) => toText(literalValue(part, functions))).join("")
    case "binary":
      return new Range(bound(e.left, 0), bound(e.right, MAX), e.op === "..=")
    case "call":
      return new FnPtr(e.args[0]?.t === "string" ? e.args[0].value : "")
    case "closure":
      return new FnPtr(e.fn.name, [], functions.get(functionKey(e.fn.name, e.fn.parameters.length)))
    default:
      return undefined
  }
}

const bound = (e: Expression, open: Int): Int => (e.t === "int" ? e.value : open)
