/** Operators by precedence, and the chains of `.`, `[…]` and `(…)` that follow a value. */
import { type Chain, type Expression, isConstant, startOf, type Step } from "./Ast.ts"
import { PrimaryParser } from "./PrimaryParser.ts"
import type { Position } from "./Position.ts"
import { parseError } from "./RhaiError.ts"
import * as T from "./Token.ts"

const MIN = -(2n ** 63n)

/** After an open range (`1..`) one of these follows. */
const afterRange: ReadonlySet<string> = new Set(["]", ")", "}", ",", ";", "=>"])
const controlFlow: ReadonlySet<string> = new Set(["break", "continue", "return", "throw"])

export abstract class ExpressionParser extends PrimaryParser {
  expression(level: number): Expression {
    const inner = this.deeper(level, this.position)
    return this.binary(inner, 1, this.unary(inner))
  }

  private unary(level: number): Expression {
    const { kind, position } = this
    if (this.noPipe && kind === "|") throw parseError("Unexpected '|'", position)
    switch (kind) {
      case "-":
      case T.UNARY_MINUS:
        this.advance()
        return negated(this.unary(this.deeper(level, position)), position)
      case "+":
      case T.UNARY_PLUS: {
        this.advance()
        const operand = this.unary(this.deeper(level, position))
        return operand.t === "int" || operand.t === "float"
          ? operand
          : { t: "unary", op: "+", operand, position }
      }
      case "!":
        this.advance()
        return { t: "unary", op: "!", operand: this.unary(this.deeper(level, position)), position }
      case T.EOF:
        throw parseError("Script is incomplete", position)
      default:
        return this.primary(level)
    }
  }

  private precedence(): number {
    if (this.is(T.RESERVED) && !T.isValidIdentifier(this.word))
      throw parseError(`Unknown operator: '${this.word}'`, this.position)
    return T.precedenceOf(this.kind)
  }

  private binary(level: number, parent: number, left: Expression): Expression {
    let root = left
    let depth = level
    for (;;) {
      if (this.noPipe && this.is("|")) return root
      const precedence = this.precedence()
      const rightward = this.is("**")
      if (precedence < parent || (precedence === parent && !rightward)) return root
      const op = this.kind
      const position = this.advance()
      const start = this.operand(op, depth)
      const next = this.precedence()
      const right =
        precedence < next || (precedence === next && rightward)
          ? this.binary(this.deeper(depth, startOf(root)), precedence, start)
          : start
      depth = this.deeper(depth, startOf(root))
      root = this.combine(op, root, right, position)
    }
  }

  private operand(op: string, level: number): Expression {
    const { kind, position } = this
    if (op === "??" && controlFlow.has(kind))
      return { t: "statement", statement: this.statement(level), position }
    if ((op === ".." || op === "..=") && afterRange.has(kind)) return { t: "unit", position }
    return this.unary(level)
  }

  private combine(op: string, left: Expression, right: Expression, position: Position): Expression {
    switch (op) {
      case "&&":
      case "||":
        this.requireBoolean(left)
        this.requireBoolean(right)
        return row(op === "&&" ? "and" : "or", left, right, position)
      case "??":
        return row("coalesce", left, right, position)
      case "in":
      case "!in": {
        const call: Expression = {
          t: "call",
          name: "contains",
          path: [],
          pathPosition: position,
          args: [right, left],
          capture: false,
          operator: op,
          visible: [],
          position
        }
        return op === "in" ? call : { t: "unary", op: "!", operand: call, position }
      }
      default:
        return { t: "binary", op, left, right, position }
    }
  }

  /** Everything that may follow a value without a space in the grammar. */
  protected postfix(start: Expression, level: number): Expression {
    let lhs = start
    let depth = level
    for (;;) {
      const { kind, position } = this
      if (kind === "." || kind === "?.") {
        this.advance()
        depth = this.deeper(depth, position)
        lhs = extended(lhs, this.member(kind === "?.", position, depth), position)
      } else if (kind === "[" || kind === "?[") {
        this.advance()
        lhs = extended(lhs, this.index(lhs, kind === "?[", position, this.deeper(depth, position)), position)
      } else if (lhs.t === "var" && (kind === "(" || kind === T.UNIT)) {
        lhs = this.call(lhs.name, lhs.path, false, depth, lhs.position, lhs.pathPosition)
      } else if (lhs.t === "var" && kind === "!") {
        lhs = this.bangCall(lhs.name, lhs.path, lhs.position, depth)
      } else if (lhs.t === "var" && kind === "::") {
        this.advance()
        const { name, position: namePosition } = this.variableName()
        const pathPosition = lhs.path.length > 0 ? lhs.pathPosition : lhs.position
        lhs = {
          t: "var",
          name,
          declaration: undefined,
          path: [...lhs.path, lhs.name],
          pathPosition,
          position: namePosition
        }
      } else {
        return lhs
      }
    }
  }

