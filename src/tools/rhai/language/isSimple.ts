import type { Expression } from "./Ast.ts"

/** Evaluating it changes nothing, so a value lent before it is still the same after it. */
export const isSimple = (expression: Expression): boolean => {
  switch (expression.t) {
    case "unit":
    case "bool":
    case "int":
    case "float":
    case "char":
    case "string":
    case "var":
    case "this":
      return true
    case "unary":
      return isSimple(expression.operand)
    case "binary":
      return isSimple(expression.left) && isSimple(expression.right)
    case "chain":
      return (
        isSimple(expression.root) &&
        expression.steps.every((step) => step.t === "prop" || (step.t === "index" && isSimple(step.index)))
      )
    default:
      return false
  }
}
