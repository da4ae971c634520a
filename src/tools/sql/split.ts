/**
 * A block of SQL as its statements.
 *
 * Semicolons inside strings, names, dollar quotes, comments, parentheses (CREATE RULE) and the bodies of SQL functions
 * (BEGIN ATOMIC … END) do not end a statement.
 */
import { tokenAt } from "./tokens.ts"

export interface Statement {
  /** Without the semicolon; comments are kept. */
  readonly text: string
  /** Where `text` begins in the block. */
  readonly offset: number
  /** The first words that are no comments, in upper case. */
  readonly words: ReadonlyArray<string>
}

export const split = (block: string): ReadonlyArray<Statement> => {
  const statements: Array<Statement> = []
  let open = opened(0)
  for (let at = 0; at < block.length;) {
    const { end, kind } = tokenAt(block, at)
    if (kind === "symbol" && block[at] === ";" && open.parentheses <= 0 && open.bodies === 0) {
      add(statements, block, open, at)
      open = opened(end)
    } else if (kind === "symbol") {
      open.parentheses += block[at] === "(" ? 1 : block[at] === ")" ? -1 : 0
      open.code = true
    } else if (kind === "word") word(open, block.slice(at, end).toUpperCase())
    else if (kind !== "space" && kind !== "comment") open.code = true
    at = end
  }
  add(statements, block, open, block.length)
  return statements
}

/** The line, from 1, on which a place in a text lies. */
export const lineOf = (text: string, offset: number): number => {
  let line = 1
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line++
  return line
}

// --- helpers ---

interface Open {
  readonly start: number
  readonly words: Array<string>
  parentheses: number
  /** Bodies (BEGIN ATOMIC, CASE) that are open in a CREATE FUNCTION. */
  bodies: number
  previous: string
  code: boolean
}

const opened = (start: number): Open => ({
  start,
  words: [],
  parentheses: 0,
  bodies: 0,
  previous: "",
  code: false
})

const wordsKept = 8

const word = (open: Open, text: string): void => {
  open.code = true
  if (open.words.length < wordsKept) open.words.push(text)
  if (text === "ATOMIC" && open.previous === "BEGIN" && isRoutine(open.words)) open.bodies++
  else if (open.bodies > 0 && text === "CASE") open.bodies++
  else if (open.bodies > 0 && text === "END") open.bodies--
  open.previous = text
}

const isRoutine = (words: ReadonlyArray<string>): boolean =>
  words[0] === "CREATE" && words.slice(1, 4).some((one) => one === "FUNCTION" || one === "PROCEDURE")

const add = (statements: Array<Statement>, block: string, open: Open, end: number): void => {
  if (!open.code) return
  const raw = block.slice(open.start, end)
  const text = raw.trim()
  statements.push({ text, offset: open.start + (raw.length - raw.trimStart().length), words: open.words })
}
