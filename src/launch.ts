/**
 * The executable's first file. It runs on any Node, says which one the worker needs where this one is too old, and
 * leaves the rest to the bundle, which an old Node cannot even read.
 */
const needed = [22, 19]

const isEnough = ([major = 0, minor = 0]: ReadonlyArray<number>): boolean =>
  major > (needed[0] ?? 0) || (major === needed[0] && minor >= (needed[1] ?? 0))

if (isEnough(process.versions.node.split(".").map(Number))) {
  const program = new URL("program.js", import.meta.url)
  await import(program.href)
} else {
  process.stderr.write(
    `noetl-worker needs Node ${needed.join(".")} or newer, and this is ${process.versions.node} (${process.execPath}). ` +
      "Put a newer one first in the PATH, or run it as: npx -p node@24 -p noetl-worker noetl-worker\n"
  )
  process.exit(1)
}
