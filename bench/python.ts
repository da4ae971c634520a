/**
 * Python commands per second: forked from a warm process against a process for each. Run: `node bench/python.ts`.
 * Both sides go through the whole tool, so that what is compared is what a command pays.
 */
import { Clock, Effect, Layer } from "effect"
import { aCall, runTool } from "../src/testing/suites/ToolSuite.ts"
import { defaults, PythonOptions } from "../src/tools/python/PythonOptions.ts"
import { PythonTool } from "../src/tools/PythonTool.ts"
import { EgressOptions } from "../src/tools/http/Egress.ts"
import { ProcessOptions } from "../src/tools/process/ProcessOptions.ts"
import { Toolbox } from "../src/tools/Toolbox.ts"

const programs = {
  nothing: "result = {'n': n + 1}",
  "some of the standard library":
    "import re, hashlib, decimal, urllib.request, csv, statistics, asyncio, ssl\nresult = hashlib.sha256(str(n).encode()).hexdigest()"
}

const layerOf = (warm: boolean) =>
  Toolbox.layer(PythonTool).pipe(
    Layer.provide(PythonTool.layer),
    Layer.provide([EgressOptions.layerDevelopment, ProcessOptions.layerDevelopment]),
    Layer.provide(Layer.succeed(PythonOptions, { ...defaults, warm }))
  )

const measure = (code: string, warm: boolean, concurrency: number, count: number) =>
  Effect.gen(function* () {
    const command = (n: number) =>
      Effect.flatMap(runTool(aCall("python", { code, args: { n } })), (result) =>
        result.status === "success" ? Effect.void : Effect.die(result.error)
      )
    yield* command(0)
    const cpu = process.cpuUsage()
    const started = yield* Clock.currentTimeNanos
    yield* Effect.forEach(Array.from({ length: count }), (_, n) => command(n), { concurrency, discard: true })
    const seconds = Number((yield* Clock.currentTimeNanos) - started) / 1e9
    const own = process.cpuUsage(cpu)
    return {
      perSecond: count / seconds,
      latencyMs: (seconds / count) * 1000 * concurrency,
      workerCpuMs: (own.user + own.system) / 1000 / count
    }
  }).pipe(Effect.provide(layerOf(warm)))

const main = Effect.gen(function* () {
  for (const [name, code] of Object.entries(programs)) {
    for (const concurrency of [1, 4]) {
      const cold = yield* measure(code, false, concurrency, 40)
      const warm = yield* measure(code, true, concurrency, 200)
      console.log(`${name}, ${concurrency} at a time`)
      for (const [kind, row] of [
        ["cold", cold],
        ["warm", warm]
      ] as const) {
        console.log(
          `  ${kind}  ${row.perSecond.toFixed(1)}/s  ${row.latencyMs.toFixed(1)} ms each  worker CPU ${row.workerCpuMs.toFixed(2)} ms`
        )
      }
      console.log(`  ratio ${(warm.perSecond / cold.perSecond).toFixed(1)}`)
    }
  }
})

await Effect.runPromise(main)
