/** A database of the test's own with the schema of jobs, and what a worker needs to work it. */
import { Context, Duration, Effect, Layer, Redacted } from "effect"
import { randomUUID } from "node:crypto"
import type { Database as DatabaseService, Row } from "../../src/postgres/Database.ts"
import { Database } from "../../src/postgres/Database.ts"
import { migrate } from "../../src/queue/postgres/migrate.ts"
import * as PostgresQueue from "../../src/queue/postgres/PostgresQueue.ts"
import type { PostgresServer } from "./PostgresServer.ts"

export const queueOptions: PostgresQueue.Options = {
  worker: "test-worker",
  pool: "default",
  queues: [{ name: "default", concurrency: undefined, weight: 1 }],
  batchSize: 10,
  pollInterval: Duration.millis(100),
  visibilityTimeout: Duration.seconds(1),
  answeredWithin: Duration.seconds(10),
  migrate: false,
  maintenance: { keepEnded: Duration.days(7), keepFailed: Duration.days(30) }
}

export const settingsAt = (url: string, maxConnections = 4) => ({
  url: Redacted.make(url),
  maxConnections,
  statementTimeout: Duration.seconds(15),
  applicationName: "noetl-worker-test"
})

/** The address of a fresh database on a server, gone with the scope. */
export class FreshDatabase extends Context.Service<FreshDatabase, { readonly url: string }>()(
  "test/support/FreshDatabase"
) {}

/** `version` is how far the schema goes. */
export const freshDatabase = (server: () => PostgresServer["Service"], version?: number) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const name = `jobs_${randomUUID().replaceAll("-", "")}`
      const { query, url } = server()
      yield* Effect.acquireRelease(query(`CREATE DATABASE ${name}`), () =>
        query(`DROP DATABASE ${name} WITH (FORCE)`)
      )
      const own = url.replace(/\/[^/]*$/, `/${name}`)
      return Layer.effectDiscard(Effect.orDie(migrate(version))).pipe(
        Layer.provideMerge(Database.layer(settingsAt(own))),
        Layer.merge(Layer.succeed(FreshDatabase, { url: own }))
      )
    })
  )

/** Rows of the test's database. */
export const rows = (
  text: string,
  values: ReadonlyArray<unknown> = []
): Effect.Effect<ReadonlyArray<Row>, never, DatabaseService> =>
  Effect.flatMap(Database, ({ query }) => Effect.orDie(query(text, values)))
