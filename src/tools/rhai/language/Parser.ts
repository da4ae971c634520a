/** Statements and whole scripts. `parse` is the door; the rest of the grammar is in the classes below this one. */
import type { Declaration, Expression, FunctionDefinition, Program, Statement, SwitchCase } from "./Ast.ts"
import { startOf } from "./Ast.ts"
import { endsItself, StatementParser } from "./StatementParser.ts"
import { declare, type ParserOptions } from "./ParserState.ts"
import { parseError, RhaiError } from "./RhaiError.ts"
import { isLiteral } from "./literals.ts"
import type { Position } from "./Position.ts"
import * as T from "./Token.ts"

class Parser extends StatementParser {
  program(globals: ReadonlyArray<Declaration>): Program {
    const body: Array<Statement> = []
    while (!this.is(T.EOF)) {
      const statement = this.statement(0)
      if (statement.t === "noop") continue
      body.push(statement)
      if (this.is(T.EOF)) break
      if (endsItself(statement)) continue
      if (!this.accept(";")) throw this.expected(";", "to terminate this statement")
    }
    return { body, functions: [...this.functions.values()], globals }
  }

  protected override function(position: Position): Statement {
    const isPrivate = this.accept("private")
    if (!this.is("fn")) throw parseError("Expecting 'fn' following 'private'", this.position)
    if (!this.flags.global) throw parseError(misplacedFunction, position)
    const start = this.position
    if (this.functions.size >= this.options.maxFunctions)
      throw parseError("Number of functions defined exceeds maximum limit", start)
    this.advance()
    const outer = this.scope
    this.scope = { stack: [], frame: 0, externals: undefined }
    const change = {
      global: false,
      breakable: false,
      inFunction: true,
      maxDepth: this.options.maxFunctionDepth
    }
    const fn = this.flagged(change, () => this.definition(isPrivate, start))
    this.scope = outer
    const key = `${fn.thisType === undefined ? "" : `${fn.thisType}.`}${fn.name}/${fn.parameters.length}`
    if (this.functions.has(key)) throw parseError(duplicateFunction(fn), start)
    this.functions.set(key, fn)
    return { t: "noop", position: start }
  }

  private definition(isPrivate: boolean, position: Position): FunctionDefinition {
    const level = this.deeper(0, position)
    const thisType = this.thisType()
    const namePosition = this.position
    if (this.is(T.RESERVED)) throw this.reservedError(this.word, namePosition)
    if (!this.is(T.IDENTIFIER))
      throw parseError("Expecting function name in function declaration", namePosition)
    const name = this.word
    this.advance()
    const parameters = this.parameters(name)
    if (!this.is("{")) throw parseError(`Expecting body statement block for function ${name}`, this.position)
    const body = this.block(level)
    return { name, isPrivate, anonymous: false, thisType, parameters, body, comments: [], position }
  }

  private thisType(): string | undefined {
    if (!this.is(T.STRING) && !this.is(T.IDENTIFIER)) return undefined
    const quoted = this.is(T.STRING)
    const at = this.lexer.at
    if (!quoted && !/^\s*\./.test(this.lexer.text.slice(at, at + 64))) return undefined
    const type = this.word
    this.advance()
    if (!this.accept(".")) throw parseError("Expecting '.' after the type name for 'this'", this.position)
    return type === "int" ? "i64" : type === "float" ? "f64" : type
  }

  private parameters(name: string): Array<Declaration> {
    const parameters: Array<Declaration> = []
    if (this.accept(T.UNIT)) return parameters
    if (!this.accept("(")) throw parseError(`Expecting parameters for function ${name}`, this.position)
    for (;;) {
      if (this.accept(")")) return parameters
      this.parameter(parameters, name, ")", `to close the parameters list of function '${name}'`)
      if (this.accept(")")) return parameters
      if (!this.accept(",")) throw this.expected(",", `to separate the parameters of function '${name}'`)
    }
  }

  protected override switch(outer: number): Statement {
    const position = this.advance()
    const level = this.deeper(outer, position)
    const subject = this.expression(level)
    if (!this.accept("{")) throw this.expected("{", "to start a switch block")
    const cases: Array<SwitchCase> = []
    let defaultPosition: Position | undefined
    let ranges = false
    while (!this.accept("}")) {
      if (this.is(T.EOF)) throw this.expected("}", "to end this switch block")
      if (defaultPosition !== undefined)
        throw parseError("Default switch case must be the last", defaultPosition)
      if (this.is("_")) {
        defaultPosition = this.advance()
        if (this.is("if")) throw parseError("This switch case cannot have a condition", this.position)
        const body = this.caseBody(level)
        cases.push({ values: [], condition: undefined, body })
        this.caseEnd(body)
        continue
      }
      const values = this.caseValues(level)
      const condition = this.accept("if") ? this.condition(level) : undefined
      const body = this.caseBody(level)
      for (const value of values) {
        if (!isLiteral(value)) throw parseError("Expecting a literal expression", startOf(value))
        const isRange = value.t === "binary"
        if (!isRange && ranges && (value.t === "int" || value.t === "float"))
          throw parseError("Numeric switch case cannot follow a range case", startOf(value))
        if (isRange && !isEmptyRange(value)) ranges = true
      }
      cases.push({ values, condition, body })
      this.caseEnd(body)
    }
    return { t: "switch", subject, cases, position }
  }

  private caseValues(level: number): Array<Expression> {
    const values: Array<Expression> = []
    const outer = this.noPipe
    do {
      this.noPipe = true
      try {
        values.push(this.expression(level))
      } catch (error) {
        if (error instanceof RhaiError) throw parseError("Expecting literal expression", error.position)
        throw error
      } finally {
        this.noPipe = outer
      }
    } while (this.accept("|"))
    return values
  }

  private caseBody(level: number): Statement {
    if (!this.accept("=>")) throw this.expected("=>", "in this switch case")
    return this.scoped(() => this.flagged({ global: this.flags.global }, () => this.statement(level)))
  }

  private caseEnd(body: Statement): void {
    if (this.accept(",") || this.is("}")) return
    if (this.is(T.EOF)) throw this.expected(")", "to end this switch block")
    if (this.is(T.LEX_ERROR)) throw this.lexError()
    if (!endsItself(body)) throw this.expected(",", "to separate the items in this switch block")
  }
}

const isEmptyRange = (value: Expression): boolean => {
  if (value.t !== "binary" || value.left.t !== "int" || value.right.t !== "int") return false
  return value.op === ".." ? value.left.value >= value.right.value : value.left.value > value.right.value
}

const misplacedFunction =
  "Function definitions must be at global level and cannot be inside a block or another function"

const duplicateFunction = (fn: FunctionDefinition): string => {
  const count = fn.parameters.length
  const what = count === 0 ? "no parameters" : count === 1 ? "1 parameter" : `${count} parameters`
  return `Function ${fn.name} with ${what} already exists`
}

/** Reads a script. `globals` are the names the host has put in scope. Throws a RhaiError where it makes no sense. */
export const parse = (text: string, options: ParserOptions, globals: ReadonlyArray<string> = []): Program => {
  const declarations = globals.map((name) => declare(name))
  return new Parser(text, options, declarations).program(declarations)
}
