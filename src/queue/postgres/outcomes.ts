/** The outcomes of jobs, whose they are, and the list of workers, all in the jobs' database. */
import { Duration, Effect } from "effect"
import { Database, type DatabaseError } from "../../postgres/Database.ts"
import type { Holder, JobLease, JobOutcome, JobOutcomes } from "../JobOutcomes.ts"
import { QueueError, StreamMissing } from "../MessageQueue.ts"
import { migrate, versionOf } from "./migrate.ts"
import { queueError } from "./queueError.ts"
import { steps } from "./schema/index.ts"
import type { Answer, Settle } from "./settlements.ts"

/** Deliveries of this process, by job and lease. One whose outcome was accepted needs no settlement. */
export type Held = Map<string, { ended: boolean }>

export const outcomesOf = (
  database: Database["Service"],
  settle: Settle,
  held: Held,
  worked: {
    readonly names: ReadonlyArray<string>
    readonly pool: string
    readonly migrate: boolean
    readonly webhook: boolean
  }
): JobOutcomes["Service"] => {
  const { address, query } = database
  return {
    name: "postgres",
    address,
    complete: (job, outcome) =>
      settle(answerOf(job, outcome)).pipe(
        Effect.map((verdict) => {
          const delivery = held.get(`${job.id}:${job.lease}`)
          if (delivery !== undefined) delivery.ended = true
          return verdict !== "lost"
        }),
        Effect.mapError(queueError)
      ),
    holder: ({ id, lease }) =>
      query("SELECT status, lease_token::text AS lease FROM worker_jobs WHERE id = $1::bigint", [id]).pipe(
        Effect.map(([row]): Holder => {
          if (row === undefined || !["queued", "running"].includes(String(row["status"]))) return "Ended"
          return row["status"] === "running" && row["lease"] === lease ? "Ours" : "Other"
        }),
        Effect.mapError(queueError)
      ),
    cancelled: (id) =>
      query("SELECT 1 FROM worker_jobs WHERE id = $1::bigint AND cancel_requested", [id]).pipe(
        Effect.map((rows) => rows.length > 0),
        Effect.mapError(queueError)
      ),
    present: (worker) =>
      Effect.andThen(
        schemaIsThere(database, worked.migrate),
        query(
          "INSERT INTO worker_presence (worker_id, queues, pool, webhook) VALUES ($1, $2::text[], $3, $4) ON CONFLICT (worker_id) " +
            "DO UPDATE SET seen_at = now(), queues = excluded.queues, pool = excluded.pool, webhook = excluded.webhook",
          [worker, worked.names, worked.pool, worked.webhook]
        ).pipe(Effect.mapError(queueError))
      ).pipe(Effect.asVoid),
    leave: (worker) =>
      query("DELETE FROM worker_presence WHERE worker_id = $1", [worker]).pipe(
        Effect.asVoid,
        Effect.mapError(queueError)
      )
  }
}

/** A worker may be the first one of its database. */
const schemaIsThere = (database: Database["Service"], mayMigrate: boolean) =>
  Effect.gen(function* () {
    const version = yield* versionOf
    if (version >= steps.length || !mayMigrate) return
    const done = yield* migrate()
    yield* Effect.logInfo(`the schema of jobs was brought forward: ${done.join(", ")}`)
  }).pipe(
    Effect.catchTags({
      DatabaseError: (error: DatabaseError) => Effect.fail(queueError(error)),
      MigrationError: ({ detail }) => Effect.fail(new QueueError({ reason: new StreamMissing({ detail }) }))
    }),
    Effect.provideService(Database, database)
  )

const answerOf = ({ id, lease }: JobLease, outcome: JobOutcome): Answer => {
  switch (outcome._tag) {
    case "Succeed":
      return { id, lease, action: "succeed", seconds: 0, value: outcome.result }
    case "Fail":
      return { id, lease, action: "fail", seconds: 0, value: outcome.error }
    case "Retry":
      return { id, lease, action: "retry", seconds: Duration.toSeconds(outcome.after), value: outcome.error }
  }
}
