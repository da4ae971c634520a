/** Literals, names, calls, groups, closures: everything an operator can stand between. */
import { type Expression, type FunctionDefinition, startOf, type Statement } from "./Ast.ts"
import { LiteralParser } from "./LiteralParser.ts"
import { declare } from "./ParserState.ts"
import type { Position } from "./Position.ts"
import { parseError } from "./RhaiError.ts"
import * as T from "./Token.ts"

const noNames: ReadonlyArray<never> = []

/** Calls of these see the names around them. */
const scopeReaders: ReadonlySet<string> = new Set(["is_def_var", "eval"])

export abstract class PrimaryParser extends LiteralParser {
  private closures = 0

  protected abstract block(level: number): Statement
  protected abstract postfix(root: Expression, level: number): Expression

  protected primary(level: number): Expression {
    const position = this.position
    if (this.noPipe && this.is("|")) throw parseError("Unexpected '|'", position)
    const root = this.root(level, position)
    if (this.noPipe && this.is("|")) return root
    return this.postfix(root, level)
  }

  private root(level: number, position: Position): Expression {
    const { kind } = this
    const value = this.lexer.value
    switch (kind) {
      case T.EOF:
        throw parseError("Script is incomplete", position)
      case T.LEX_ERROR:
        throw this.lexError()
      case T.INTEGER:
        this.advance()
        return { t: "int", value: value as number | bigint, position }
      case T.FLOAT:
        this.advance()
        return { t: "float", value: value as number, position }
      case T.STRING:
        this.advance()
        return { t: "string", value: value as string, position }
      case T.CHARACTER:
        this.advance()
        return { t: "char", value: value as string, position }
      case "true":
      case "false":
        this.advance()
        return { t: "bool", value: kind === "true", position }
      case T.UNIT:
        this.advance()
        return { t: "unit", position }
      case "..":
      case "..=":
        // A range without a start begins at 0
        return { t: "int", value: 0, position }
      case T.IDENTIFIER:
        return this.name(position)
      case T.RESERVED:
        return this.reservedName(position)
      case "(":
        return this.group(level)
      case "[":
        return this.array(this.deeper(level, position))
      case "#{":
        return this.map(this.deeper(level, position))
      case T.INTERPOLATED:
        return this.interpolated(level, position)
      case "{":
        return this.asExpression(this.block(this.deeper(level, position)), position)
      case "if":
      case "while":
      case "loop":
      case "do":
      case "for":
      case "switch":
        return this.asExpression(this.statement(level), position)
      case "|":
      case "||":
        return this.closure(level, position)
      default:
        throw parseError(`Unexpected '${this.tokenText()}'`, position)
    }
  }

  private group(level: number): Expression {
    const position = this.advance()
    const inner = this.expression(this.deeper(level, position))
    this.expect(")", "for a matching ( in this expression")
    return inner
  }

  private name(position: Position): Expression {
    const name = this.word
    this.advance()
    const called = this.is("(") || this.is(T.UNIT) || this.is("!") || this.is("::")
    const declaration = called ? undefined : this.access(name, position)
    return { t: "var", name, declaration, path: noNames, pathPosition: position, position }
  }

  private reservedName(position: Position): Expression {
    const word = this.word
    this.advance()
    const called = this.is("(") || this.is(T.UNIT) || this.is("!")
    if (called && T.reserved.get(word) !== "never")
      return { t: "var", name: word, declaration: undefined, path: noNames, pathPosition: position, position }
    if (word !== "this") throw this.reservedError(word, position)
    if (!this.flags.inFunction) throw parseError("'this' can only be used in functions", position)
    return { t: "this", position }
  }

  /** A call whose opening sign is the current token. */
  protected call(
    name: string,
    path: ReadonlyArray<string>,
    capture: boolean,
    level: number,
    position: Position,
    pathPosition: Position
  ): Expression {
    const args = this.args(name, level, position)
    const visible = capture || scopeReaders.has(name) ? [...this.scope.stack] : noNames
    return { t: "call", name, path, pathPosition, args, capture, operator: undefined, visible, position }
  }

