/** Arrays, object maps and interpolated strings. */
import type { Expression, Statement } from "./Ast.ts"
import { ParserState } from "./ParserState.ts"
import type { Position } from "./Position.ts"
import { parseError } from "./RhaiError.ts"
import * as T from "./Token.ts"

export abstract class LiteralParser extends ParserState {
  abstract expression(level: number): Expression

  protected asExpression(statement: Statement, position: Position): Expression {
    return { t: "statement", statement, position }
  }

  protected array(level: number): Expression {
    const position = this.advance()
    const items: Array<Expression> = []
    const { maxArray } = this.options
    for (;;) {
      if (maxArray > 0 && items.length >= maxArray)
        throw parseError(`Size of array literal exceeds the maximum limit (${maxArray})`, this.position)
      if (this.accept("]")) break
      if (this.is(T.EOF)) throw this.expected("]", "to end this array literal")
      items.push(this.expression(this.deeper(level, position)))
      if (this.accept(",") || this.is("]")) continue
      if (this.is(T.EOF)) throw this.expected("]", "to end this array literal")
      throw this.expected(",", "to separate the items of this array literal")
    }
    return { t: "array", items, position }
  }

  protected map(level: number): Expression {
    const position = this.advance()
    const entries: Array<readonly [string, Expression]> = []
    const names = new Set<string>()
    const { maxMap } = this.options
    while (!this.accept("}")) {
      if (this.is(T.EOF)) throw this.expected("}", "to end this object map literal")
      const name = this.propertyName(names)
      if (!this.is(":"))
        throw this.expected(":", `to follow the property '${name}' in this object map literal`)
      this.advance()
      if (maxMap > 0 && entries.length >= maxMap)
        throw parseError(
          `Number of properties in object map literal exceeds the maximum limit (${maxMap})`,
          this.position
        )
      entries.push([name, this.expression(this.deeper(level, position))])
      if (this.accept(",") || this.is("}")) continue
      if (this.is(T.IDENTIFIER)) throw this.expected(",", "to separate the items of this object map literal")
      throw this.expected("}", "to end this object map literal")
    }
    return { t: "map", entries, position }
  }

  private propertyName(names: Set<string>): string {
    const { kind, position } = this
    if (kind === T.IDENTIFIER || kind === T.STRING) {
      const name = this.word
      if (names.has(name)) throw parseError(`Duplicated property for object map literal: ${name}`, position)
      names.add(name)
      this.advance()
      return name
    }
    if (kind === T.INTERPOLATED) throw parseError("Expecting name of a property", position)
    if (kind === T.RESERVED && T.isValidIdentifier(this.word)) throw this.reservedError(this.word, position)
    if (names.size === 0) throw this.expected("}", "to end this object map literal")
    throw this.error("Expecting name of a property")
  }

  protected interpolated(level: number, position: Position): Expression {
    const inner = this.deeper(level, position)
    const parts: Array<Expression> = []
    const text = (): void => {
      if (this.word !== "") parts.push({ t: "string", value: this.word, position: this.position })
    }
    text()
    this.advance()
    for (;;) {
      const start = this.position
      parts.push(this.asExpression(this.interpolatedBlock(inner), start))
      // `interpolatedBlock` leaves the text after the closing brace as the current token
      if (this.is(T.LEX_ERROR)) throw this.lexError()
      text()
      const more = this.is(T.INTERPOLATED)
      this.advance()
      if (!more) break
    }
    return { t: "interpolated", parts, position }
  }

  protected abstract interpolatedBlock(level: number): Statement
}
