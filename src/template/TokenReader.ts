/** Walks over the tokens of one tag. */
import { stringify } from "../domain/Json.ts"
import { syntax } from "./Fault.ts"
import type { Token } from "./lexer.ts"

export class TokenReader {
  private position = 0
  private readonly tokens: ReadonlyArray<Token>
  /** Where the tag ends, for complaints about something that is missing. */
  private readonly end: number

  constructor(tokens: ReadonlyArray<Token>, end: number) {
    this.tokens = tokens
    this.end = end
  }

  get done(): boolean {
    return this.position >= this.tokens.length
  }

  /** Where the next token is. */
  get at(): number {
    return this.tokens[this.position]?.at ?? this.end
  }

  peek(ahead = 0): Token | undefined {
    return this.tokens[this.position + ahead]
  }

  next(): Token {
    const token = this.tokens[this.position]
    if (token === undefined) throw syntax("unexpected end of the expression", this.end)
    this.position++
    return token
  }

  /** Whether the next token is this operator. */
  is(operator: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token?.type === "operator" && token.text === operator
  }

  isName(name: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token?.type === "name" && token.text === name
  }

  /** Takes this operator if it is next. */
  take(operator: string): boolean {
    if (!this.is(operator)) return false
    this.position++
    return true
  }

  takeName(name: string): boolean {
    if (!this.isName(name)) return false
    this.position++
    return true
  }

  expect(operator: string): void {
    if (!this.take(operator)) throw this.unexpected(`'${operator}'`)
  }

  name(what: string): string {
    const token = this.peek()
    if (token?.type !== "name") throw this.unexpected(what)
    this.position++
    return token.text
  }

  finish(): void {
    if (!this.done) throw this.unexpected("the end of the tag")
  }

  unexpected(expected: string) {
    return syntax(`unexpected ${shown(this.peek())}, expected ${expected}`, this.at)
  }
}

const shown = (token: Token | undefined): string => {
  if (token === undefined) return "end of the tag"
  return token.type === "number" ? stringify(token.value) : `'${token.text.slice(0, 40)}'`
}