  protected args(name: string, level: number, position: Position): ReadonlyArray<Expression> {
    if (this.accept(T.UNIT)) return noNames
    this.advance()
    if (this.is(T.EOF))
      throw this.expected(")", `to close the arguments list of this function call '${name}'`)
    if (this.is(T.LEX_ERROR)) throw this.lexError()
    if (this.accept(")")) return noNames
    const inner = this.deeper(level, position)
    const args: Array<Expression> = []
    for (;;) {
      if (!this.is(")")) args.push(this.expression(inner))
      if (this.accept(")")) return args
      if (this.accept(",")) continue
      if (this.is(T.EOF))
        throw this.expected(")", `to close the arguments list of this function call '${name}'`)
      throw this.expected(",", `to separate the arguments to function call '${name}'`)
    }
  }

  private closure(level: number, position: Position): Expression {
    if (this.functions.size >= this.options.maxFunctions)
      throw parseError("Number of functions defined exceeds maximum limit", position)
    const outer = this.scope
    const externals: Array<{ name: string; position: Position; declaration: ReturnType<typeof declare> }> = []
    this.scope = { stack: [], frame: 0, externals }
    const parameters = this.closureParameters()
    const change = { global: false, breakable: false, inFunction: true }
    const body = this.flagged(change, () => this.statement(this.deeper(level, position)))
    this.scope = outer
    const captures = externals.map((external) => {
      const declaration = this.access(external.name, external.position)
      if (declaration !== undefined) declaration.captured = true
      return { name: external.name, declaration, position: external.position }
    })
    const fn: FunctionDefinition = {
      name: `anon$${(this.closures++).toString(16).padStart(16, "0")}`,
      isPrivate: false,
      anonymous: true,
      thisType: undefined,
      parameters: [...externals.map((external) => external.declaration), ...parameters],
      body,
      comments: noNames,
      position
    }
    this.functions.set(`${fn.name}/${fn.parameters.length}`, fn)
    return { t: "closure", fn, captures, position }
  }

  private closureParameters(): Array<ReturnType<typeof declare>> {
    const parameters: Array<ReturnType<typeof declare>> = []
    if (this.accept("||")) return parameters
    this.advance()
    if (this.accept("|")) return parameters
    for (;;) {
      if (this.accept("|")) return parameters
      this.parameter(parameters, "", "|", "to close the parameters list of anonymous function or closure")
      if (this.accept("|")) return parameters
      if (!this.accept(",")) throw this.expected(",", "to separate the parameters of anonymous function")
    }
  }

  /** One parameter of a function or closure, added to the list and to the scope. */
  protected parameter(
    parameters: Array<ReturnType<typeof declare>>,
    fnName: string,
    close: string,
    why: string
  ): void {
    const { kind, position } = this
    if (kind === T.IDENTIFIER) {
      const name = this.word
      if (parameters.some((parameter) => parameter.name === name))
        throw parseError(`Duplicated parameter ${name} for function ${fnName}`, position)
      const declaration = declare(name)
      parameters.push(declaration)
      this.scope.stack.push(declaration)
      this.advance()
      return
    }
    if (kind === T.RESERVED) throw parseError(reservedText(this.word), position)
    if (T.keywords.has(kind) && kind !== "_" && kind !== "switch")
      throw parseError("Expecting name of a variable", position)
    throw this.expected(close, why)
  }

  protected requireBoolean(expression: Expression): Expression {
    const found = notBoolean(expression)
    if (found === undefined) return expression
    throw parseError(`Expecting a boolean expression, not ${found}`, startOf(expression))
  }
}

const reservedText = (word: string): string =>
  `'${word}' is a reserved ${T.isValidIdentifier(word) ? "keyword" : "symbol"}`

const kindNames: Readonly<Record<string, string>> = {
  unit: "()",
  int: "a number",
  float: "a floating-point number",
  char: "a character",
  string: "a string",
  interpolated: "a string",
  array: "an array",
  map: "an object map"
}

const notBoolean = (expression: Expression): string | undefined => {
  if (expression.t === "closure" && expression.captures.length === 0) return "Fn"
  return kindNames[expression.t]
}

/** What an iterable certainly is not. */
export const notIterable = (expression: Expression): string | undefined =>
  expression.t === "bool"
    ? "a boolean"
    : expression.t === "string" || expression.t === "interpolated" || expression.t === "array"
      ? undefined
      : kindNames[expression.t]
