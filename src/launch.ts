/**
 * The first file of each executable. It runs on any Node, says which one is needed where this one is too old, and
 * leaves the rest to the bundle, which an old Node cannot even read. `main.js` starts `program.js`, `NAME.js` starts
 * `NAME-program.js`.
 */
import * as module from "node:module"
import { homedir } from "node:os"
import { join } from "node:path"

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

if (major > 22 || (major === 22 && minor >= 19)) {
  const [, name = "main"] = /\/([\w-]+)\.\w+$/.exec(import.meta.url) ?? []
  const isMain = ["main", "launch"].includes(name)
  if (isMain || name === "nebula-worker") {
    const { handOver } = await import("./handover.ts")
    handOver()
  }
  // The second start takes half the time. Other users of the machine must not write what runs here, so the folder is the user's own.
  if (process.env["NODE_COMPILE_CACHE"] === undefined)
    module.enableCompileCache(
      join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "noetl-worker", "compiled")
    )
  const program = isMain ? "program.js" : `${name}-program.js`
  await import(new URL(program, import.meta.url).href)
} else {
  process.stderr.write(
    `noetl-worker needs Node 22.19 or newer, and this is ${process.versions.node} (${process.execPath}). ` +
      "Put a newer one first in the PATH, or run it as: npx -p node@24 -p noetl-worker noetl-worker\n"
  )
  process.exit(1)
}
