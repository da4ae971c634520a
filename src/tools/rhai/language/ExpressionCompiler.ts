/** Expressions: each leaves one value on the stack. */
import type { Call, Closure, Declaration, Expression, Statement, Variable } from "./Ast.ts"
import { startOf } from "./Ast.ts"
import { type FunctionCode, functionKey, type OpName, Target, type VisibleName } from "./Code.ts"
import { Emitter, label } from "./Emitter.ts"
import { isSimple } from "./isSimple.ts"
import type { Position } from "./Position.ts"
import { charOf, Float } from "./Value.ts"

const fastOps: Readonly<Record<string, OpName>> = {
  "+": "ADD",
  "-": "SUB",
  "*": "MUL",
  "/": "DIV",
  "%": "MOD",
  "<": "LT",
  "<=": "LE",
  ">": "GT",
  ">=": "GE",
  "==": "EQ",
  "!=": "NE"
}

export abstract class ExpressionCompiler extends Emitter {
  protected abstract readonly functions: ReadonlyMap<string, FunctionCode>

  protected abstract statement(statement: Statement, want: boolean): void
  protected abstract chain(chain: Extract<Expression, { t: "chain" }>): void
  protected abstract chainRaw(chain: Extract<Expression, { t: "chain" }>): void

  protected expression(e: Expression): void {
    switch (e.t) {
      case "unit":
        return this.push("UNIT", e.position)
      case "bool":
        return this.push(e.value ? "TRUE" : "FALSE", e.position)
      case "int":
        return this.integer(e.value, e.position)
      case "float":
        return this.push("CONST", e.position, this.constant(new Float(e.value)))
      case "char":
        return this.push("CONST", e.position, this.constant(charOf(e.value)))
      case "string":
        return this.push("CONST", e.position, this.text(e.value))
      case "var":
        return this.variable(e, false)
      case "this":
        return this.push("THIS", e.position)
      case "interpolated":
        this.all(e.parts)
        return this.gather("TEXT", e.parts.length, e.position)
      case "array":
        this.all(e.items)
        return this.gather("ARRAY", e.items.length, e.position)
      case "map":
        for (const [, value] of e.entries) this.expression(value)
        return this.gather("MAP", e.entries.length, e.position, this.constant(e.entries.map(([key]) => key)))
      case "unary":
        return this.unary(e.op, e.operand, e.position)
      case "binary":
        return this.binary(e)
      case "and":
      case "or":
        return this.logical(e.items, e.t === "and")
      case "coalesce":
        return this.coalesce(e.items)
      case "statement":
        return this.statement(e.statement, true)
      case "closure":
        return this.closure(e)
      case "chain":
        return this.chain(e)
      case "call":
        return this.call(e)
    }
  }

  protected push(op: OpName, position: Position, ...operands: ReadonlyArray<number>): void {
    this.emit(op, position, ...operands)
    this.grew(1)
  }

  protected all(expressions: ReadonlyArray<Expression>): void {
    for (const expression of expressions) this.expression(expression)
  }

  private gather(op: OpName, count: number, position: Position, ...operands: ReadonlyArray<number>): void {
    this.emit(op, position, count, ...operands)
    this.grew(1 - count)
  }

  private integer(value: number | bigint, position: Position): void {
    if (typeof value === "number" && Math.abs(value) < 2 ** 30) return this.push("INT", position, value)
    this.push("CONST", position, this.constant(value))
  }

  protected variable(e: Variable, raw: boolean): void {
    if (e.path.length > 0)
      return this.push("QUALIFIED", e.pathPosition, this.constant(e.path), this.text(e.name))
    const { declaration } = e
    if (declaration === undefined) return this.push("NAME", e.position, this.text(e.name))
    const op = declaration.captured ? (raw ? "LOAD_RAW_S" : "LOAD_S") : raw ? "LOAD_RAW" : "LOAD"
    this.push(op, e.position, declaration.slot)
  }

  /** A value that is only looked at, so a container need not be copied. */
  protected lent(e: Expression): void {
    if (e.t === "var") return this.variable(e, true)
    if (e.t === "this") return this.push("THIS_RAW", e.position)
    if (e.t === "chain") return this.chainRaw(e)
    this.expression(e)
  }

  private unary(op: string, operand: Expression, position: Position): void {
    this.lent(operand)
    if (op === "!") this.emit("NOT", position)
    else this.emit("UNARY", position, this.text(op))
  }

  private binary(e: Extract<Expression, { t: "binary" }>): void {
    if (isSimple(e.right)) this.lent(e.left)
    else this.expression(e.left)
    this.lent(e.right)
    const fast = fastOps[e.op]
    if (fast === undefined) this.emit("BINARY", e.position, this.text(e.op))
    else this.emit(fast, e.position)
    this.grew(-1)
  }

  private logical(items: ReadonlyArray<Expression>, isAnd: boolean): void {
    const decided = label()
    const end = label()
    for (const item of items) {
      this.lent(item)
      this.jump(isAnd ? "IF_FALSE" : "IF_TRUE", decided, item.position)
      this.grew(-1)
    }
    const position = items[0]!.position
    this.emit(isAnd ? "TRUE" : "FALSE", position)
    this.jump("JUMP", end, position)
    this.place(decided)
    this.emit(isAnd ? "FALSE" : "TRUE", position)
    this.place(end)
    this.grew(1)
  }

