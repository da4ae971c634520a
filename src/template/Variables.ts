/** What names mean: the layers that came in, first one wins, under the locals of loops and `set`. */
import type { JsonObject } from "../domain/Json.ts"
import type { Value } from "./values.ts"

export interface Frame {
  readonly values: Map<string, Value>
  readonly parent: Frame | undefined
}

export const childOf = (parent: Frame | undefined): Frame => ({ values: new Map(), parent })

export const localOf = (frame: Frame | undefined, name: string): Frame | undefined => {
  for (let current = frame; current !== undefined; current = current.parent) {
    if (current.values.has(name)) return current
  }
  return undefined
}

export const variableOf = (layers: ReadonlyArray<JsonObject>, name: string): Value => {
  for (const layer of layers) if (Object.hasOwn(layer, name)) return layer[name]
  return undefined
}

/**
 * Names whose members mean only themselves. Every other object that stands under a name is the value of a step or a
 * task, and of those `.data` and `.result` are the value itself where it has no such member.
 */
export const plainNames: ReadonlySet<string> = new Set([
  "work",
  "workload",
  "context",
  "ctx",
  "vars",
  "iter",
  "env",
  "job",
  "input",
  "args",
  "data",
  "results",
  "event",
  "loop",
  "output",
  "outcome",
  "keychain",
  "auth",
  "payload",
  "spec",
  "steps",
  "response",
  "result",
  "error"
])
