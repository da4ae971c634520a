/** Compiled scripts, the most recently used ones, as long as their texts fit into so many characters. */
import { BoundedMap } from "../../async/BoundedMap.ts"
import type { Engine, Script } from "./Engine.ts"

export class ScriptCache {
  private readonly scripts: BoundedMap<string, Script>

  constructor(maxCharacters: number) {
    this.scripts = new BoundedMap({
      maxEntries: Infinity,
      maxWeight: maxCharacters,
      weightOf: (key) => key.length
    })
  }

  /** The compiled script; throws where the text makes no sense, and remembers nothing then. */
  get(engine: Engine, text: string, globals: ReadonlyArray<string>): Script {
    const key = `${globals.join(" ")}\n${text}`
    const known = this.scripts.get(key)
    if (known !== undefined) return known
    const script = engine.compile(text, globals)
    this.scripts.set(key, script)
    return script
  }

  get size(): number {
    return this.scripts.size
  }
}
