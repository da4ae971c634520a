/** A model as the lines of a terminal: one for each step, what runs and what ended last where not all fit. */
import type { RunNode, StepNode } from "./Model.ts"
import { coloured, dim, elapsed, fitted, type Look, markOf, widthOf } from "./text.ts"

interface Line {
  readonly indent: number
  readonly status: StepNode["status"] | "cancelled"
  readonly left: string
  readonly right: string
}

/** The frame at a moment, in milliseconds since 1970. Never more lines than the terminal has rows. */
export const frame = (root: RunNode, now: number, look: Look): ReadonlyArray<string> => {
  const lines = linesOf(root, 0, now)
  const head = headOf(root, now)
  const most = Math.max(1, look.rows - 2)
  return [shown(head, look), ...chosen(lines, most, look)]
}

const headOf = (run: RunNode, now: number): Line => {
  const steps = [...run.steps.values()]
  const done = steps.filter(({ status }) => status !== "running").length
  const right = `${done}/${steps.length} steps  ${elapsed((run.endedAt ?? now) - run.startedAt)}`
  return { indent: 0, status: run.status, left: run.path, right }
}

const linesOf = (run: RunNode, indent: number, now: number): ReadonlyArray<Line> =>
  [...run.steps.values()].flatMap((step) => [
    lineOf(step, indent + 1, now),
    ...(step.status === "running" || step.status === "failed"
      ? step.children.slice(-maxChildren).flatMap((child) => childLines(child, indent + 2, now))
      : [])
  ])

/** Runs below one step that are shown: a loop may start thousands. */
const maxChildren = 3

const childLines = (run: RunNode, indent: number, now: number): ReadonlyArray<Line> => [
  { ...headOf(run, now), indent },
  ...(run.status === "running" ? linesOf(run, indent, now) : [])
]

const lineOf = (step: StepNode, indent: number, now: number): Line => {
  const { loop, problem, runs, startedAt, status } = step
  const again = runs > 1 ? ` ×${runs}` : ""
  const progress =
    loop === undefined
      ? ""
      : `  ${loop.done}/${loop.total ?? "?"}${loop.failed > 0 ? `, ${loop.failed} failed` : ""}`
  const why = status === "failed" && problem !== undefined ? `  ${problem}` : ""
  const time = status === "skipped" ? "skipped" : elapsed((step.endedAt ?? now) - startedAt)
  return { indent, status, left: `${step.name}${again}${progress}${why}`, right: time }
}

const shown = ({ indent, left, right, status }: Line, look: Look): string => {
  const start = `${"  ".repeat(indent)}${markOf[status]} `
  const columns = Math.max(20, look.columns) - widthOf(start) - widthOf(right) - 2
  const text = fitted(left, columns)
  const space = " ".repeat(Math.max(1, columns - widthOf(text) + 1))
  return `${"  ".repeat(indent)}${coloured(look, status, markOf[status])} ${text}${space}${dim(look, right)}`
}

/** All lines where they fit; else what runs and failed, then the latest of the others, in their order. */
const chosen = (lines: ReadonlyArray<Line>, most: number, look: Look): ReadonlyArray<string> => {
  if (lines.length <= most) return lines.map((line) => shown(line, look))
  const places = lines.map((_, index) => index)
  const urgent = places.filter(
    (index) => lines[index]?.status === "running" || lines[index]?.status === "failed"
  )
  const rest = places.filter((index) => !urgent.includes(index))
  const keep = new Set(
    [...urgent.slice(-(most - 1)), ...rest.slice(-Math.max(0, most - 1 - urgent.length))].slice(
      0,
      Math.max(0, most - 1)
    )
  )
  const hidden = lines.length - keep.size
  return [
    dim(look, `  … ${hidden} more steps`),
    ...places
      .filter((index) => keep.has(index))
      .flatMap((index) => {
        const line = lines[index]
        return line === undefined ? [] : [shown(line, look)]
      })
  ]
}
