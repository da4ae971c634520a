import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { program } from "../../examples/nats.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { FakeNoetl } from "../support/FakeNoetl.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { submit, world } from "../support/WorkerProcess.ts"

describe("The whole worker in another application", () => {
  it.live.skipIf(noProgram)("works commands from NATS with a tool of the application's own, and drains", () =>
    Effect.gen(function* () {
      const nats = yield* NatsServer
      const server = yield* FakeNoetl
      const env = {
        NATS_URL: nats.url,
        NOETL_SERVER_URL: server.url,
        HEALTH_PORT: "0",
        HEALTH_HOST: "127.0.0.1"
      }
      const running = yield* Effect.forkChild(program(env))
      const nc = yield* nats.connect
      const command = aCommand(1, { kind: "greet", config: { who: "Ada" } })
      yield* submit(nc, command)
      const ending = Effect.map(server.events, (events) => events.find(({ name }) => name === "call.done"))
      const found = yield* ending.pipe(
        Effect.delay("50 millis"),
        Effect.repeat({ until: (event) => event !== undefined })
      )
      assert.strictEqual(found?.commandId, command.commandId)
      assert.include(JSON.stringify(found), "hello Ada")
      yield* Fiber.interrupt(running)
    }).pipe(Effect.provide(world), Effect.scoped)
  )

  it.effect("names every setting that does not read", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(program({ WORKER_MAX_CONCURRENT: "many", HEALTH_PORT: "-1" }))
      assert.strictEqual(error._tag, "ConfigProblems")
      assert.match(
        error.message,
        /WORKER_MAX_CONCURRENT[\s\S]*HEALTH_PORT|HEALTH_PORT[\s\S]*WORKER_MAX_CONCURRENT/
      )
    })
  )
})
