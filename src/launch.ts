/**
 * The executable's first file. It runs on any Node, says which one the worker needs where this one is too old, and
 * leaves the rest to the bundle, which an old Node cannot even read.
 */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

if (major > 22 || (major === 22 && minor >= 19)) {
  const program = new URL("program.js", import.meta.url)
  await import(program.href)
} else {
  process.stderr.write(
    `noetl-worker needs Node 22.19 or newer, and this is ${process.versions.node} (${process.execPath}). ` +
      "Put a newer one first in the PATH, or run it as: npx -p node@24 -p noetl-worker noetl-worker\n"
  )
  process.exit(1)
}
