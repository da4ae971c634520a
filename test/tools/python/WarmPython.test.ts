/** Whatever one program leaves behind, the next one gives the same result as in a process from nothing. */
import { assert, beforeAll, describe, it, layer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { ToolResult } from "../../../src/domain/ToolResult.ts"
import { aCall, runTool } from "../../../src/testing/suites/ToolSuite.ts"
import { defaults as processDefaults, ProcessOptions } from "../../../src/tools/process/ProcessOptions.ts"
import { defaults, PythonOptions } from "../../../src/tools/python/PythonOptions.ts"
import { PythonTool } from "../../../src/tools/PythonTool.ts"
import { Toolbox } from "../../../src/tools/Toolbox.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { until } from "../process/leftBehind.ts"

const directory = join(import.meta.dirname, "leaks")
const corpus = readdirSync(directory)
  .filter((name) => name.endsWith(".py"))
  .map((name) => ({ name, code: readFileSync(join(directory, name), "utf8") }))

const options = {
  ...processDefaults,
  environment: { PATH: process.env["PATH"], HOME: "/tmp", TZ: "UTC", LANG: "C.UTF-8" },
  grace: Duration.millis(200)
}
/** Found once: behind a shim it takes a while. */
const interpreter = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], {
  encoding: "utf8"
}).trim()

const layerOf = (warm: boolean) =>
  Toolbox.layer(PythonTool).pipe(
    Layer.provide(PythonTool.layer),
    Layer.provide(EgressOptions.layerDevelopment),
    Layer.provide(Layer.succeed(ProcessOptions, options)),
    Layer.provide(
      Layer.succeed(PythonOptions, { ...defaults, interpreter, warm, patience: Duration.seconds(1) })
    )
  )

/** What a later step can see of a command, without its duration. */
const seen = (code: string) =>
  Effect.map(runTool(aCall("python", { code, timeout: 20 })), (result) => ({ ...result, durationMs: 0 }))

const warm = layerOf(true)

/** What each program of the corpus gives in a process of its own. */
let alone: ReadonlyArray<ToolResult> = []
beforeAll(async () => {
  const all = Effect.forEach(corpus, ({ code }) => seen(code), { concurrency: 2 })
  alone = await Effect.runPromise(all.pipe(Effect.provide(layerOf(false))))
})

layer(warm, { excludeTestServices: true })("a warm Python process", (it) => {
  it.effect.each(corpus.map(({ name, code }, at) => ({ name, code, at })))(
    "gives every program the result that it has alone, and again: $name",
    ({ code, at }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* seen(code), alone[at])
        assert.deepStrictEqual(yield* seen(code), alone[at])
      })
  )

  it.effect("gives the same second result as a cold one, whichever two programs run", () =>
    Effect.gen(function* () {
      // Every program follows another one, and its second result is looked at.
      for (const stride of [7]) {
        for (const [at, first] of corpus.entries()) {
          const next = (at + stride) % corpus.length
          yield* seen(first.code)
          const result = yield* seen(corpus[next]?.code ?? "")
          assert.deepStrictEqual(result, alone[next], `${first.name}, then ${corpus[next]?.name}`)
        }
      }
    })
  )
})

describe("a warm Python process", { concurrent: true }, () => {
  it.live.each<readonly [string, string]>([
    ["kills it", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nresult = 1"],
    ["stops it", "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nresult = 1"],
    ["kills the group", "import os, signal\nos.killpg(os.getpgid(os.getppid()), signal.SIGKILL)\nresult = 1"]
  ])("is replaced after a program %s", ([, code]) =>
    Effect.gen(function* () {
      yield* Effect.exit(seen(code))
      const next = yield* Effect.exit(seen("result = 2"))
      const result =
        next._tag === "Success" && next.value.status === "success" ? next.value : yield* seen("result = 2")
      assert.deepStrictEqual(result.data, 2)
    }).pipe(Effect.provide(warm))
  )

  it.live("works commands side by side", () =>
    Effect.gen(function* () {
      const results = yield* Effect.forEach(
        Array.from({ length: 12 }, (_, n) => n),
        (n) => seen(`import time\ntime.sleep(0.05)\nprint(${n})\nresult = ${n}`),
        { concurrency: 12 }
      )
      assert.deepStrictEqual(
        results.map(({ data, stdout }) => [data, stdout]),
        results.map((_, n) => [n, `${n}\n`])
      )
    }).pipe(Effect.provide(warm))
  )

  it.live(
    "knows nothing of a program, its input or its environment that a later one could find in its memory",
    () =>
      Effect.gen(function* () {
        const word = `sec${Math.random()}`.slice(0, 12)
        yield* runTool(
          aCall("python", { code: `x = "${word}1"`, args: { a: `${word}2` }, env: { SECRET: `${word}3` } })
        )
        const look = [
          "found = []",
          "with open('/proc/%d/maps' % os.getppid()) as maps, open('/proc/%d/mem' % os.getppid(), 'rb', 0) as memory:",
          "    for line in maps:",
          "        start, end = (int(part, 16) for part in line.split()[0].split('-'))",
          "        if 'rw' in line and '[v' not in line:",
          "            memory.seek(start)",
          "            content = memory.read(end - start)",
          "            found.extend(word for word in words if word[::-1].encode() in content)",
          "return sorted(set(found))"
        ].join("\n")
        const backwards = (text: string) => text.split("").toReversed().join("")
        // The name of a limit is in every order that the process gets: the search would find it.
        const words = [backwards(word), backwards("rss_kib")]
        const result = yield* runTool(aCall("python", { code: look, args: { words } }))
        assert.deepStrictEqual([result.error, result.data], [undefined, [backwards("rss_kib")]])
      }).pipe(Effect.provide(warm))
  )

  it.live("ends with its layer", () =>
    Effect.gen(function* () {
      const parent = yield* Effect.map(seen("result = os.getppid()"), ({ data }) => Number(data)).pipe(
        Effect.provide(warm)
      )
      const exists = (): boolean => {
        try {
          return !/\) Z /.test(readFileSync(`/proc/${parent}/stat`, "latin1"))
        } catch {
          return false
        }
      }
      yield* until(() => !exists())
      assert.isFalse(exists())
    })
  )
})
