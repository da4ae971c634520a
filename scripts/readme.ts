/** Puts the examples into README.md, between the mark that names a file and the end of its code block. */
import { readFileSync, writeFileSync } from "node:fs"

const readme = readFileSync("README.md", "utf8")
const filled = readme.replaceAll(
  /(<!-- (\S+) -->\n```ts\n)[\s\S]*?(```)/g,
  (_, head: string, file: string, tail: string) => `${head}${readFileSync(file, "utf8")}${tail}`
)
if (process.argv.includes("--check")) {
  if (filled !== readme) throw new Error("README.md is not up to date: node scripts/readme.ts")
} else writeFileSync("README.md", filled)
