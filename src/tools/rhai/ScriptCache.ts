/** Compiled scripts, the most recently used ones, as long as their texts fit into so many bytes. */
import type { Engine, Script } from "./Engine.ts"

export class ScriptCache {
  private readonly scripts = new Map<string, Script>()
  private readonly maxBytes: number
  private bytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** The compiled script; throws where the text makes no sense, and remembers nothing then. */
  get(engine: Engine, text: string, globals: ReadonlyArray<string>): Script {
    const key = `${globals.join(" ")}\n${text}`
    const known = this.scripts.get(key)
    const script = known ?? engine.compile(text, globals)
    // The order of a Map is the order of insertion: what is used again goes to the end.
    if (known !== undefined) this.scripts.delete(key)
    else this.bytes += key.length
    this.scripts.set(key, script)
    this.evict()
    return script
  }

  get size(): number {
    return this.scripts.size
  }

  private evict(): void {
    for (const key of this.scripts.keys()) {
      if (this.bytes <= this.maxBytes) return
      this.scripts.delete(key)
      this.bytes -= key.length
    }
  }
}
