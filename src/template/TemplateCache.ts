/** Templates that were read already. Those used least recently are forgotten first. */
import { BoundedMap } from "../async/BoundedMap.ts"
import type { Template } from "./ast.ts"

export class TemplateCache {
  private readonly entries: BoundedMap<string, Template>

  constructor(maxEntries: number, maxCharacters: number) {
    this.entries = new BoundedMap({ maxEntries, maxWeight: maxCharacters, weightOf: (key) => key.length })
  }

  /** `parse` may throw; then nothing is remembered. */
  get(key: string, parse: () => Template): Template {
    const known = this.entries.get(key)
    if (known !== undefined) return known
    const template = parse()
    this.entries.set(key, template)
    return template
  }

  get size(): number {
    return this.entries.size
  }
}
