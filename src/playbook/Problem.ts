/** Something wrong, or worth a look, in how a playbook is written, with its place in the file. */

export type Level = "error" | "warning" | "info"

export interface Problem {
  readonly level: Level
  readonly file: string
  /** Both from 1; 0 where the place is the whole file. */
  readonly line: number
  readonly column: number
  /** The dotted key: `workflow[2].next.arcs[0].step`. */
  readonly key: string
  readonly problem: string
  /** What to write instead. */
  readonly fix: string | undefined
}

/** `file:line:column: error: key: what is wrong`, and the fix on a line of its own. */
export const textOf = ({ column, file, fix, key, level, line, problem }: Problem): string => {
  const place = line === 0 ? file : `${file}:${line}:${column}`
  const about = key === "" ? "" : `${key}: `
  return `${place}: ${level}: ${about}${problem}${fix === undefined ? "" : `\n    fix: ${fix}`}`
}

export const hasErrors = (problems: ReadonlyArray<Problem>): boolean =>
  problems.some(({ level }) => level === "error")

/** Warnings as errors: nothing of an older dialect passes. */
export const strict = (problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> =>
  problems.map((problem) => (problem.level === "warning" ? { ...problem, level: "error" } : problem))

/** In the order of the file. */
export const sorted = (problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> =>
  problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
