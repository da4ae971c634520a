/** Claims jobs, and gives back what a claim took whose answer was lost. */
import { Clock, Effect } from "effect"
import { randomUUID } from "node:crypto"
import { Database, type Row } from "../../postgres/Database.ts"
import type { QueueError } from "../MessageQueue.ts"
import { queueError } from "./queueError.ts"
import { protocol } from "./schema/index.ts"

export interface ClaimOptions {
  readonly worker: string
  readonly pool: string
  readonly leaseSeconds: number
  /** How often a claim looks for leases that ran out and for jobs that are due, in milliseconds. */
  readonly upkeepMillis: number
}

export interface ClaimedJob {
  readonly id: string
  readonly lease: string
  readonly queue: string
  readonly tenant: string
  readonly deliveries: number
  /** Milliseconds since the epoch. */
  readonly publishedAt: number
  readonly body: string
}

export interface Claimer {
  readonly claim: (queue: string, count: number) => Effect.Effect<ReadonlyArray<ClaimedJob>, QueueError>
  /** Queues that an operator paused, by the last claim. */
  readonly paused: ReadonlySet<string>
}

export const make = Effect.fnUntraced(function* ({ leaseSeconds, pool, upkeepMillis, worker }: ClaimOptions) {
  const { query } = yield* Database
  const lastTenant = new Map<string, string>()
  const upkeepAt = new Map<string, number>()
  const paused = new Set<string>()
  /** Claims without an answer, which may stand. */
  const unanswered = new Map<string, string>()

  const giveBack = (claim: string, queue: string) =>
    query("SELECT worker_give_back($1, $2::uuid)", [queue, claim]).pipe(
      Effect.map(() => void unanswered.delete(claim))
    )

  const claim = Effect.fnUntraced(
    function* (queue: string, count: number) {
      yield* Effect.forEach([...unanswered], ([lost, of]) => giveBack(lost, of), { discard: true })
      const lease = randomUUID()
      const now = yield* Clock.currentTimeMillis
      const isDue = now >= (upkeepAt.get(queue) ?? 0)
      if (isDue) upkeepAt.set(queue, now + upkeepMillis)
      unanswered.set(lease, queue)
      const rows = yield* query(
        "SELECT * FROM worker_claim($1, $2::uuid, $3, $4, $5, $6, $7::double precision, $8, $9)",
        [protocol, lease, worker, queue, pool, count, leaseSeconds, lastTenant.get(queue) ?? "", isDue]
      )
      unanswered.delete(lease)
      if (rows[0]?.["o_paused"] === true) {
        paused.add(queue)
        return []
      }
      paused.delete(queue)
      const jobs = rows.toSorted(byTurn).map((row) => claimedJob(row, queue, lease))
      const last = jobs.at(-1)
      if (last !== undefined) lastTenant.set(queue, last.tenant)
      return jobs
    },
    Effect.mapError(queueError),
    Effect.uninterruptible
  )
  return { claim, paused } satisfies Claimer
})

// --- helpers ---

/** By priority, then by age. */
const byTurn = (a: Row, b: Row): number =>
  Number(b["o_priority"]) - Number(a["o_priority"]) ||
  Number(a["o_created"]) - Number(b["o_created"]) ||
  Number(BigInt(String(a["o_id"])) - BigInt(String(b["o_id"])))

const claimedJob = (row: Row, queue: string, lease: string): ClaimedJob => ({
  id: String(row["o_id"]),
  lease,
  queue,
  tenant: String(row["o_tenant"]),
  deliveries: Number(row["o_deliveries"]),
  publishedAt: Number(row["o_created"]),
  body: bodyOf(row, lease)
})

/** The message, in the shape of `domain/QueuedJob.ts`. The payload is JSON text already. */
const bodyOf = (row: Row, lease: string): string =>
  `{"id":"${String(row["o_id"])}","lease":"${lease}","kind":${JSON.stringify(row["o_kind"])},` +
  `"attempt":${Number(row["o_attempt"])},"failures":${Number(row["o_failures"])},` +
  `"max_retries":${numberOrNull(row["o_max_retries"])},"timeout":${numberOrNull(row["o_timeout"])},` +
  `"backoff":${numberOrNull(row["o_backoff"])},"backoff_max":${numberOrNull(row["o_backoff_max"])},` +
  `"tenant":${JSON.stringify(row["o_tenant"])},"traceparent":${JSON.stringify(row["o_traceparent"] ?? null)},` +
  `"payload":${String(row["o_payload"])}}`

const numberOrNull = (value: unknown): string =>
  value === null || value === undefined ? "null" : String(Number(value))
