import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer } from "effect"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { defaults, ProcessOptions } from "../../../src/tools/process/ProcessOptions.ts"
import { type Program, ProcessRunner } from "../../../src/tools/process/ProcessRunner.ts"
import { until } from "../../support/until.ts"
import { longTime, processesWith } from "./leftBehind.ts"

const byName = (a = "", b = "") => a.localeCompare(b)

const users = { from: 20001, to: 20002 }
const layer = ProcessRunner.layer.pipe(
  Layer.provide(
    Layer.succeed(ProcessOptions, { ...defaults, environment: {}, grace: Duration.millis(300), users })
  )
)
const sh = (script: string, more: Partial<Program> = {}) =>
  Effect.flatMap(ProcessRunner, (runner) =>
    runner.run({
      tool: "test",
      argv: ["/bin/sh", "-c", script],
      cwd: "/",
      env: { PATH: process.env["PATH"] ?? "" },
      ...more
    })
  )

const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const path = mkdtempSync(join(tmpdir(), "users-"))
    chmodSync(path, 0o755)
    return path
  }),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

describe.skipIf(process.platform !== "linux" || process.getuid?.() !== 0)(
  "Programs with users of their own",
  () => {
    it.live("run without the worker's rights, in one group, and may open their own pipes by name", () =>
      Effect.gen(function* () {
        const { ended, stdout } = yield* sh(
          "id -u; id -g; id -G; grep -E '^Cap(Eff|Prm|Inh|Amb)' /proc/self/status; echo seen >/dev/stderr; cat > /dev/stdout",
          { stdin: "input\n" }
        )
        assert.deepStrictEqual(ended, { _tag: "Exited", code: 0 })
        assert.match(stdout.text, /^2000[12]\n2000[12]\n2000[12]\n/)
        for (const line of stdout.text.match(/^Cap.*$/gm) ?? []) assert.match(line, /:\t0+$/)
        assert.isTrue(stdout.text.endsWith("input\n"))
      }).pipe(Effect.provide(layer))
    )

    it.live(
      "reach neither the worker's environment, memory and descriptors nor those of another command",
      () =>
        Effect.gen(function* () {
          const place = yield* folder
          const go = join(place, "go")
          const first = yield* Effect.forkChild(
            sh(`while [ ! -e ${go} ]; do sleep 0.05; done`, {
              env: { PATH: process.env["PATH"] ?? "", SECRET_OF_ONE: "secret-of-one" }
            })
          )
          const pids = yield* until(
            Effect.sync(() => processesWith(go)),
            (found) => found.length > 0
          )
          const attempts = [process.pid, ...pids].flatMap((pid) => [
            `cat /proc/${pid}/environ`,
            `cat /proc/${pid}/maps`,
            `dd if=/proc/${pid}/mem bs=1 count=1`,
            `ls /proc/${pid}/fd`,
            `echo x > /proc/${pid}/fd/1`,
            `kill -9 ${pid}`,
            `cat ${tmpdir()}/noetl-*/*`
          ])
          const { stdout } = yield* sh(
            attempts.map((line) => `(${line}) 2>/dev/null && echo "could: ${line}"`).join("\n")
          )
          assert.strictEqual(stdout.text.replaceAll(/^could: cat \/tmp\/noetl-.*$/gm, ""), "")
          writeFileSync(go, "")
          assert.deepStrictEqual((yield* Fiber.join(first)).ended, { _tag: "Exited", code: 0 })
        }).pipe(Effect.provide(layer), Effect.scoped)
    )

    it.live("have no two of one user at a time, and wait for one that is free", () =>
      Effect.gen(function* () {
        const ran = yield* Effect.forEach(
          Array.from({ length: 6 }),
          () =>
            sh(
              'id -u; n=$(grep -l "^Uid:.$(id -u)" /proc/[0-9]*/status 2>/dev/null | wc -l); sleep 0.2; echo $n'
            ),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          [...new Set(ran.map(({ stdout }) => stdout.text.split("\n")[0]))].toSorted(byName),
          ["20001", "20002"]
        )
      }).pipe(Effect.provide(layer))
    )

    it.live("leave nothing, whatever mark they shed and whichever parent they kill", () =>
      Effect.gen(function* () {
        const time = longTime()
        const escape = `ulimit -m 12345; env -i PATH=$PATH setsid sh -c 'setsid sleep ${time} & exit' & sleep 0.2; kill -9 $PPID; exit 0`
        yield* sh(escape)
        assert.deepStrictEqual(processesWith(time), [])
      }).pipe(Effect.provide(layer))
    )
  }
)
