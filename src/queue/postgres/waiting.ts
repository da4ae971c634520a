/** The backlog: jobs that can be claimed now. */
import { Effect } from "effect"
import type { Database } from "../../postgres/Database.ts"
import type { QueueError, Waiting } from "../MessageQueue.ts"
import { queueError } from "./queueError.ts"

/** Counted up to here for each queue, so that a figure for an autoscaler never reads a whole table. */
const most = 100_000

export const waitingOf = (
  { query }: Database["Service"],
  queues: ReadonlyArray<string>
): Effect.Effect<Waiting, QueueError> =>
  query(
    "SELECT name, count(at)::integer AS count, (extract(epoch FROM min(at)) * 1000)::double precision AS oldest " +
      "FROM unnest($1::text[]) AS q(name) LEFT JOIN LATERAL (SELECT greatest(created_at, run_at) AS at FROM worker_jobs " +
      "WHERE queue = q.name AND status = 'queued' AND ready LIMIT $2) waiting ON true GROUP BY name",
    [queues, most]
  ).pipe(
    Effect.map((rows) => {
      const times = rows.flatMap(({ oldest }) => (typeof oldest === "number" ? [oldest] : []))
      const byQueue = new Map(rows.map(({ count, name }) => [String(name), Number(count)]))
      return {
        count: byQueue.values().reduce((sum, n) => sum + n, 0),
        oldestAt: times.length === 0 ? undefined : Math.min(...times),
        byQueue
      }
    }),
    Effect.mapError(queueError)
  )
