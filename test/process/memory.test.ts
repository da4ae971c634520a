import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { aCommand } from "../../src/testing/aCommand.ts"
import { FakeNoetl } from "../support/FakeNoetl.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { program } from "../support/program.ts"
import { start, submit, unsettled, world } from "../support/WorkerProcess.ts"

/** MB of a process, as Linux counts them: `VmRSS` is now, `VmHWM` the most there ever was. */
const megabytes = (pid: number | undefined, what: "VmRSS" | "VmHWM"): number => {
  const found = new RegExp(`^${what}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))
  return Math.round(Number(found?.[1]) / 1024)
}

/** What docs/overload.md promises. */
const bound = Number(/stays below (\d+) MB/.exec(readFileSync("docs/overload.md", "utf8"))?.[1])

describe.skipIf(noProgram || process.platform !== "linux")(
  "1000 commands with contexts of 1 MB, through 8 slots",
  () => {
    it.live(
      "take no more memory than the documentation promises, and all of them end well",
      () =>
        Effect.gen(function* () {
          const nc = yield* (yield* NatsServer).connect
          const server = yield* FakeNoetl
          const context = {
            rows: Array.from({ length: 2000 }, (_, n) => ({ id: n, name: `row ${n}`, text: "x".repeat(480) }))
          }
          assert.isAtLeast(JSON.stringify(context).length, 1_000_000)
          const worker = yield* start({ WORKER_MAX_CONCURRENT: "8" }, ["--max-old-space-size=256", program])
          const before = megabytes(worker.child.pid, "VmRSS")
          const commands = Array.from({ length: 1000 }, (_, n) =>
            aCommand(n + 1, {
              // Eight wait at a time, each with its context.
              kind: "rhai",
              config: { args: { name: "{{ rows[7].name }}" }, code: "sleep(0.05); #{ name: name }" },
              context
            })
          )
          for (const command of commands) yield* submit(nc, command)
          const ended = Effect.map(
            server.events,
            (events) => events.filter(({ name }) => name === "command.completed").length
          )
          yield* Effect.repeat(Effect.andThen(Effect.sleep("500 millis"), ended), {
            until: (count) => count >= commands.length
          }).pipe(Effect.timeoutOption("120 seconds"))
          assert.strictEqual(yield* ended, commands.length, worker.log().slice(-3000))
          const values = (yield* server.events)
            .filter(({ name }) => name === "call.done")
            .map(({ payload }) => JSON.stringify(payload))
          assert.isTrue(
            values.every((value) => value.includes('"name":"row 7"')),
            values[0]
          )
          const most = megabytes(worker.child.pid, "VmHWM")
          yield* Effect.log(`${before} MB before, ${most} MB at most`)
          assert.isBelow(most, bound)
          assert.strictEqual(yield* unsettled(nc), 0)
        }).pipe(Effect.provide(world), Effect.scoped),
      180_000
    )
  }
)
