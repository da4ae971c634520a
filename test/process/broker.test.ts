import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import type { Command } from "../../src/domain/Command.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { FakeNoetl } from "../support/FakeNoetl.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { patienceMillis } from "../support/program.ts"
import { start, submit, until, world } from "../support/WorkerProcess.ts"

describe.skipIf(noProgram)("a broker that is killed under load", () => {
  it.live("costs no command, and gives every command exactly one accepted ending", () =>
    Effect.gen(function* () {
      const nats = yield* NatsServer
      const server = yield* FakeNoetl
      const worker = yield* start({
        NATS_ACK_WAIT_SECONDS: "3",
        WORKER_MAX_CONCURRENT: "8"
      })
      const commands = Array.from({ length: 120 }, (_, n) =>
        aCommand(n + 1, { kind: "shell", config: { command: `sleep 0.${n % 10}; echo ${n}` } })
      )
      const publisher = Effect.gen(function* () {
        const nc = yield* nats.connect
        for (const command of commands) {
          yield* submit(nc, command)
          yield* Effect.sleep("25 millis")
        }
      }).pipe(Effect.scoped)
      const killer = Effect.gen(function* () {
        for (let i = 0; i < 3; i++) {
          yield* Effect.sleep("900 millis")
          yield* nats.kill
          yield* Effect.sleep("300 millis")
          yield* nats.start
        }
      })
      yield* Effect.all([publisher, killer], { concurrency: "unbounded" })
      const endings = Effect.map(server.events, (events) =>
        events.filter((event) => event.name === "call.done" || event.name === "call.error")
      )
      yield* Effect.repeat(Effect.andThen(Effect.sleep("200 millis"), endings), {
        until: (all) => all.length >= commands.length
      }).pipe(Effect.timeoutOption("60 seconds"))
      // A second ending would come with a redelivery: that time is given.
      yield* Effect.sleep("4 seconds")
      const byCommand = Map.groupBy(yield* endings, (event) => event.commandId)
      const counts = commands.map((command) => byCommand.get(command.commandId)?.length ?? 0)
      assert.deepStrictEqual(
        counts,
        commands.map(() => 1),
        worker.log().slice(-4000)
      )
      yield* until(worker, () => true)
    }).pipe(Effect.provide(world), Effect.scoped)
  )

  it.live(
    "for longer than a lease and any pause is waited for: running tools go on and are reported",
    () =>
      Effect.gen(function* () {
        const nats = yield* NatsServer
        const server = yield* FakeNoetl
        const worker = yield* start({ NATS_ACK_WAIT_SECONDS: "3" })
        const commands = [1, 2].map((n) =>
          aCommand(n, { kind: "shell", config: { command: n === 1 ? "sleep 8; echo long" : "echo later" } })
        )
        const completed = (n: number) =>
          Effect.repeat(
            Effect.andThen(
              Effect.sleep("200 millis"),
              Effect.map(server.events, (events) =>
                events.some(
                  (event) =>
                    event.name === "command.completed" && event.commandId === commands[n - 1]?.commandId
                )
              )
            ),
            { until: (yes) => yes }
          )
        yield* Effect.scoped(Effect.flatMap(nats.connect, (nc) => submit(nc, commands[0] as Command)))
        yield* Effect.repeat(
          Effect.andThen(
            Effect.sleep("50 millis"),
            Effect.map(server.events, (events) => events.length)
          ),
          { until: (count) => count > 0 }
        )
        yield* nats.kill
        // It ends and is reported while the broker is away.
        yield* completed(1)
        yield* Effect.sleep(outage)
        assert.isNull(worker.child.exitCode)
        yield* nats.start
        yield* Effect.scoped(Effect.flatMap(nats.connect, (nc) => submit(nc, commands[1] as Command)))
        yield* completed(2)
        assert.notInclude(worker.log(), "is started again")
        const endings = (yield* server.events).filter((event) => event.name === "call.done")
        assert.strictEqual(endings.length, 2)
      }).pipe(Effect.provide(world), Effect.scoped),
    patienceMillis + Duration.toMillis(outage)
  )
})

/** `NOETL_TEST_OUTAGE_SECONDS=180` waits as long as a real outage; the pauses between attempts are 10 s at most. */
const outage = Duration.seconds(Number(process.env["NOETL_TEST_OUTAGE_SECONDS"] ?? 25))
