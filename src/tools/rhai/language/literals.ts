/** Expressions whose value is known when the script is read: what a switch case may be. */
import { type Expression, isConstant } from "./Ast.ts"

const isRangeEnd = (expression: Expression): boolean => expression.t === "int" || expression.t === "unit"

export const isLiteral = (expression: Expression): boolean => {
  if (isConstant(expression)) return true
  if (expression.t === "binary" && (expression.op === ".." || expression.op === "..="))
    return isRangeEnd(expression.left) && isRangeEnd(expression.right)
  if (expression.t === "closure") return expression.captures.length === 0
  return (
    expression.t === "call" &&
    expression.name === "Fn" &&
    expression.args.length === 1 &&
    expression.args[0]!.t === "string"
  )
}
