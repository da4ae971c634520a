/** The backlog: jobs that can be claimed now. */
import { Effect } from "effect"
import type { Database } from "../../postgres/Database.ts"
import type { QueueError, Waiting } from "../MessageQueue.ts"
import { queueError } from "./queueError.ts"

/** Counted up to here, so that a figure for an autoscaler never reads a whole table. */
const most = 100_000

export const waitingOf = (
  { query }: Database["Service"],
  queues: ReadonlyArray<string>
): Effect.Effect<Waiting, QueueError> =>
  query(
    "SELECT count(*)::integer AS count, (extract(epoch FROM min(at)) * 1000)::double precision AS oldest FROM (" +
      "SELECT greatest(created_at, run_at) AS at FROM worker_jobs " +
      "WHERE queue = ANY ($1::text[]) AND status = 'queued' AND ready LIMIT $2) waiting",
    [queues, most]
  ).pipe(
    Effect.map(([row]) => ({
      count: Number(row?.["count"] ?? 0),
      oldestAt: typeof row?.["oldest"] === "number" ? row["oldest"] : undefined
    })),
    Effect.mapError(queueError)
  )
