import { Duration, Layer } from "effect"
import { Leases } from "../../src/queue/Leases.ts"
import * as PostgresLeases from "../../src/queue/postgres/postgresLeases.ts"
import * as PostgresQueue from "../../src/queue/postgres/PostgresQueue.ts"
import { suite as leasesSuite } from "../../src/testing/suites/LeasesSuite.ts"
import { suite } from "../../src/testing/suites/QueueSuite.ts"
import { FreshDatabase, freshDatabase, queueOptions } from "../support/PostgresJobs.ts"
import { postgresPublisher } from "../support/postgresPublisher.ts"
import { serverOfFile } from "../support/PostgresServer.ts"
import { Effect, Redacted } from "effect"

const server = serverOfFile()

const world = (options: PostgresQueue.Options) =>
  postgresPublisher.pipe(
    Layer.provideMerge(PostgresQueue.layer(options)),
    Layer.provideMerge(freshDatabase(() => server.current))
  )

suite("PostgresQueue", world(queueOptions))

leasesSuite("Leases.layerInProcess over PostgreSQL", {
  layer: Layer.merge(Leases.layerInProcess, world(queueOptions))
})

/** Long enough for a thread to start on a busy machine. */
const slow = { ...queueOptions, visibilityTimeout: Duration.seconds(4) }

const thread = Layer.unwrap(
  Effect.map(FreshDatabase, ({ url }) =>
    PostgresLeases.layer({ url: Redacted.make(url), name: "test", hungAfter: Duration.minutes(1) })
  )
)

leasesSuite("The lease thread of PostgreSQL", { layer: Layer.provideMerge(thread, world(slow)) })
