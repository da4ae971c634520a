/**
 * Random scripts through this implementation and through the real crate: `npm run fuzz:rhai -- [scripts] [seed]`.
 * A difference is made as small as possible and printed as a case for the corpus; the exit code says whether there was
 * one. Needs cargo.
 */
import { spawn, spawnSync } from "node:child_process"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { type Answer, answerOf, casesIn, chapters } from "../test/rhai/corpus.ts"
import { differences } from "../test/rhai/differences.ts"
import { mutated } from "../test/rhai/mutated.ts"
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

const start = () => {
  const child = spawn(join(target, "release", "rhai-oracle"), ["stream", join(home, "modules")])
  child.stdin.on("error", () => undefined)
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
}
let oracle = start()
let crashes = 0

/** Undefined when the crate took its process down, which some scripts bring about. */
const askCrate = async (source: string): Promise<Answer | undefined> => {
  oracle.child.stdin.write(`${JSON.stringify({ source, options: {} })}
`)
  const line = await oracle.lines.next()
  if (line.done !== true) return JSON.parse(line.value) as Answer
  crashes++
  oracle = start()
  return undefined
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
  if (theirs === undefined) return undefined
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

const sources = chapters().flatMap((chapter) =>
  casesIn(chapter)
    .filter(({ name }) => !differences.some((known) => known.chapter === chapter && known.name === name))
    .map((item) => item.source)
    // The crate reads JSON with its own lexer, and says so in its errors
    .filter((source) => !source.includes("parse_json"))
)

let found = 0
for (let i = 0; i < scripts && found < 10; i++) {
  const random = randomOf(firstSeed + i)
  // Every other script is one of the corpus with a mistake in it: those try the parser
  const source = i % 2 === 0 ? randomScript(random) : mutated(random, sources)
  if ((await differs(source)) === undefined) continue
  found++
  const small = await shrunk(source)
  const [theirs, ours] = (await differs(small))!
  console.log(`//# seed ${firstSeed + i}\n${small}\n  crate ${textOf(theirs)}\n  here  ${textOf(ours)}\n`)
}
oracle.child.stdin.end()
console.log(
  `${scripts} scripts from seed ${firstSeed}: ${found} differences, ${crashes} crashes of the crate`
)
process.exit(found === 0 ? 0 : 1)
