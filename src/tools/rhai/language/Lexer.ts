/** Turns script text into tokens, one at a time, with positions counted in characters as Rhai counts them. */
import { NONE, type Position, positionOf } from "./Position.ts"
import { readNumber } from "./lexNumber.ts"
import { readRawString, readString, type StringShape } from "./lexString.ts"
import * as T from "./Token.ts"

/** A lexical mistake; `unterminated` ones end a back-tick string as well. */
export interface LexError {
  readonly message: string
  readonly kind: "unterminated" | "too-long" | "other"
}

export type TokenValue = string | number | bigint | LexError | undefined

const symbols: ReadonlyArray<string> = (
  "... ..= .. . **= ** *= *) * +=  ++ + -= -> -- - /= / ; , === == => = ::< :: := :; : <= <- <<= << <| < >= >>= >> > " +
  "!== != !. ! || |= |> | && &= & ^= ^ ~ %= % @ $ ?. ?? ?[ ? { } [ ] ( )"
)
  .split(/\s+/)
  .concat(["(*", "()"])
  .sort((a, b) => b.length - a.length)

const symbolsByFirst: ReadonlyMap<number, ReadonlyArray<string>> = Map.groupBy(symbols, (s) =>
  s.charCodeAt(0)
)

const plain: StringShape = { end: '"', verbatim: false, continuation: true, interpolation: false }
const charShape: StringShape = { end: "'", verbatim: false, continuation: false, interpolation: false }
const backtick: StringShape = { end: "`", verbatim: true, continuation: false, interpolation: true }

/** The token most recently read is in `kind`, `value` and `position`. */
export class Lexer {
  kind: string = T.EOF
  value: TokenValue = undefined
  position: Position = 0
  /** Index of the next code unit. */
  at = 0
  line = 1
  /** Where the line starts, less one for every surrogate pair on it, so that `at - origin` counts characters. */
  origin = 0
  private unaryNext = true
  readonly text: string
  readonly maxString: number
  private readonly disabled: ReadonlySet<string>

  constructor(text: string, maxString: number, disabled: ReadonlySet<string>) {
    this.text = text
    this.maxString = maxString
    this.disabled = disabled
  }

  /** The position of the character at `index`, which is on the current line. */
  here(index: number): Position {
    return positionOf(this.line, index - this.origin + 1)
  }

  newLine(next: number): void {
    this.line++
    this.origin = next
  }

  next(): void {
    this.value = undefined
    this.scan()
    if (this.kind === T.RESERVED) this.checkReserved(String(this.value))
    this.unaryNext = T.beforeUnary.has(this.kind)
  }

  /** Goes on with the back-tick string whose `${ … }` has just closed. */
  nextText(): void {
    this.value = undefined
    const start = this.at
    const shape = backtick
    // Rhai gives text that ends at once no place
    const doubled = this.text.startsWith("``", start)
    this.position = start >= this.text.length ? NONE : this.here(doubled ? start + 1 : start)
    readString(this, shape, this.position)
    this.unaryNext = T.beforeUnary.has(this.kind)
  }

  set(kind: string, value: TokenValue, position: Position): void {
    this.kind = kind
    this.value = value
    this.position = position
  }

  fail(message: string, position: Position, kind: LexError["kind"] = "other"): void {
    this.set(T.LEX_ERROR, { message, kind }, position)
  }

  private checkReserved(word: string): void {
    const hint = T.hintOf(word)
    if (hint !== undefined) return this.fail(hint, this.position)
    if (!this.disabled.has(word)) return
    const what = T.isValidIdentifier(word) ? "keyword" : "symbol"
    this.fail(`reserved ${what} '${word}' is disabled`, this.position)
  }

  private scan(): void {
    const text = this.text
    for (;;) {
      if (this.at >= text.length) return this.set(T.EOF, undefined, this.here(this.at))
      const code = text.charCodeAt(this.at)
      if (code === 10) {
        this.at++
        this.newLine(this.at)
      } else if (code === 32 || code === 9 || code === 13 || code === 12) {
        this.at++
      } else if (code === 47 && text.charCodeAt(this.at + 1) === 47) {
        this.skipLine()
      } else if (code === 47 && text.charCodeAt(this.at + 1) === 42) {
        this.skipBlock()
      } else {
        return this.token(code)
      }
    }
  }

