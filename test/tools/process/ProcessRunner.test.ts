import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Logger } from "effect"
import { closeSync, openSync, rmSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { OutputMask } from "../../../src/domain/OutputMask.ts"
import { MaskStream } from "../../../src/secrets/MaskStream.ts"
import { Registry } from "../../../src/secrets/Registry.ts"
import { defaults, ProcessOptions } from "../../../src/tools/process/ProcessOptions.ts"
import { type Program, ProcessRunner } from "../../../src/tools/process/ProcessRunner.ts"
import { longTime, processesWith, until } from "./leftBehind.ts"

const options = { ...defaults, environment: {}, grace: Duration.millis(300), maxOutputBytes: 4096 }
const layer = ProcessRunner.layer.pipe(Layer.provide(Layer.succeed(ProcessOptions, options)))
const env = { PATH: process.env["PATH"] ?? "/usr/bin:/bin" }

const sh = (script: string, more: Partial<Program> = {}) =>
  Effect.flatMap(ProcessRunner, (runner) =>
    runner.run({ tool: "test", argv: ["/bin/sh", "-c", script], cwd: undefined, env, ...more })
  )

/** Each of these tries to outlive its command; `SLEEP` is a sleep of its own. */
const runaways: ReadonlyArray<readonly [string, string]> = [
  ["a child in the background", "SLEEP & exit 0"],
  ["a double fork", "( ( SLEEP & ) & ) ; exit 0"],
  ["a session of its own", "setsid SLEEP & exit 0"],
  ["a session of its own, without our environment", "env -i PATH=$PATH setsid SLEEP & exit 0"],
  [
    "a daemon with closed pipes",
    "env -i PATH=$PATH setsid sh -c 'SLEEP & exit' </dev/null >/dev/null 2>&1; exit 0"
  ],
  ["a child that ignores TERM", "trap '' TERM; SLEEP & exit 0"],
  [
    "a whole family that ignores TERM in sessions of its own",
    "trap '' TERM HUP INT; setsid sh -c 'setsid SLEEP & SLEEP' & exit 0"
  ],
  ["a lower mark", "ulimit -m 12345; env -i PATH=$PATH setsid SLEEP & exit 0"],
  [
    "a lower mark before two forks",
    "ulimit -m 12345; env -i PATH=$PATH setsid sh -c 'setsid SLEEP & exit' & exit 0"
  ],
  [
    "no mark at all, in the background of a program that goes on for a while",
    "ulimit -m 12345; env -i PATH=$PATH setsid sh -c '(setsid SLEEP </dev/null >/dev/null 2>&1 &) ; exit' ; sleep 0.3; exit 0"
  ],
  [
    "no mark, deaf ears",
    "trap '' TERM HUP INT; ulimit -m 12345; env -i PATH=$PATH setsid sh -c 'setsid SLEEP & SLEEP' & exit 0"
  ],
  ["a stopped child", "SLEEP & kill -STOP $!; exit 0"]
]

const sleepOf = (script: string, time: string) => script.replaceAll("SLEEP", `sleep ${time}`)

describe("ProcessRunner", { concurrent: true }, () => {
  it.live("masks a secret that is cut in two, by the pieces of the output or by its limit", () =>
    Effect.gen(function* () {
      const registry = new Registry(10)
      registry.add(["hunter2-and-more"])
      const masked = <A, E, R>(work: Effect.Effect<A, E, R>) =>
        Effect.provideService(work, OutputMask, () => new MaskStream(() => registry.matcher))
      const pieces = yield* masked(sh("printf hunter2-; sleep 0.1; printf and-more"))
      assert.strictEqual(pieces.stdout.text, "[REDACTED]")
      // Half of 4096 bytes are kept from the beginning: the limit would go through the secret.
      const limit = yield* masked(sh(`printf '%2040s' x; printf hunter2-and-more; printf '%9000s' y`))
      assert.isTrue(limit.stdout.truncated)
      assert.notInclude(limit.stdout.text, "hunter2")
    }).pipe(Effect.provide(layer))
  )

  it.live.each(runaways)("leaves nothing of %s when the command ends", ([, script]) =>
    Effect.gen(function* () {
      const time = longTime()
      const ran = yield* sh(sleepOf(script, time))
      assert.deepStrictEqual(ran.ended, { _tag: "Exited", code: 0 })
      assert.deepStrictEqual(processesWith(time), [])
    }).pipe(Effect.provide(layer))
  )

  it.live.each(runaways)("leaves nothing of %s when the deadline passes", ([, script]) =>
    Effect.gen(function* () {
      const time = longTime()
      const ran = yield* sh(`(${sleepOf(script, time)}); sleep ${time}`, { timeout: Duration.millis(200) })
      assert.deepStrictEqual(ran.ended, { _tag: "TimedOut" })
      assert.deepStrictEqual(processesWith(time), [])
    }).pipe(Effect.provide(layer))
  )

  it.live.each(runaways)("leaves nothing of %s when it is interrupted", ([, script]) =>
    Effect.gen(function* () {
      const time = longTime()
      const fiber = yield* Effect.forkChild(sh(`(${sleepOf(script, time)}); trap '' TERM; sleep ${time}`))
      yield* until(() => processesWith(`sleep\0${time}`).length >= 1)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(processesWith(time), [])
    }).pipe(Effect.provide(layer))
  )

  it.live("ends a program that writes for ever, and keeps a bounded part of it", () =>
    Effect.gen(function* () {
      const ran = yield* sh("yes abcdefg", { timeout: Duration.millis(300) })
      assert.strictEqual(ran.ended._tag, "TimedOut")
      assert.isTrue(ran.stdout.truncated)
      assert.isAbove(ran.stdout.bytes, 100_000)
      assert.isBelow(ran.stdout.text.length, 4096 + 100)
      assert.match(ran.stdout.text, /^abcdefg\n[^]*\n\[\d+ bytes left out\]\n[^]*abcdefg\n/)
    }).pipe(Effect.provide(layer))
  )

  it.live("kills a program that forks without end", () =>
    Effect.gen(function* () {
      const time = longTime()
      const script = `while :; do (sleep ${time} & sleep ${time}) & done`
      const ran = yield* sh(script, { timeout: Duration.millis(150) })
      assert.notStrictEqual(ran.ended._tag, "Exited")
      assert.deepStrictEqual(processesWith(time), [])
    }).pipe(Effect.provide(layer))
  )

  it.live("gives the program pipes that it can open by name", () =>
    Effect.gen(function* () {
      const ran = yield* sh("echo out > /dev/stdout; echo err > /dev/stderr")
      assert.deepStrictEqual([ran.stdout.text, ran.stderr.text], ["out\n", "err\n"])
    }).pipe(Effect.provide(layer))
  )

  it.live("hands over stdin, and an empty one when there is none", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* sh("cat", { stdin: "a\nb" })).stdout.text, "a\nb")
      assert.strictEqual((yield* sh("cat; echo end")).stdout.text, "end\n")
    }).pipe(Effect.provide(layer))
  )

  it.live("does not wait for a program to read its input", () =>
    Effect.gen(function* () {
      const ran = yield* sh("exit 3", { stdin: "x".repeat(1_000_000) })
      assert.deepStrictEqual(ran.ended, { _tag: "Exited", code: 3 })
    }).pipe(Effect.provide(layer))
  )

  it.live("takes a result on descriptor 3, apart from stdout", () =>
    Effect.gen(function* () {
      const ran = yield* sh("echo visible; echo private >&3", { resultChannel: true })
      assert.deepStrictEqual([ran.stdout.text, ran.result?.text], ["visible\n", "private\n"])
    }).pipe(Effect.provide(layer))
  )

  it.live("says which signal ended the program", () =>
    Effect.gen(function* () {
      const ran = yield* sh("kill -KILL $$")
      assert.deepStrictEqual(ran.ended, { _tag: "Killed", signal: "SIGKILL", outOfMemory: false })
    }).pipe(Effect.provide(layer))
  )

  it.live("holds the program to its limits", () =>
    Effect.gen(function* () {
      const cpu = yield* sh("while :; do :; done", { limits: { cpuSeconds: 1 } })
      assert.deepStrictEqual(cpu.ended, { _tag: "Killed", signal: "SIGXCPU", outOfMemory: false })
      const limits = yield* sh("ulimit -v; ulimit -f", {
        limits: { memoryBytes: 2 ** 30, fileBytes: 2 ** 20 }
      })
      assert.strictEqual(limits.stdout.text, "1048576\n2048\n")
    }).pipe(Effect.provide(layer))
  )

  it.live("offers the program to the kernel before the worker, when memory is short", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* sh("cat /proc/self/oom_score_adj")).stdout.text, "1000\n")
    }).pipe(Effect.provide(layer))
  )

  it.live("passes on no file descriptor and no variable that is not the program's", () =>
    Effect.gen(function* () {
      const secret = openSync("/dev/null", "r")
      yield* Effect.addFinalizer(() => Effect.sync(() => closeSync(secret)))
      const fds = yield* sh("for fd in /proc/self/fd/*; do echo ${fd##*/} $(readlink $fd); done")
      const others = fds.stdout.text
        .trim()
        .split("\n")
        .filter((line) => Number(line.split(" ")[0]) > 2 && !line.endsWith("/dev/null"))
      assert.deepStrictEqual(
        others.filter((line) => line.includes("socket:") || line.includes("pipe:")),
        []
      )
      const variables = yield* sh("env")
      const names = variables.stdout.text
        .trim()
        .split("\n")
        .map((line) => line.split("=")[0])
      assert.deepStrictEqual(
        names.filter((name) => !/^(PATH|PWD|OLDPWD|SHLVL|_)$/.test(name ?? "")),
        ["NOETL_COMMAND_TOKEN"]
      )
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("logs the output line by line", () => {
    const lines: Array<unknown> = []
    const logger = Logger.make(
      ({ message }) => void lines.push(Array.isArray(message) ? message[0] : message)
    )
    const loud = ProcessRunner.layer.pipe(
      Layer.provide(Layer.succeed(ProcessOptions, { ...options, logLevel: "Info" }))
    )
    return Effect.gen(function* () {
      yield* sh("printf 'one\\ntw'; sleep 0.05; printf 'o\\r\\nthr\\303'; sleep 0.05; printf '\\251e'")
      assert.deepStrictEqual(lines, ["one", "two", "thrée"])
    }).pipe(Effect.provide([loud, Logger.layer([logger])]))
  })

  it.live("reports a program that cannot be started", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(sh("true", { cwd: "/no/such/directory" }))
      assert.isTrue(Exit.isFailure(exit))
    }).pipe(Effect.provide(layer))
  )

  it.live("makes new pipes when the folder of the old ones was taken away", () =>
    Effect.gen(function* () {
      const first = (yield* sh("readlink /proc/self/fd/1")).stdout.text.trim()
      rmSync(dirname(first), { recursive: true })
      const others = yield* Effect.forEach(Array.from({ length: 20 }), () => sh("readlink /proc/self/fd/1"))
      const last = others.at(-1)?.stdout.text.trim() ?? ""
      assert.include(last, "noetl-pipes-")
      assert.notStrictEqual(dirname(last), dirname(first))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("gives a program pipes that no other process can open by a name, and leaves no folder", () =>
    Effect.gen(function* () {
      const folders = yield* Effect.gen(function* () {
        const ran = yield* Effect.forEach(
          Array.from({ length: 20 }),
          () =>
            sh(
              'for fd in 1 2; do readlink /proc/self/fd/$fd; done; d=$(readlink /proc/self/fd/2); ls "${d%/*}"'
            ),
          { concurrency: 4 }
        )
        for (const { stdout } of ran) {
          const [out = "", error = "", ...left] = stdout.text.trim().split("\n")
          for (const name of [out, error]) assert.match(name, /noetl-pipes-.*\(deleted\)$/)
          // The names of the next pipes come and go, and each has 24 digits that cannot be guessed.
          for (const name of left) assert.match(name, /^alive$|^[\da-f]{24}$/)
        }
        return new Set(ran.map(({ stdout }) => dirname(stdout.text.split("\n")[0] ?? "")))
      }).pipe(Effect.provide(layer))
      for (const folder of folders) assert.throws(() => statSync(folder))
    })
  )
})
