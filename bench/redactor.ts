/** One pass over 1 MB with 200 secrets, beside JSON-encoding the same text. Run with `node bench/redactor.ts`. */
import { Effect } from "effect"
import { createHash, randomBytes } from "node:crypto"
import { Redactor } from "../src/secrets/Redactor.ts"
import { shapesOf } from "../src/secrets/transforms.ts"

const secrets = Array.from({ length: 200 }, (_, i) =>
  i % 4 === 0 ? randomBytes(6).toString("base64url").slice(0, 8) : randomBytes(24).toString("base64url")
)

/** A line as a log has it, JSON inside included. */
const line = (i: number) =>
  `2026-11-24T23:12:00.${i}Z INFO worker-${i % 7} {"step": "fetch_page", "execution_id": 76700000000${i}, "url": "https://api.example.com/v1/items?page=${i}", "hash": "${createHash("sha1").update(String(i)).digest("hex")}"}\n`

const textOf = (): string => {
  let text = ""
  for (let i = 0; text.length < 1024 * 1024; i++) text += line(i)
  return text.slice(0, 1024 * 1024)
}

const millis = (work: () => unknown): number => {
  for (let i = 0; i < 10; i++) work()
  const times = Array.from({ length: 40 }, () => {
    const start = performance.now()
    work()
    return performance.now() - start
  })
  return times.toSorted((a, b) => a - b)[10] as number
}

const patterns = [...new Set(secrets.flatMap((secret) => Array.from(shapesOf(secret))))].filter(
  (one) => one.length >= 6
)

/** The obvious way. */
const oneRegExp = () => {
  const all = new RegExp(patterns.map((one) => one.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"), "g")
  return (text: string) => text.replaceAll(all, "[REDACTED]")
}

/** The textbook way: every character is one step of an automaton. Finds, and replaces nothing. */
const ahoCorasick = () => {
  const next: Array<Map<number, number>> = [new Map()]
  const ends: Array<boolean> = [false]
  for (const pattern of patterns) {
    let at = 0
    for (let i = 0; i < pattern.length; i++) {
      const unit = pattern.charCodeAt(i)
      let to = next[at]?.get(unit)
      if (to === undefined) {
        to = next.push(new Map()) - 1
        ends.push(false)
        next[at]?.set(unit, to)
      }
      at = to
    }
    ends[at] = true
  }
  const width = 128
  const table = new Int32Array(next.length * width)
  const fail = new Int32Array(next.length)
  const queue = [0]
  for (const at of queue) {
    for (let unit = 0; unit < width; unit++) {
      const to = next[at]?.get(unit)
      const back = at === 0 ? 0 : (table[(fail[at] as number) * width + unit] as number)
      table[at * width + unit] = to ?? back
      if (to !== undefined) {
        fail[to] = back
        ends[to] = ends[to] === true || ends[back] === true
        queue.push(to)
      }
    }
  }
  const isEnd = Uint8Array.from(ends, Number)
  return (text: string) => {
    let at = 0
    let found = 0
    for (let i = 0; i < text.length; i++) {
      at = table[at * width + (text.charCodeAt(i) & 127)] as number
      found += isEnd[at] as number
    }
    return found
  }
}

const program = Effect.gen(function* () {
  const redactor = yield* Redactor
  for (const [i, secret] of secrets.entries()) yield* redactor.register(`secret ${i}`, secret)
  const clean = textOf()
  const dirty = [...clean.matchAll(/.{5000}/gs)].map((piece, i) => `${piece[0]}${secrets[i % 200]}`).join("")
  const build = performance.now()
  redactor.mask("x".repeat(100))
  const built = performance.now() - build
  const json = millis(() => JSON.stringify(clean))
  const mask = millis(() => redactor.mask(clean))
  const withRegExp = oneRegExp()
  const regExp = millis(() => withRegExp(clean))
  const withAutomaton = ahoCorasick()
  const automaton = millis(() => withAutomaton(clean))
  const maskDirty = millis(() => redactor.mask(dirty))
  yield* Effect.sync(() => {
    console.log(`tables for 200 secrets   ${built.toFixed(2)} ms, once`)
    console.log(`JSON.stringify of 1 MB   ${json.toFixed(2)} ms`)
    console.log(`mask, nothing to mask    ${mask.toFixed(2)} ms   ratio ${(mask / json).toFixed(2)}`)
    console.log(`one regular expression   ${regExp.toFixed(2)} ms   ratio ${(regExp / json).toFixed(2)}`)
    console.log(
      `Aho-Corasick, find only  ${automaton.toFixed(2)} ms   ratio ${(automaton / json).toFixed(2)}`
    )
    console.log(
      `mask, 200 secrets in it  ${maskDirty.toFixed(2)} ms   ratio ${(maskDirty / json).toFixed(2)}`
    )
  })
})

Effect.runSync(program.pipe(Effect.provide(Redactor.layer)))
