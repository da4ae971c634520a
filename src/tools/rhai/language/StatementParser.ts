/** Statements other than functions and `switch`. */
import type { Expression, Statement } from "./Ast.ts"
import { startOf } from "./Ast.ts"
import { ExpressionParser } from "./ExpressionParser.ts"
import { declare } from "./ParserState.ts"
import { notIterable } from "./PrimaryParser.ts"
import type { Position } from "./Position.ts"
import { parseError, RhaiError } from "./RhaiError.ts"
import * as T from "./Token.ts"

export abstract class StatementParser extends ExpressionParser {
  protected abstract function(position: Position): Statement
  protected abstract switch(level: number): Statement

  protected statement(level: number): Statement {
    const { kind, position } = this
    switch (kind) {
      case T.EOF:
        return { t: "noop", position }
      case ";":
        this.advance()
        return { t: "noop", position }
      case "{":
        return this.block(this.deeper(level, position))
      case "fn":
      case "private":
        return this.function(position)
      case "if":
        return this.if(this.deeper(level, position))
      case "switch":
        return this.switch(this.deeper(level, position))
      case "while":
      case "loop":
        return this.while(this.deeper(level, position))
      case "do":
        return this.do(this.deeper(level, position))
      case "for":
        return this.for(this.deeper(level, position))
      case "continue":
      case "break":
        return this.jump(level)
      case "return":
      case "throw":
        this.advance()
        return { t: kind, value: this.optionalExpression(this.deeper(level, position)), position }
      case "try":
        return this.try(this.deeper(level, position))
      case "let":
      case "const":
        return this.let(this.deeper(level, position), position, false)
      case "import":
        return this.import(this.deeper(level, position))
      case "export":
        return this.export(level, position)
      default:
        return this.expressionStatement(this.deeper(level, position))
    }
  }

  protected block(level: number): Statement {
    const { body, position } = this.openBlock(level)
    this.advance()
    return { t: "block", body, position }
  }

  protected interpolatedBlock(level: number): Statement {
    const { body, position } = this.openBlock(level)
    this.lexer.nextText()
    return { t: "block", body, position }
  }

  /** A block up to its closing brace, which stays the current token. */
  private openBlock(outer: number): { body: ReadonlyArray<Statement>; position: Position } {
    const position = this.position
    if (!this.is("{")) throw this.expected("{", "to start a statement block")
    this.advance()
    const level = this.deeper(outer, position)
    const body = this.flagged({ global: false }, () => this.scoped(() => this.statements(level)))
    return { body, position }
  }

  private statements(level: number): Array<Statement> {
    const body: Array<Statement> = []
    while (!this.is("}")) {
      if (this.is(T.EOF)) throw this.expected("}", "to terminate this block")
      const statement = this.statement(level)
      if (statement.t === "noop") continue
      body.push(statement)
      if (this.is("}")) break
      if (this.accept(";") || endsItself(statement)) continue
      throw this.expected(";", "to terminate this statement")
    }
    return body
  }

  protected condition(level: number): Expression {
    if (this.is("{")) throw parseError("Expecting a boolean expression", this.position)
    const condition = this.requireBoolean(this.expression(level))
    if (this.is("=")) throw parseError("Possibly a typo of '=='?", this.position)
    return condition
  }

  private if(outer: number): Statement {
    const position = this.advance()
    const level = this.deeper(outer, position)
    const condition = this.condition(level)
    const then = this.block(level)
    let otherwise: Statement | undefined
    if (this.accept("else")) otherwise = this.is("if") ? this.if(level) : this.block(level)
    return { t: "if", condition, then, otherwise, position }
  }

  private while(outer: number): Statement {
    const level = this.deeper(outer, this.position)
    const isLoop = this.is("loop")
    const position = this.advance()
    const condition = isLoop ? undefined : this.condition(level)
    const body = this.flagged({ breakable: true }, () => this.block(level))
    return { t: "while", condition, body, position }
  }

  private do(outer: number): Statement {
    const position = this.advance()
    const level = this.deeper(outer, position)
    const body = this.flagged({ breakable: true }, () => this.block(level))
    const until = this.is("until")
    if (!until && !this.is("while")) throw parseError("Expecting 'while' for the do statement", this.position)
    this.advance()
    return { t: "do", condition: this.condition(level), until, body, position }
  }

