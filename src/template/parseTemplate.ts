/** Source → template. */
import type { Expression, SetTarget, Statement, Template } from "./ast.ts"
import { syntax } from "./Fault.ts"
import { type Segment, segmentsOf, tokensOf } from "./lexer.ts"
import { parseExpression, parseUnconditional } from "./parseExpression.ts"
import { TokenReader } from "./TokenReader.ts"

/** Blocks in blocks. */
const maxNesting = 100

export const parseTemplate = (source: string): Template => {
  const segments = segmentsOf(source)
  const lone = loneExpression(segments)
  if (lone !== undefined) return { type: "Lone", expression: lone }
  const cursor: Cursor = { segments, position: 0, source }
  const body = statements(cursor, [], 0)
  return { type: "Text", body: body.statements }
}

/** A condition that is written without braces. */
export const parseBare = (source: string): Template => {
  const reader = new TokenReader(tokensOf(source), source.length)
  const expression = parseExpression(reader)
  reader.finish()
  return { type: "Lone", expression }
}

interface Cursor {
  readonly segments: ReadonlyArray<Segment>
  readonly source: string
  position: number
}

const loneExpression = (segments: ReadonlyArray<Segment>): Expression | undefined => {
  const rest = segments.filter((segment) => segment.type !== "text" || segment.text.trim() !== "")
  const [only] = rest
  if (rest.length !== 1 || only?.type !== "print") return undefined
  return printed(only)
}

const printed = (segment: Extract<Segment, { type: "print" | "block" }>): Expression => {
  const reader = new TokenReader(segment.tokens, segment.end - 2)
  const expression = parseExpression(reader)
  reader.finish()
  return expression
}

interface Body {
  readonly statements: ReadonlyArray<Statement>
  /** The tag that ended the body, after its first word. */
  readonly end: string | undefined
  readonly reader: TokenReader | undefined
}

/** Statements up to one of the words that may end them. */
const statements = (cursor: Cursor, ends: ReadonlyArray<string>, nesting: number, opened = 0): Body => {
  if (nesting > maxNesting) throw syntax(`blocks nested deeper than ${maxNesting}`, opened)
  const found: Array<Statement> = []
  while (cursor.position < cursor.segments.length) {
    const segment = cursor.segments[cursor.position++] as Segment
    if (segment.type === "text") found.push({ type: "Text", text: segment.text, at: segment.at })
    else if (segment.type === "print") {
      found.push({ type: "Output", value: printed(segment), at: segment.at })
    } else {
      const reader = new TokenReader(segment.tokens, segment.end - 2)
      const word = reader.name("a statement")
      if (ends.includes(word)) return { statements: found, end: word, reader }
      found.push(statement(cursor, word, reader, segment.at, nesting))
    }
  }
  if (ends.length > 0) throw syntax(`a block has no '${ends.at(-1)}'`, opened)
  return { statements: found, end: undefined, reader: undefined }
}

const statement = (
  cursor: Cursor,
  word: string,
  reader: TokenReader,
  at: number,
  nesting: number
): Statement => {
  switch (word) {
    case "if":
      return ifStatement(cursor, reader, at, nesting)
    case "for":
      return forStatement(cursor, reader, at, nesting)
    case "set":
      return setStatement(cursor, reader, at, nesting)
    default:
      throw syntax(
        /^(end|el)/.test(word) ? `unexpected '${word}'` : `the statement '${word}' is not supported`,
        at
      )
  }
}

const ifStatement = (cursor: Cursor, first: TokenReader, at: number, nesting: number): Statement => {
  const branches: Array<{ readonly test: Expression; readonly body: ReadonlyArray<Statement> }> = []
  let otherwise: ReadonlyArray<Statement> = []
  let reader = first
  for (;;) {
    const test = parseExpression(reader)
    reader.finish()
    const body = statements(cursor, ["elif", "else", "endif"], nesting + 1, at)
    branches.push({ test, body: body.statements })
    if (body.end === "else") otherwise = statements(cursor, ["endif"], nesting + 1, at).statements
    if (body.end !== "elif" || body.reader === undefined) return { type: "If", branches, otherwise, at }
    reader = body.reader
  }
}

const forStatement = (cursor: Cursor, reader: TokenReader, at: number, nesting: number): Statement => {
  const names = [reader.name("the name of the loop's variable")]
  while (reader.take(",")) names.push(reader.name("the name of the loop's variable"))
  if (!reader.takeName("in")) throw reader.unexpected("'in'")
  const items = parseUnconditional(reader)
  const filter = reader.takeName("if") ? parseExpression(reader) : undefined
  reader.finish()
  const body = statements(cursor, ["else", "endfor"], nesting + 1, at)
  const otherwise = body.end === "else" ? statements(cursor, ["endfor"], nesting + 1, at).statements : []
  return { type: "For", names, items, filter, body: body.statements, otherwise, at }
}

const setStatement = (cursor: Cursor, reader: TokenReader, at: number, nesting: number): Statement => {
  const target = setTarget(reader)
  if (reader.take("=")) {
    const value = parseExpression(reader)
    reader.finish()
    return { type: "Set", target, value, at }
  }
  reader.finish()
  return { type: "SetBlock", target, body: statements(cursor, ["endset"], nesting + 1, at).statements, at }
}

const setTarget = (reader: TokenReader): SetTarget => {
  const names = [reader.name("the name of a variable")]
  if (reader.take(".")) return { names, attribute: reader.name("the name of an attribute") }
  while (reader.take(",")) names.push(reader.name("the name of a variable"))
  return { names, attribute: undefined }
}