  private coalesce(items: ReadonlyArray<Expression>): void {
    const end = label()
    items.forEach((item, i) => {
      this.expression(item)
      if (i === items.length - 1) return
      this.jump("IF_SOME", end, item.position)
      this.grew(-1)
    })
    this.place(end)
  }

  private closure(e: Closure): void {
    const slots: Array<number> = []
    for (const capture of e.captures) {
      if (capture.declaration === undefined || capture.declaration.slot < 0) {
        this.emit("MISSING", capture.position, this.text(capture.name))
      } else {
        this.emit("SHARE", capture.position, capture.declaration.slot)
        slots.push(capture.declaration.slot)
      }
    }
    const code = this.functions.get(functionKey(e.fn.name, e.fn.parameters.length))
    this.push("CLOSURE", e.position, this.constant(code), slots.length, ...slots)
  }

  private call(e: Call): void {
    if (e.path.length > 0) return this.moduleCall(e)
    const { args, name, position } = e
    const first = args[0]
    if (e.operator === undefined && first !== undefined && this.special(e, first)) return
    const code = this.functions.get(functionKey(name, args.length))
    if (code !== undefined) return this.scriptCall(e, code)
    const target = first === undefined || e.capture ? undefined : this.borrowed(first)
    if (target === undefined) {
      this.inOrder(args, position)
      this.emit("CALL_NATIVE", position, this.text(name), args.length, Target.stack, 0)
      this.grew(1 - args.length)
    } else {
      this.all(args.slice(1))
      this.emit("CALL_NATIVE", position, this.text(name), args.length, target.kind, target.slot)
      this.grew(2 - args.length)
    }
  }

  /** A plain variable in first place is lent to native functions, so that they can change it. */
  protected borrowed(e: Expression): { kind: number; slot: number } | undefined {
    if (e.t === "this") return { kind: Target.self, slot: 0 }
    if (e.t !== "var" || e.declaration === undefined) return undefined
    const { captured, isConst, slot } = e.declaration
    return { kind: captured ? Target.shared : isConst ? Target.constant : Target.slot, slot }
  }

  /** Arguments from left to right, save that a variable in first place is read last. */
  private inOrder(args: ReadonlyArray<Expression>, position: Position): void {
    const [first, ...rest] = args
    const known = first?.t === "var" && first.declaration !== undefined
    if (first?.t !== "var" || rest.length === 0 || (known && rest.every(isSimple))) return this.all(args)
    this.push("UNIT", position)
    const slot = this.depth - 1
    this.all(rest)
    this.expression(first)
    this.emit("STORE", position, slot)
    this.grew(-1)
  }

  private scriptCall(e: Call, code: FunctionCode): void {
    const { args, position } = e
    this.inOrder(args, position)
    this.emit("CALL", position, this.constant(code), args.length, e.capture ? this.visible(e.visible) : -1)
    this.grew(1 - args.length)
  }

  protected visible(names: ReadonlyArray<Declaration>): number {
    const visible = names
      .filter(({ slot }) => slot >= 0)
      .map(({ captured, isConst, name, slot }): VisibleName => ({ name, slot, captured, isConst }))
    return this.constant(visible)
  }

  private moduleCall(e: Call): void {
    this.all(e.args)
    this.emitIndexed(
      "CALL_MODULE",
      e.position,
      e.pathPosition,
      this.constant(e.path),
      this.text(e.name),
      e.args.length
    )
    this.grew(1 - e.args.length)
  }

  /** Calls of the language itself. */
  private special(e: Call, first: Expression): boolean {
    const { args, name } = e
    const at = startOf(first)
    switch (name) {
      case "Fn":
        if (args.length !== 1) return false
        this.expression(first)
        this.emit("FN", at)
        return true
      case "curry":
        if (args.length < 2) return false
        this.curried(args)
        return true
      case "call":
        this.all(args)
        this.emitIndexed(
          "CALL_POINTER",
          e.position,
          at,
          args.length - 1,
          e.capture ? this.visible(e.visible) : -1
        )
        this.grew(1 - args.length)
        return true
      case "is_shared":
        if (args.length !== 1) return false
        this.isShared(first)
        return true
      case "is_def_var":
        if (args.length !== 1) return false
        this.expression(first)
        this.emit("IS_DEF_VAR", at, this.visible(e.visible))
        return true
      case "eval":
        if (args.length !== 1) return false
        this.expression(first)
        this.emit("EVAL", at, this.visible(e.visible))
        return true
      default:
        return false
    }
  }

  private curried(args: ReadonlyArray<Expression>): void {
    this.all(args)
    this.emit("CURRY", startOf(args[0]!), args.length - 1)
    this.grew(1 - args.length)
  }

  private isShared(e: Expression): void {
    if (e.t === "var" && e.declaration !== undefined)
      return this.push("IS_SHARED", e.position, e.declaration.slot)
    this.expression(e)
    this.emit("POP", e.position)
    this.grew(-1)
    this.push("FALSE", e.position)
  }
}
