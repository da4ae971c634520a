/** Comparisons of two numbers, by instruction. */
import { Op } from "../language/Code.ts"

/** In the order of their instructions. */
export const comparisons: ReadonlyArray<string> = ["<", "<=", ">", ">=", "==", "!="]
export const FIRST_COMPARISON = Op.LT

export const compared = (op: number, x: number, y: number): boolean => {
  switch (op) {
    case Op.LE:
      return x <= y
    case Op.GT:
      return x > y
    case Op.GE:
      return x >= y
    case Op.EQ:
      return x === y
    default:
      return x !== y
  }
}