  private bangCall(name: string, path: ReadonlyArray<string>, position: Position, level: number): Expression {
    const bang = this.advance()
    const opens = this.is("(") || this.is(T.UNIT)
    if (path.length > 0)
      throw parseError(opens ? "Unexpected '!'" : "'!' cannot be used to call module functions", bang)
    if (!opens) throw this.expected("(", "to start arguments list of function call")
    return this.call(name, path, true, level, position, position)
  }

  private member(maybe: boolean, dot: Position, level: number): Step {
    const { kind, position } = this
    const reservedMethod = kind === T.RESERVED && T.reserved.get(this.word) === "method"
    if (kind !== T.IDENTIFIER && !reservedMethod) {
      if (kind === T.RESERVED) throw this.reservedError(this.word, position)
      throw parseError("Expecting name of a property", position)
    }
    const name = this.word
    this.advance()
    if (this.is("(") || this.is(T.UNIT)) {
      const args = this.args(name, level, position)
      if (args.length === 0 && (name === "Fn" || name === "eval"))
        throw parseError(`'${name}' should not be called in method style. Try ${name}(...);`, position)
      return { t: "method", name, args, maybe, position, dot }
    }
    if (this.is("!")) {
      this.advance()
      if (!this.is("(") && !this.is(T.UNIT))
        throw this.expected("(", "to start arguments list of function call")
      this.args(name, level, position)
      throw parseError("method-call style does not support running within the caller's scope", position)
    }
    if (this.is("::")) throw parseError("Invalid symbol encountered: '::'", this.position)
    if (reservedMethod) throw this.reservedError(name, position)
    return { t: "prop", name, maybe, position, dot }
  }

  private index(lhs: Expression, maybe: boolean, dot: Position, level: number): Step {
    const index = this.expression(this.deeper(level, dot))
    const wrong = wrongIndex(lhs, index)
    if (wrong !== undefined) throw parseError(wrong, startOf(index))
    if (!this.is("]")) throw this.expected("]", "for a matching [ in this index expression")
    this.advance()
    return { t: "index", index, maybe, dot }
  }

  /** Why this expression cannot be assigned to. */
  protected checkTarget(target: Expression, isOpAssignment: boolean, position: Position): void {
    switch (target.t) {
      case "this":
        return
      case "var":
        if (target.declaration?.isConst !== true) return
        throw parseError(`Cannot assign to constant ${target.name}`, target.position)
      case "chain": {
        const method = target.steps.find((step) => step.t === "method")
        if (method !== undefined && method.t === "method")
          throw parseError("Expression cannot be assigned to", method.position)
        if (target.root.t === "var" || target.root.t === "this") return
        throw parseError("Expression cannot be assigned to", target.root.position)
      }
      case "and":
      case "or":
      case "coalesce":
        if (!isOpAssignment) throw parseError("Possibly a typo of '=='?", position)
        throw parseError("Expression cannot be assigned to", target.position)
      default:
        if (isConstant(target)) throw parseError("Cannot assign to a constant value", startOf(target))
        throw parseError("Expression cannot be assigned to", target.position)
    }
  }
}

const negated = (operand: Expression, position: Position): Expression => {
  if (operand.t === "float") return { t: "float", value: -operand.value, position }
  if (operand.t !== "int") return { t: "unary", op: "-", operand, position }
  const { value } = operand
  if (value === MIN) return { t: "float", value: 2 ** 63, position }
  return { t: "int", value: value === 0 ? 0 : -value, position }
}

const row = (
  t: "and" | "or" | "coalesce",
  left: Expression,
  right: Expression,
  position: Position
): Expression => {
  const before = left.t === t ? left.items : [left]
  const after = right.t === t ? right.items : [right]
  return { t, items: [...before, ...after], position: left.t === t ? left.position : position }
}

const extended = (lhs: Expression, step: Step, position: Position): Chain =>
  lhs.t === "chain"
    ? { t: "chain", root: lhs.root, steps: [...lhs.steps, step], position: lhs.position }
    : { t: "chain", root: lhs, steps: [step], position }

const indexKinds: Readonly<Record<string, readonly [string, string]>> = {
  int: ["a number", ""],
  string: ["", "a string"],
  interpolated: ["", "a string"],
  float: ["a float", "a float"],
  char: ["a character", "a character"],
  unit: ["()", "()"],
  and: ["a boolean", "a boolean"],
  or: ["a boolean", "a boolean"],
  bool: ["a boolean", "a boolean"]
}

/** Rhai refuses an index that can never fit a literal. */
const wrongIndex = (lhs: Expression, index: Expression): string | undefined => {
  const names = indexKinds[index.t]
  if (names === undefined) return undefined
  if (lhs.t === "map") return names[0] === "" ? undefined : `Object map expects string index, not ${names[0]}`
  if (lhs.t !== "int" && lhs.t !== "array" && lhs.t !== "string" && lhs.t !== "interpolated") return undefined
  if (names[1] === "") return undefined
  const wanted = names[1] === "a string" ? "numeric" : "integer"
  return `Array, string or bit-field expects ${wanted} index, not ${names[1]}`
}
