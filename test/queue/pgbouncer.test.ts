import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Logger, Redacted, Schedule } from "effect"
import { check } from "../../src/queue/postgres/check.ts"
import { Database } from "../../src/postgres/Database.ts"
import * as PostgresLeases from "../../src/queue/postgres/postgresLeases.ts"
import { success } from "../../src/domain/ToolResult.ts"
import { jobWorker } from "../support/JobWorker.ts"
import { noPgBouncer, pgBouncer } from "../support/pgBouncer.ts"
import { FreshDatabase, freshDatabase, rows, settingsAt } from "../support/PostgresJobs.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

const server = serverOfFile()

describe.skipIf(noPgBouncer)("A pooler in transaction mode before the database", () => {
  it.live("leaves polling, which is said once, and jobs are worked and kept", () =>
    Effect.gen(function* () {
      const url = yield* pgBouncer((yield* FreshDatabase).url)
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      yield* rows(
        "SELECT worker_enqueue('default', 'tool', '{\"tool\": \"stub\"}') FROM generate_series(1, 40)"
      )
      const done = rows("SELECT 1 FROM worker_jobs WHERE status <> 'succeeded'").pipe(
        Effect.repeat({ until: (left) => left.length === 0, schedule: Schedule.spaced("50 millis") })
      )
      const said = Effect.sync(() => lines.filter((line) => line.includes("polled alone")).length)
      yield* Effect.andThen(
        done,
        said.pipe(Effect.repeat({ until: (n) => n > 0, schedule: Schedule.spaced("50 millis") }))
      ).pipe(
        Effect.provide(
          jobWorker({
            answer: () => Effect.as(Effect.sleep("100 millis"), success(null)),
            queue: { visibilityTimeout: Duration.seconds(3) },
            leases: PostgresLeases.layer({
              url: Redacted.make(url),
              name: "pooled",
              hungAfter: Duration.minutes(1)
            })
          }).pipe(
            Layer.provide(Layer.fresh(Database.layer(settingsAt(url)))),
            Layer.provide(Logger.layer([logger]))
          )
        )
      )
      assert.strictEqual(yield* said, 1)
      assert.deepStrictEqual(yield* rows("SELECT DISTINCT deliveries, crashes FROM worker_jobs"), [
        { deliveries: 1, crashes: 0 }
      ])
      const findings = yield* check(settingsAt(url))(
        Number((yield* rows("SELECT extract(epoch FROM now()) * 1000 AS t"))[0]?.["t"])
      )
      assert.deepStrictEqual(
        findings.filter(({ level }) => level !== "ok").map(({ about }) => about),
        ["notifications"]
      )
    }).pipe(Effect.scoped, Effect.provide(freshDatabase(() => server.current)), Effect.timeout("60 seconds"))
  )
})
