/** What a run would do, as a tree: the steps in the order of the arcs, with their tools, loops and conditions. */
import { type Json, stringify } from "../domain/Json.ts"
import type { Arc, Playbook, Step } from "./Playbook.ts"

export const planText = (playbook: Playbook, target: string | undefined): string => {
  const entry = target ?? playbook.entry
  const seen = new Set<string>()
  const lines = [`${playbook.name} (${playbook.path})`]
  const step = (name: string, arc: Arc | undefined, indent: string, isLast: boolean): void => {
    const found = playbook.steps.get(name)
    const branch = arc === undefined ? "" : isLast ? "└─ " : "├─ "
    const known = seen.has(name)
    const condition = arc?.when === undefined ? "" : `  when ${conditionOf(arc.when)}`
    lines.push(
      `${indent}${branch}${found === undefined || known ? `${name} ↑` : describe(found)}${condition}`
    )
    if (found === undefined || known) return
    seen.add(name)
    const inner = arc === undefined ? indent : `${indent}${isLast ? "   " : "│  "}`
    found.arcs.forEach((next, index) => step(next.step, next, inner, index === found.arcs.length - 1))
  }
  step(entry, undefined, "", true)
  if (playbook.finalStep !== undefined) lines.push(`finally ${playbook.finalStep}`)
  const left = [...playbook.steps.keys()].filter((name) => !seen.has(name) && name !== playbook.finalStep)
  if (left.length > 0) lines.push(`never reached from ${entry}: ${left.join(", ")}`)
  return lines.join("\n")
}

const describe = ({ admit, arcs, kinds, loop, mode, name, timeout }: Step): string =>
  [
    `${name}  [${kinds.length === 0 ? "noop" : kinds.join(" → ")}]`,
    ...(loop === undefined ? [] : [loopOf(loop)]),
    ...(admit.length === 0 ? [] : ["admitted by rules"]),
    ...(timeout === undefined ? [] : [`at most ${timeout} s`]),
    ...(arcs.length > 1 && mode === "inclusive" ? ["all arcs that match"] : [])
  ].join("  ")

const loopOf = (loop: NonNullable<Step["loop"]>): string =>
  loop.mode === "cursor" ? "loop over claimed rows" : `${loop.mode} loop over ${conditionOf(loop.in)}`

const conditionOf = (value: Json): string => {
  const text = typeof value === "string" ? value.replace(/^\s*\{\{\s*|\s*\}\}\s*$/g, "") : stringify(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
