/**
 * A bounded fuzz of what reads text from outside; `fuzz/targets.ts` is the list. A decoder may refuse; it may not throw
 * otherwise, take long or grow without bound. `node scripts/fuzz.ts [rounds] [seed] [target]`
 */
import { targets } from "./fuzz/targets.ts"

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
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  "{% for x in a if x %}{{ x | upper }}{% else %}{{ b.c + 1 }}{% endfor %}{{ text | default('y') | tojson }}",
  "a[0] == 1 and not b.c in [1, 2] or text is defined",
  "let x = #{ a: [1, 2.5], b: `t${1 + 1}` }; fn f(n) { if n > 1 { n * f(n - 1) } else { 1 } } f(3) + x.a[0]",
  "SELECT 'a;b', $tag$ ; $tag$ -- c\n; /* ; */ INSERT INTO \"t\" VALUES (E'\\\\', 1)",
  "a\\tb\t\\N\t\\x41",
  "https://user:pw@[::ffff:10.0.0.1]:8443/a/api//?q=1#f",
  "nats://u:p@a:4222,tls://b",
  "Fri, 31 Dec 1999 23:59:59 GMT",
  "120",
  '{"tasks":[{"name":"a","kind":"http","spec":{"policy":{"rules":[{"when":"{{ x }}","then":{"do":"retry","attempts":3,"backoff":"linear"}}]}}}]}',
  '{"_ref":{"ref":"noetl://execution/1/result/s/abcd","store":"kv"},"kind":"result_ref"}',
  '{"auth":{"pg":{"type":"postgres","credential":"x"}},"db_host":"h","db_port":"5432"}'
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
  '{"a":',
  "{{",
  "%}",
  "/".repeat(300),
  "(".repeat(300),
  "'",
  "0x7f.1",
  "$$",
  "\\"
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

const longest = 500
let failures = 0
for (const [name, target] of Object.entries(targets)) {
  if (process.argv[4] !== undefined && process.argv[4] !== name) continue
  let slowest = 0
  for (let round = 0; round < rounds; round++) {
    const text = mutated()
    const began = performance.now()
    try {
      const ended = target(text, pick)
      if (ended instanceof Promise) await ended
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
