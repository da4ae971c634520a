/** An error as a person at a terminal wants it: the words, the line, and a caret under the place. */
import { columnOf, lineOf, NONE } from "./language/Position.ts"
import type { RhaiError } from "./language/RhaiError.ts"

export interface Paint {
  readonly red: (text: string) => string
  readonly dim: (text: string) => string
  readonly green: (text: string) => string
  readonly cyan: (text: string) => string
  readonly bold: (text: string) => string
}

const plain = (text: string): string => text

/** No colours: for files, pipes, and those who asked for none. */
export const noPaint: Paint = { red: plain, dim: plain, green: plain, cyan: plain, bold: plain }

const sgr =
  (code: number) =>
  (text: string): string =>
    `\u001b[${code}m${text}\u001b[0m`

export const colours: Paint = { red: sgr(31), dim: sgr(2), green: sgr(32), cyan: sgr(36), bold: sgr(1) }

/** The innermost place, which is where a mistake is mended. */
export const showError = (error: RhaiError, source: string, paint: Paint = noPaint): string => {
  const kind = error.kind === "ErrorParsing" && error.calls.length === 0 ? "Syntax error: " : ""
  const words = paint.red(`${kind}${error.show()}`)
  // The innermost place may be in another script, such as a module
  const inner = error.position
  const line = inner === NONE ? undefined : (error.script ?? source).split("\n")[lineOf(inner) - 1]
  if (line === undefined) return words
  const number = `${lineOf(inner)} | `
  const before = Array.from(line).slice(0, Math.max(0, columnOf(inner) - 1))
  // A tab stays a tab, so that the caret stands where the reader sees the place
  const indent = before.map((char) => (char === "\t" ? "\t" : " ")).join("")
  return `${words}\n${paint.dim(number)}${line}\n${" ".repeat(number.length)}${indent}${paint.red("^")}`
}
