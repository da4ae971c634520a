/**
 * Random scripts through this implementation and through the real crate: `npm run fuzz:rhai -- [scripts] [seed]`.
 * A difference is made as small as possible and printed as a case for the corpus; the exit code says whether there was
 * one. Needs cargo.
 */
import { spawn, spawnSync } from "node:child_process"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { type Answer, answerOf } from "../test/rhai/corpus.ts"
import { randomOf, randomScript } from "../test/rhai/randomScript.ts"

const home = join(import.meta.dirname, "..", "test", "rhai")
const target = process.env["CARGO_TARGET_DIR"] ?? "/tmp/rhai-target"
const scripts = Number(process.argv[2] ?? 2000)
const firstSeed = Number(process.argv[3] ?? Math.floor(Math.random() * 1e9))

const built = spawnSync("cargo", ["build", "--release", "--quiet"], {
  cwd: join(home, "oracle"),
  env: { ...process.env, CARGO_TARGET_DIR: target },
  stdio: "inherit"
})
if (built.status !== 0) process.exit(2)

const oracle = spawn(join(target, "release", "rhai-oracle"), ["stream", join(home, "modules")])
const answers = createInterface({ input: oracle.stdout })[Symbol.asyncIterator]()

const askCrate = async (source: string): Promise<Answer> => {
  oracle.stdin.write(`${JSON.stringify({ source, options: {} })}\n`)
  const line = await answers.next()
  return JSON.parse(line.value as string) as Answer
}

const ordered = (value: unknown): unknown =>
  typeof value !== "object" || value === null
    ? value
    : Array.isArray(value)
      ? value.map(ordered)
      : Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, item]) => [key, ordered(item)])
        )

const textOf = (answer: Answer): string => JSON.stringify(ordered(answer))

/** Things the two count or format differently, on purpose. */
const known =
  /too many operations|data race|alloc::rc|too large|stack overflow|u8|sequence|BitRange|CharsStream|StepRange|timestamp/i

const differs = async (source: string): Promise<[Answer, Answer] | undefined> => {
  const theirs = await askCrate(source)
  const ours = answerOf(source)
  const { unoptimized, ...optimized } = theirs
  const same =
    textOf(ours) === textOf(optimized) || (unoptimized !== undefined && textOf(ours) === textOf(unoptimized))
  if (same || theirs.panic === true || unoptimized?.panic === true) return undefined
  if (known.test(textOf(ours)) || known.test(textOf(theirs))) return undefined
  return [theirs, ours]
}

/** Removes lines, then words, as long as the two still differ. */
const shrunk = async (source: string): Promise<string> => {
  let text = source
  for (const separator of ["\n", "; ", " "]) {
    let changed = true
    while (changed) {
      changed = false
      const parts = text.split(separator)
      for (let size = Math.max(1, parts.length >> 1); size >= 1; size >>= 1) {
        for (let i = 0; i + size <= parts.length; i++) {
          const shorter = [...parts.slice(0, i), ...parts.slice(i + size)].join(separator)
          if (shorter.length >= text.length || (await differs(shorter)) === undefined) continue
          text = shorter
          parts.splice(i, size)
          i--
          changed = true
        }
      }
    }
  }
  return text
}

let found = 0
for (let i = 0; i < scripts && found < 10; i++) {
  const source = randomScript(randomOf(firstSeed + i))
  if ((await differs(source)) === undefined) continue
  found++
  const small = await shrunk(source)
  const [theirs, ours] = (await differs(small))!
  console.log(`//# seed ${firstSeed + i}\n${small}\n  crate ${textOf(theirs)}\n  here  ${textOf(ours)}\n`)
}
oracle.stdin.end()
console.log(`${scripts} scripts from seed ${firstSeed}: ${found} differences`)
process.exit(found === 0 ? 0 : 1)
