/**
 * A bounded fuzz of what reads bytes from outside: messages, JSON, settings, TOML, answers to claims, trace headers. A decoder
 * may refuse; it may not throw, take long or grow without bound. `node scripts/fuzz.ts [rounds] [seed]`
 */
import { load } from "../src/config/load.ts"
import { claimOf } from "../src/control-plane/noetl/pythonClaim.ts"
import * as Json from "../src/domain/Json.ts"
import * as Notification from "../src/domain/Notification.ts"
import { traceParent } from "../src/job/traceParent.ts"

const rounds = Number(process.argv[2] ?? 20_000)
let state = Number(process.argv[3] ?? 1) >>> 0

/** Small and repeatable: the same seed gives the same inputs. */
const random = (below: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 2 ** 32) * below)
}
const pick = <A>(from: ReadonlyArray<A>): A => from[random(from.length)] as A

const corpus = [
  '{"execution_id":"9007199254740993","event_id":"2","command_id":"3","step":"s","server_url":"http://x/api"}',
  '{"execution_id":1,"event_id":2,"command_id":3,"step":"s","trace":{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}',
  '{"node_name":"a","action":"shell","context":{"tool_config":{"command":"x"},"args":{},"render_context":{}},"meta":{"attempt":1}}',
  '{"detail":{"code":"active_claim","worker_id":"w"}}',
  '[worker]\nconcurrency = 5\nheartbeat_interval_seconds = "15s"\n[nats]\nurl = "nats://a:4222"\n',
  "WORKER_KIND_LIMITS=python=2,duckdb=1",
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
]
const pieces = [
  "",
  "\u0000",
  '"',
  "{",
  "[".repeat(300),
  "}",
  "-",
  "1e999",
  "9".repeat(400),
  "null",
  "__proto__",
  "\ud800",
  "\n",
  "=",
  ".",
  ",",
  "\\u",
  "é",
  "💥",
  '{"a":'
]

const mutated = (): string => {
  let text = pick(corpus)
  for (let n = random(4); n >= 0; n--) {
    const at = random(text.length + 1)
    const to = Math.min(text.length, at + random(12))
    text =
      text.slice(0, at) +
      (random(4) === 0 ? pick(corpus).slice(0, random(60)) : pick(pieces)) +
      text.slice(to)
  }
  return text
}

const notification: Notification.Notification = (() => {
  const decoded = Notification.decode(corpus[0] ?? "")
  if (decoded._tag === "Failure") throw new Error("the corpus does not read")
  return decoded.success
})()

const sources = { flags: new Map<string, string>(), env: {}, dotenv: undefined, file: undefined }
const targets: Readonly<Record<string, (text: string) => unknown>> = {
  notification: (text) => Notification.decode(text),
  json: (text) => Json.parse(text),
  toml: (text) => load({ ...sources, file: { path: "fuzz.toml", text } }),
  dotenv: (text) => load({ ...sources, dotenv: { path: ".env", text } }),
  environment: (text) =>
    load({ ...sources, env: { WORKER_KIND_LIMITS: text, NATS_URL: text, WORKER_GRACE_SECONDS: text } }),
  claim: (text) => {
    const parsed = Json.parse(text)
    const body = parsed._tag === "Success" ? parsed.success : text
    return claimOf(
      { status: pick([200, 201, 404, 409, 429, 500, 503]), body, retryAfter: undefined },
      notification,
      1
    )
  },
  traceparent: (text) => traceParent(text)
}

const longest = 500
let failures = 0
for (const [name, target] of Object.entries(targets)) {
  let slowest = 0
  for (let round = 0; round < rounds; round++) {
    const text = mutated()
    const began = performance.now()
    try {
      target(text)
    } catch (cause) {
      failures += 1
      console.error(
        `${name} threw on ${JSON.stringify(text).slice(0, 300)}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`
      )
      if (failures > 10) process.exit(1)
    }
    slowest = Math.max(slowest, performance.now() - began)
  }
  if (slowest > longest) failures += 1
  console.log(`${name}: ${rounds} inputs, the slowest ${slowest.toFixed(1)} ms`)
}
const rss = process.memoryUsage.rss() / 1024 / 1024
console.log(`${failures} failures, ${rss.toFixed(0)} MB`)
process.exit(failures === 0 && rss < 1024 ? 0 : 1)