  private token(code: number): void {
    const position = this.here(this.at)
    const next = this.text.charCodeAt(this.at + 1)
    if (T.isIdentifierStart(code)) return this.identifier(position)
    if (code >= 48 && code <= 57) return readNumber(this, position, false)
    if (code === 45 && next >= 48 && next <= 57 && this.unaryNext) {
      this.at++
      return readNumber(this, position, true)
    }
    if (code === 34) return readString(this, plain, position)
    if (code === 96) return this.backtickString(position)
    if (code === 39) return this.character(position, next)
    if (code === 35) return this.hash(position, next)
    this.symbol(code, position)
  }

  private identifier(position: Position): void {
    const text = this.text
    const start = this.at
    let end = start + 1
    while (T.isIdentifierPart(text.charCodeAt(end))) end++
    this.at = end
    const word = text.slice(start, end)
    if (T.keywords.has(word)) return this.set(word, word, position)
    if (T.reserved.has(word)) return this.set(T.RESERVED, word, position)
    if (!T.isValidIdentifier(word)) return this.fail(`Variable name is not proper: '${word}'`, position)
    this.set(T.IDENTIFIER, word, position)
  }

  private backtickString(position: Position): void {
    // A line end straight after the opening back-tick is not part of the text.
    const next = this.text.charCodeAt(this.at + 1)
    let skip = 1
    if (next === 13) skip = this.text.charCodeAt(this.at + 2) === 10 ? 3 : 2
    else if (next === 10) skip = 2
    this.at += skip
    if (skip > 1) this.newLine(this.at)
    readString(this, backtick, position, this.at)
  }

  private character(position: Position, next: number): void {
    if (next === 39) {
      this.at++
      return this.fail("Invalid character: ''", position)
    }
    readString(this, charShape, position)
    if (this.kind !== T.STRING) return
    const text = this.value as string
    const single = text.length === 1 || (text.length === 2 && text.codePointAt(0)! > 0xffff)
    if (single) this.set(T.CHARACTER, text, position)
    else this.fail(`Invalid character: '${text}'`, position)
  }

  private hash(position: Position, next: number): void {
    if (next === 34 || next === 35) return readRawString(this, position)
    if (next === 123) {
      this.at += 2
      return this.set("#{", "#{", position)
    }
    if (next === 32) {
      const brace = this.text.charCodeAt(this.at + 2) === 123
      this.at += brace ? 3 : 2
      return this.set(T.RESERVED, brace ? "# {" : "#", position)
    }
    this.at += 1
    this.set(T.RESERVED, next === 33 ? "#!" : "#", position)
  }

  private symbol(code: number, position: Position): void {
    if (
      code === 33 &&
      this.text.startsWith("in", this.at + 1) &&
      !T.isIdentifierPart(this.text.charCodeAt(this.at + 3))
    ) {
      this.at += 3
      return this.set("!in", "!in", position)
    }
    for (const symbol of symbolsByFirst.get(code) ?? []) {
      if (!this.text.startsWith(symbol, this.at)) continue
      this.at += symbol.length
      if (T.reserved.has(symbol)) return this.set(T.RESERVED, symbol, position)
      const unary = this.unaryNext && (symbol === "-" || symbol === "+")
      return this.set(unary ? (symbol === "-" ? T.UNARY_MINUS : T.UNARY_PLUS) : symbol, symbol, position)
    }
    const character = String.fromCodePoint(this.text.codePointAt(this.at)!)
    this.at += character.length
    this.origin += character.length - 1
    this.fail(`Unexpected '${character}'`, position)
  }

  private skipLine(): void {
    const text = this.text
    let i = this.at + 2
    while (i < text.length && text.charCodeAt(i) !== 10 && text.charCodeAt(i) !== 13) i++
    if (i >= text.length) {
      this.origin += pairs(text.slice(this.at, i))
      this.at = i
      return
    }
    this.at = text.charCodeAt(i) === 13 && text.charCodeAt(i + 1) === 10 ? i + 2 : i + 1
    this.newLine(this.at)
  }

  private skipBlock(): void {
    const text = this.text
    let depth = 1
    let i = this.at + 2
    while (i < text.length && depth > 0) {
      const code = text.charCodeAt(i)
      const next = text.charCodeAt(i + 1)
      i++
      if (code === 47 && next === 42) {
        depth++
        i++
      } else if (code === 42 && next === 47) {
        depth--
        i++
      } else if (code === 10) this.newLine(i)
      else if (code >= 0xd800 && code <= 0xdbff && i < text.length) this.origin++
    }
    this.at = i
  }
}

const pairs = (text: string): number => text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0
