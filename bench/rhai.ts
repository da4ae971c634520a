/** How fast the Rhai machine is: `node bench/rhai.ts`. A simple operation is one a person would count in the script. */
import { Engine } from "../src/tools/rhai/Engine.ts"

interface Bench {
  readonly name: string
  readonly script: string
  /** Simple operations in one run of the script. */
  readonly operations: number
}

const N = 1_000_000

const benches: ReadonlyArray<Bench> = [
  { name: "loops", script: `let i = 0; while i < ${N} { i += 1; } i`, operations: 2 * N },
  { name: "for over a range", script: `let s = 0; for i in 0..${N} { s += i; } s`, operations: 2 * N },
  {
    name: "arithmetic",
    script: `let s = 0; for i in 0..${N} { s = (s * 3 + i) % 1000007; } s`,
    operations: 5 * N
  },
  { name: "floats", script: `let s = 0.0; for i in 0..${N} { s = s * 0.5 + 1.25; } s`, operations: 4 * N },
  {
    name: "branches",
    script: `let n = 0; for i in 0..${N} { if i % 3 == 0 { n += 1; } } n`,
    operations: 4 * N
  },
  {
    name: "string building",
    script: `let s = ""; for i in 0..${N / 2} { s += "x"; } s.len()`,
    operations: N
  },
  {
    name: "interpolation",
    script: `let n = 0; for i in 0..${N / 4} { let s = \`item \${i} of \${n}\`; n += s.len; } n`,
    operations: N
  },
  {
    name: "arrays",
    script: `let a = []; for i in 0..${N / 4} { a.push(i); } let s = 0; for i in 0..${N / 4} { s += a[i]; } s`,
    operations: 1.25 * N
  },
  {
    name: "array callbacks",
    script: `range_array.map(|x| x * 2).filter(|x| x % 3 == 0).reduce(|s, x| s + x, 0)`,
    operations: 500_000
  },
  {
    name: "maps",
    script: `let m = #{ a: 1, b: #{ c: 2 } }; for i in 0..${N / 4} { m.b.c += m.a; } m.b.c`,
    operations: N
  },
  {
    name: "calls",
    script: `fn add(a, b) { a + b } let s = 0; for i in 0..${N / 2} { s = add(s, i); } s`,
    operations: 1.5 * N
  },
  {
    name: "recursion (fib 25)",
    script: `fn fib(n) { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } } fib(25)`,
    operations: 250_000 * 5
  },
  {
    name: "closures",
    script: `let n = 0; let inc = |k| n += k; for i in 0..${N / 4} { inc.call(1); } n`,
    operations: 0.75 * N
  }
]

const engine = new Engine({ limits: { operations: Infinity, stringLength: 1e9 } })
const globals = new Map([["range_array", Array.from({ length: 100_000 }, (_, i) => i)]])

const timed = (run: () => unknown): number => {
  const start = performance.now()
  run()
  return performance.now() - start
}

const best = (run: () => unknown, times = 5): number =>
  Math.min(...Array.from({ length: times }, () => timed(run)))

let slowest = Infinity
for (const { name, operations, script } of benches) {
  const compiled = engine.compile(script, ["range_array"])
  const millis = best(() => engine.run(compiled, globals))
  const rate = operations / millis / 1000
  slowest = Math.min(slowest, rate)
  console.log(
    `${name.padEnd(22)} ${millis.toFixed(1).padStart(8)} ms ${rate.toFixed(1).padStart(8)} M simple operations/s`
  )
}

const line = `let value_%% = #{ name: "item %%", list: [1, 2, 3, %%], total: (%% + 2) * 3 };\nif value_%%.total > 10 { print(\`\${value_%%.name} is \${value_%%.total}\`); }\n`
const big = Array.from({ length: 7000 }, (_, i) => line.replaceAll("%%", String(i))).join("")
const millis = best(() => new Engine({ limits: { stringLength: 1e9 } }).parse(big))
console.log(
  `${"parsing".padEnd(22)} ${millis.toFixed(1).padStart(8)} ms ${(big.length / 1000 / millis).toFixed(2).padStart(8)} MB/s of script`
)
console.log(`slowest: ${slowest.toFixed(1)} M simple operations/s`)
