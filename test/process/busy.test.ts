import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { aCommand } from "../../src/testing/aCommand.ts"
import { FakeNoetl } from "../support/FakeNoetl.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { eventsOf, start, submit, unsettled, until, world } from "../support/WorkerProcess.ts"

describe.skipIf(noProgram)("a main thread that is blocked for 60 s at an ack_wait of 30 s", () => {
  it.live(
    "costs no redelivery, and no gap above 20 s in the heartbeat",
    () =>
      Effect.gen(function* () {
        const nc = yield* (yield* NatsServer).connect
        const server = yield* FakeNoetl
        const beats: Array<number> = []
        const claims: Array<string> = []
        yield* server.spoil(({ path }) => {
          if (path === "/api/worker/pool/register") beats.push(performance.now())
          if (path.endsWith("/claim")) claims.push(path)
          return undefined
        })
        const worker = yield* start({ WORKER_MAX_CONCURRENT: "1", WORKER_PREFETCH: "1" }, [
          "test/process/busyWorker.ts"
        ])
        const long = aCommand(1, { kind: "busy", config: { millis: 60_000 } })
        const next = aCommand(2, { kind: "busy", config: { millis: 1 } })
        yield* submit(nc, long)
        // Waits in the inbox all the while: its lease has to be kept as well.
        yield* submit(nc, next)
        yield* until(worker, () => claims.length > 0)
        const ended = (command: typeof long) =>
          Effect.repeat(Effect.andThen(Effect.sleep("200 millis"), eventsOf(command)), {
            until: (events) => events.includes("command.completed")
          })
        yield* ended(long)
        yield* ended(next)
        const gaps = beats.slice(1).map((at, i) => at - (beats[i] ?? at))
        assert.isBelow(Math.max(...gaps), 20_000)
        assert.isAtLeast(beats.length, 4)
        assert.strictEqual(claims.length, 2)
        assert.notInclude(worker.log(), "was not extended in time")
        assert.strictEqual(yield* unsettled(nc), 0)
      }).pipe(Effect.provide(world), Effect.scoped),
    120_000
  )
})
