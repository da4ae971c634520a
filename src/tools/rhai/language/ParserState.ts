/** What every part of the parser shares: the current token, the names in scope, the nesting allowed. */
import type { Declaration, FunctionDefinition, Statement } from "./Ast.ts"
import { displayFloat } from "./Format.ts"
import { Lexer, type LexError } from "./Lexer.ts"
import type { Position } from "./Position.ts"
import { parseError, type RhaiError } from "./RhaiError.ts"
import * as T from "./Token.ts"

export interface ParserOptions {
  /** Nesting of expressions at the top level and inside functions; 0 is without limit. */
  readonly maxDepth: number
  readonly maxFunctionDepth: number
  readonly maxFunctions: number
  readonly maxString: number
  readonly maxArray: number
  readonly maxMap: number
  /** Words a script may not use, such as `eval`. */
  readonly disabled: ReadonlySet<string>
}

/** The names of one function, or of the top level. A function sees nothing outside itself. */
export interface NameScope {
  readonly stack: Array<Declaration>
  /** Where the innermost block begins. */
  frame: number
  /** In a closure: names it takes from outside, in the order they are met. */
  readonly externals:
    | Array<{ readonly name: string; readonly position: Position; readonly declaration: Declaration }>
    | undefined
}

export interface Flags {
  global: boolean
  breakable: boolean
  inFunction: boolean
  maxDepth: number
}

export const declare = (name: string, isConst = false): Declaration => ({
  name,
  isConst,
  captured: false,
  slot: -1
})

export abstract class ParserState {
  protected readonly lexer: Lexer
  protected readonly options: ParserOptions
  protected scope: NameScope
  protected flags: Flags
  /** While a switch case is read, `|` separates alternatives and is no operator. */
  protected noPipe = false
  readonly functions = new Map<string, FunctionDefinition>()

  constructor(text: string, options: ParserOptions, globals: ReadonlyArray<Declaration>) {
    this.options = options
    this.lexer = new Lexer(text, options.maxString, options.disabled)
    this.scope = { stack: [...globals], frame: 0, externals: undefined }
    this.flags = { global: true, breakable: false, inFunction: false, maxDepth: options.maxDepth }
    this.lexer.next()
  }

  protected abstract statement(level: number): Statement

  get kind(): string {
    return this.lexer.kind
  }

  /** A method, so that the compiler does not think the token stays what it was. */
  protected is(kind: string): boolean {
    return this.lexer.kind === kind
  }

  get position(): Position {
    return this.lexer.position
  }

  protected get word(): string {
    return this.lexer.value as string
  }

  protected advance(): Position {
    const position = this.lexer.position
    this.lexer.next()
    return position
  }

  protected accept(kind: string): boolean {
    if (this.lexer.kind !== kind) return false
    this.lexer.next()
    return true
  }

  protected lexError(position = this.position): RhaiError {
    const error = this.lexer.value as unknown as LexError
    if (error.kind !== "too-long") return parseError(error.message, position)
    return parseError(`Length of string exceeds the maximum limit (${this.options.maxString})`, position)
  }

  /** An error at the current token: the lexer's own if there is one, else this. */
  protected error(message: string, position = this.position): RhaiError {
    return this.is(T.LEX_ERROR) ? this.lexError() : parseError(message, position)
  }

  protected expected(token: string, why: string, position = this.position): RhaiError {
    return this.error(`Expecting '${token}' ${why}`, position)
  }

  protected expect(token: string, why: string): Position {
    if (!this.is(token)) throw this.expected(token, why)
    return this.advance()
  }

  protected deeper(level: number, position: Position): number {
    if (this.flags.maxDepth > 0 && level >= this.flags.maxDepth)
      throw parseError("Expression exceeds maximum complexity", position)
    return level + 1
  }

  protected reservedError(word: string, position: Position): RhaiError {
    const what = T.isValidIdentifier(word) ? "keyword" : "symbol"
    return parseError(`'${word}' is a reserved ${what}`, position)
  }

  protected tokenText(): string {
    const { kind, value } = this.lexer
    switch (kind) {
      case T.STRING:
        return `"${this.word}"`
      case T.INTERPOLATED:
        return "string"
      case T.EOF:
        return "{EOF}"
      case T.UNARY_MINUS:
        return "-"
      case T.UNARY_PLUS:
        return "+"
      case T.CHARACTER:
      case T.IDENTIFIER:
      case T.RESERVED:
        return this.word
      case T.INTEGER:
        return `${value as number | bigint}`
      case T.FLOAT:
        return displayFloat(value as number)
      default:
        return kind
    }
  }

  protected variableName(): { name: string; position: Position } {
    const position = this.position
    if (this.is(T.IDENTIFIER)) {
      const name = this.word
      this.advance()
      return { name, position }
    }
    if (this.is(T.RESERVED) && T.isValidIdentifier(this.word)) throw this.reservedError(this.word, position)
    throw this.error("Expecting name of a variable")
  }

  protected find(name: string): Declaration | undefined {
    const { stack } = this.scope
    for (let i = stack.length - 1; i >= 0; i--) if (stack[i]!.name === name) return stack[i]
    return undefined
  }

  /** Ties a name to its declaration; in a closure an unknown name is taken from outside. */
  protected access(name: string, position: Position): Declaration | undefined {
    const found = this.find(name)
    if (found !== undefined) return found
    const { externals } = this.scope
    if (externals === undefined || this.isFunctionName(name)) return undefined
    const known = externals.find((external) => external.name === name)
    if (known !== undefined) return known.declaration
    const declaration = declare(name)
    declaration.captured = true
    externals.push({ name, position, declaration })
    return declaration
  }

  private isFunctionName(name: string): boolean {
    for (const fn of this.functions.values()) if (fn.name === name) return true
    return false
  }

  /** Runs a part of the parser whose new names end with it. */
  protected scoped<A>(part: () => A): A {
    const { scope } = this
    const length = scope.stack.length
    const frame = scope.frame
    scope.frame = length
    const result = part()
    scope.stack.length = length
    scope.frame = frame
    return result
  }

  /** Runs a part of the parser under changed flags. */
  protected flagged<A>(change: Partial<Flags>, part: () => A): A {
    const outer = this.flags
    this.flags = { ...outer, ...change }
    const result = part()
    this.flags = outer
    return result
  }
}