  private for(outer: number): Statement {
    const position = this.advance()
    const level = this.deeper(outer, position)
    const paired = this.accept("(")
    const first = this.variableName()
    let counterName: string | undefined
    if (paired) {
      if (!this.accept(","))
        throw parseError("Expecting ',' after the iteration variable name", this.position)
      const second = this.variableName()
      if (second.name === first.name)
        throw parseError(`Duplicated variable name: ${second.name}`, second.position)
      if (!this.accept(")")) throw parseError("Expecting ')' to close the iteration variable", this.position)
      counterName = second.name
    }
    if (!this.accept("in")) throw this.expected("in", "after the iteration variable")
    if (this.is("{")) throw parseError("Expecting a boolean expression", this.position)
    const iterable = this.expression(level)
    const wrong = notIterable(iterable)
    if (wrong !== undefined) throw parseError(`Expecting an iterable value, not ${wrong}`, startOf(iterable))
    return this.scoped(() => {
      const counter = counterName === undefined ? undefined : declare(counterName)
      if (counter !== undefined) this.scope.stack.push(counter)
      const variable = declare(first.name)
      this.scope.stack.push(variable)
      const body = this.flagged({ breakable: true }, () => this.block(level))
      return { t: "for", variable, counter, iterable, body, namePosition: first.position, position }
    })
  }

  private jump(level: number): Statement {
    const isBreak = this.is("break")
    const position = this.position
    if (!this.flags.breakable) throw parseError("Break statement should only be used inside a loop", position)
    this.advance()
    if (!isBreak) return { t: "continue", position }
    return { t: "break", value: this.optionalExpression(this.deeper(level, position)), position }
  }

  /** What no expression can start with ends the statement; a mistake further on is a mistake. */
  private optionalExpression(level: number): Expression | undefined {
    const start = this.position
    try {
      return this.expression(level)
    } catch (error) {
      if (error instanceof RhaiError && this.position === start) return undefined
      throw error
    }
  }

  private try(outer: number): Statement {
    const position = this.advance()
    const level = this.deeper(outer, position)
    const body = this.block(level)
    if (!this.accept("catch")) throw parseError("Expecting 'catch' for the 'try' statement", this.position)
    return this.scoped(() => {
      let variable: ReturnType<typeof declare> | undefined
      if (this.accept("(")) {
        variable = declare(this.variableName().name)
        if (!this.accept(")")) throw parseError("Expecting ')' to enclose the catch variable", this.position)
        this.scope.stack.push(variable)
      }
      return { t: "try", body, variable, handler: this.block(level), position }
    })
  }

  private let(level: number, position: Position, exported: boolean): Statement {
    const isConst = this.is("const")
    this.advance()
    const { name } = this.variableName()
    const value = this.accept("=") ? this.expression(this.deeper(level, position)) : undefined
    const declaration = declare(name, isConst)
    this.scope.stack.push(declaration)
    return { t: "let", declaration, isConst, value, exported, global: this.flags.global, position }
  }

  private import(outer: number): Statement {
    const position = this.advance()
    const path = this.expression(this.deeper(outer, position))
    const alias = this.accept("as") ? this.variableName().name : ""
    return { t: "import", path, alias, position }
  }

  private export(level: number, position: Position): Statement {
    if (!this.flags.global) throw parseError("Export statement can only appear at global level", position)
    const inner = this.deeper(level, position)
    this.advance()
    if (this.is("let") || this.is("const")) return this.let(this.deeper(inner, position), this.position, true)
    const { name, position: namePosition } = this.variableName()
    const alias = this.accept("as") ? this.variableName().name : name
    return { t: "export", name, declaration: this.find(name), alias, position: namePosition }
  }

  private expressionStatement(level: number): Statement {
    const position = this.position
    const target = this.expression(level)
    const isAssignment = this.is("=")
    const op = isAssignment ? undefined : T.opAssignments.get(this.kind)
    if (!isAssignment && op === undefined) return { t: "expression", expression: target, position }
    const opPosition = this.advance()
    const value = this.expression(level)
    this.checkTarget(target, op !== undefined, opPosition)
    return { t: "assign", op, target, value, position: opPosition }
  }
}

/** Statements that end with their closing brace need no semicolon. */
export const endsItself = (statement: Statement): boolean =>
  statement.t === "if" ||
  statement.t === "switch" ||
  statement.t === "while" ||
  statement.t === "for" ||
  statement.t === "block" ||
  statement.t === "try"
