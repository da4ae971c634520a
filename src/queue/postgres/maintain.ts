/** What a queue in a table needs besides claims: jobs that expire, jobs that ended long ago, jobs of a clock. */
import { Duration, Effect } from "effect"
import { Database } from "../../postgres/Database.ts"
import { fireDue } from "./crons.ts"

export interface Options {
  /** How long jobs that succeeded or were cancelled are kept. */
  readonly keepEnded: Duration.Duration
  /** How long dead letters are kept. */
  readonly keepFailed: Duration.Duration
}

/** For ever. Every worker does it; rows that another one has are skipped. */
export const make = (
  queues: ReadonlyArray<string>,
  options: Options
): Effect.Effect<never, never, Database> => {
  const quietly = <E extends { readonly message: string }>(
    work: Effect.Effect<unknown, E, Database>,
    every: Duration.Input
  ) =>
    work.pipe(
      Effect.catch((error) => Effect.logDebug(`upkeep of the jobs: ${error.message}`)),
      Effect.andThen(Effect.sleep(every)),
      Effect.forever
    )
  return Effect.raceAllFirst([
    quietly(fireDue(queues), "1 second"),
    quietly(expire(queues), "1 second"),
    quietly(prune(options), "10 seconds")
  ])
}

const expire = Effect.fnUntraced(function* (queues: ReadonlyArray<string>) {
  yield* (yield* Database).query("SELECT worker_expire($1::text[])", [queues])
})

const prune = Effect.fnUntraced(function* ({ keepEnded, keepFailed }: Options) {
  const { query } = yield* Database
  const kept = [
    ["succeeded", keepEnded],
    ["cancelled", keepEnded],
    ["failed", keepFailed]
  ] as const
  for (const [status, keep] of kept) {
    let more = true
    while (more) {
      const [row] = yield* query(
        "WITH gone AS (DELETE FROM worker_jobs WHERE id IN (SELECT id FROM worker_jobs WHERE status = $1 " +
          "AND ended_at < now() - make_interval(secs => $2::double precision) ORDER BY ended_at LIMIT 1000 " +
          "FOR UPDATE SKIP LOCKED) RETURNING 1) SELECT count(*)::integer AS count FROM gone",
        [status, Duration.toSeconds(keep)]
      )
      more = Number(row?.["count"]) === 1000
    }
  }
  yield* query("DELETE FROM worker_presence WHERE seen_at < now() - interval '1 day'")
})
