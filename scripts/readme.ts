/**
 * Puts into README.md what is written elsewhere: the examples, between the mark that names a file and the end of its
 * code block, and the table of all settings, between its two marks.
 */
import { readFileSync, writeFileSync } from "node:fs"
import type { Setting } from "../src/config/Setting.ts"
import { settings } from "../src/config/settings.ts"

const code = (text: string) => `\`${text}\``
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("*", "\\*")

const row = ({ doc, env, flag, key, shownDefault, type }: Setting) => {
  const names = [...env.map(code), ...(flag === undefined ? [] : [code(`--${flag}`)])]
  return `| ${code(key)} | ${names.join(" ")} | ${cell(shownDefault)} | ${cell(`${doc} (${type.shape})`)} |`
}

const table = [
  "| key in a TOML file | variables, the first one canonical, and flag | default | |",
  "|---|---|---|---|",
  ...Object.values(settings).map((setting) => row(setting))
].join("\n")

const readme = readFileSync("README.md", "utf8")
const filled = readme
  .replaceAll(
    /(<!-- (\S+) -->\n```ts\n)[\s\S]*?(```)/g,
    (_, head: string, file: string, tail: string) => `${head}${readFileSync(file, "utf8")}${tail}`
  )
  .replace(
    /(<!-- settings -->\n)[\s\S]*?(<!-- end of settings -->)/,
    (_, head: string, tail: string) => `${head}\n${table}\n\n${tail}`
  )
if (process.argv.includes("--check")) {
  if (filled !== readme) throw new Error("README.md is not up to date: node scripts/readme.ts")
} else writeFileSync("README.md", filled)
