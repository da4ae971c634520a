/** Events as lines, for logs and pipes. */
import type { RunEvent } from "../../control-plane/local/Run.ts"
import { plainTextOf, stringify } from "../../domain/Json.ts"
import { masked, shortened } from "../masking.ts"
import { elapsed } from "./text.ts"

export interface LineOptions {
  readonly verbose: boolean
  /** Emoji. */
  readonly rich: boolean
  readonly descriptionOf: (step: string) => string | undefined
}

/** Undefined for what is no line. */
export type Writer = (event: RunEvent) => string | undefined

export const writer = (options: LineOptions): Writer => {
  const startedAt = new Map<string, number>()
  const sign = (emoji: string, plain: string) => (options.rich ? `${emoji} ` : plain)
  return (event) => {
    const step = event.step ?? ""
    const key = `${event.executionId} ${step}`
    const inner = event.parent === undefined ? "" : `${event.path}: `
    switch (event.type) {
      case "step.enter": {
        startedAt.set(key, event.at)
        const about = options.descriptionOf(step)
        return `${sign("🔹", "")}Step: ${inner}${step}${about === undefined ? "" : `\n   Description: ${about}`}`
      }
      case "step.exit":
        return `   ${sign("✓", "")}${inner}${step} done in ${since(startedAt, key, event.at)}${options.verbose ? valueOf(event) : ""}`
      case "step.failed":
        return `   ${sign("✗", "")}${inner}${step} failed after ${since(startedAt, key, event.at)}: ${event.error?.kind ?? ""}: ${event.error?.message ?? ""}`
      case "step.denied":
        return `   ${sign("⏹️", "")}${inner}${step} skipped: it was not admitted`
      case "guard.error":
        return `   ${sign("⚠️", "")}${inner}${step}: a condition does not hold: ${event.error?.message ?? ""}`
      default:
        return options.verbose ? detailOf(event, inner) : undefined
    }
  }
}

const since = (startedAt: ReadonlyMap<string, number>, key: string, at: number): string =>
  elapsed(at - (startedAt.get(key) ?? at))

const valueOf = ({ data }: RunEvent): string =>
  data === undefined ? "" : `: ${shortened(stringify(masked(data)), 200)}`

const detailOf = (event: RunEvent, inner: string): string | undefined => {
  const step = event.step ?? ""
  switch (event.type) {
    case "arc.taken":
      return `   → ${inner}${step} → ${plainTextOf(event.meta?.["to"]) ?? ""}`
    case "next.no_match":
      return `   ${inner}${step}: no arc matches, the branch ends`
    case "loop.started":
      return `   ${inner}${step}: loop over ${plainTextOf(event.meta?.["total"]) ?? "rows of a cursor, as"} items`
    case "loop.done":
      return `   ${inner}${step}: loop done: ${stringify(event.meta?.["stats"] ?? null)}`
    default:
      return undefined
  }
}
