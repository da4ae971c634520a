/** What one claim costs, and how soon a job starts. */
import { Deferred, Duration, Effect, Redacted, References, Stream } from "effect"
import { Client } from "pg"
import { Database } from "../../src/postgres/Database.ts"
import { MessageQueue, Settlement } from "../../src/queue/MessageQueue.ts"
import { migrate } from "../../src/queue/postgres/migrate.ts"
import * as PostgresQueue from "../../src/queue/postgres/PostgresQueue.ts"
import * as Capacity from "../../src/worker/Capacity.ts"

const database = (url: string) =>
  Database.layer({
    url: Redacted.make(url),
    maxConnections: 4,
    statementTimeout: Duration.minutes(5),
    applicationName: "bench"
  })

const median = (list: ReadonlyArray<number>) =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN

/** Milliseconds from the commit of a submission to the delivery, the median of 200. */
export const latency = (url: string): Promise<number> =>
  Effect.gen(function* () {
    yield* migrate()
    const { query } = yield* Database
    const queue = yield* MessageQueue
    const state = { arrived: yield* Deferred.make<number>() }
    yield* Effect.forkChild(
      Stream.runForEach(queue.deliveries(Capacity.unlimited), (delivery) => {
        Deferred.doneUnsafe(state.arrived, Effect.succeed(performance.now()))
        return delivery.settle(Settlement.Ack())
      })
    )
    yield* Effect.sleep("1 second")
    const taken: Array<number> = []
    for (let i = 0; i < 200; i++) {
      state.arrived = yield* Deferred.make<number>()
      const from = performance.now()
      yield* query("SELECT worker_enqueue('default', 'noop')")
      taken.push((yield* Deferred.await(state.arrived)) - from)
      yield* Effect.sleep("23 millis")
    }
    return median(taken)
  }).pipe(
    Effect.provide(
      PostgresQueue.layer({
        worker: "bench",
        pool: "default",
        queues: [{ name: "default", concurrency: undefined, weight: 1 }],
        batchSize: 10,
        // So long that only a notification can be the reason.
        pollInterval: Duration.minutes(1),
        visibilityTimeout: Duration.seconds(300),
        answeredWithin: Duration.seconds(10),
        migrate: false,
        maintenance: { keepEnded: Duration.days(7), keepFailed: Duration.days(30) }
      })
    ),
    Effect.provide(database(url)),
    Effect.provideService(References.MinimumLogLevel, "Error"),
    Effect.scoped,
    Effect.runPromise
  )

/** Milliseconds of a claim of 10 in the server, with few rows and with millions, the median of 50 each. */
export const claimCost = async (url: string): Promise<{ readonly empty: number; readonly full: number }> => {
  const client = new Client(url)
  await client.connect()
  const claims = async () => {
    const taken: Array<number> = []
    for (let i = 0; i < 60; i++) {
      const from = performance.now()
      await client.query(
        "SELECT * FROM worker_claim(1, gen_random_uuid(), 'bench', 'default', 'default', 10, 300, '', true)"
      )
      if (i >= 10) taken.push(performance.now() - from)
    }
    return median(taken)
  }
  const insert = (rows: number, status: string) =>
    client.query(
      "INSERT INTO worker_jobs (kind, payload, status, ended_at) SELECT 'noop', jsonb_build_object('n', g), $2::text, " +
        "CASE WHEN $2::text = 'queued' THEN NULL ELSE now() END FROM generate_series(1, $1::integer) g",
      [rows, status]
    )
  await client.query("TRUNCATE worker_jobs")
  await insert(1000, "queued")
  await client.query("VACUUM ANALYZE worker_jobs")
  await client.query("CHECKPOINT")
  const empty = await claims()
  await insert(5_000_000, "succeeded")
  await insert(1_000_000, "queued")
  await client.query("VACUUM ANALYZE worker_jobs")
  // What the server still writes of the millions is not the claim's.
  await client.query("CHECKPOINT")
  const full = await claims()
  await client.end()
  return { empty, full }
}
