/** Templates that were read already, the ones used least lately forgotten first. */
import type { Template } from "./ast.ts"

export class TemplateCache {
  private readonly entries = new Map<string, Template>()
  private characters = 0
  private readonly maxEntries: number
  private readonly maxCharacters: number

  constructor(maxEntries: number, maxCharacters: number) {
    this.maxEntries = maxEntries
    this.maxCharacters = maxCharacters
  }

  /** `parse` may throw; then nothing is remembered. */
  get(key: string, parse: () => Template): Template {
    const known = this.entries.get(key)
    if (known !== undefined) {
      this.entries.delete(key)
      this.entries.set(key, known)
      return known
    }
    const template = parse()
    this.entries.set(key, template)
    this.characters += key.length
    this.shrink()
    return template
  }

  get size(): number {
    return this.entries.size
  }

  private shrink(): void {
    for (const key of this.entries.keys()) {
      if (this.entries.size <= this.maxEntries && this.characters <= this.maxCharacters) return
      this.entries.delete(key)
      this.characters -= key.length
    }
  }
}
