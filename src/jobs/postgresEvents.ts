/**
 * Changes of jobs as the database tells them. It tells only while a reader is registered, so that jobs cost nothing more
 * when there is none. A reader that ends without a word is forgotten after half a minute.
 */
import { Cause, Effect, Queue, Schedule, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { Database, type DatabaseError, databaseError, type Row } from "../postgres/Database.ts"
import type { JobEvent, JobStatus } from "./Jobs.ts"

export const eventsOf = (database: Database["Service"]): Stream.Stream<JobEvent, DatabaseError> =>
  Stream.callback<ReadonlyArray<Told>, DatabaseError>((out) =>
    Effect.gen(function* () {
      const client = yield* database.connection
      const broken = (cause: unknown) => Queue.failCauseUnsafe(out, Cause.fail(databaseError(cause)))
      client.on("error", broken)
      client.on("end", () => broken("the connection ended"))
      client.on("notification", ({ payload = "" }) => Queue.offerUnsafe(out, toldOf(payload)))
      yield* Effect.tryPromise({ try: () => client.query("LISTEN worker_job_events"), catch: databaseError })
      const id = randomUUID()
      const register = database.query(
        "INSERT INTO worker_watchers (id, until) VALUES ($1::uuid, now() + interval '30 seconds') " +
          "ON CONFLICT (id) DO UPDATE SET until = excluded.until",
        [id]
      )
      yield* register
      yield* Effect.addFinalizer(() =>
        database
          .query("DELETE FROM worker_watchers WHERE id = $1::uuid OR until < now()", [id])
          .pipe(Effect.ignore)
      )
      return yield* register.pipe(Effect.repeat(Schedule.spaced("10 seconds")), Effect.andThen(Effect.never))
    })
  ).pipe(
    Stream.mapEffect((told) => described(database, told)),
    Stream.flatMap((events) => Stream.fromIterable(events))
  )

interface Told {
  readonly id: string
  readonly status: JobStatus
  readonly attempt: number
}

/** `id:status:attempt,…` */
const toldOf = (payload: string): ReadonlyArray<Told> =>
  payload.split(",").flatMap((part) => {
    const [id = "", status = "", attempt] = part.split(":")
    return /^\d+$/.test(id) ? [{ id, status: status as JobStatus, attempt: Number(attempt) }] : []
  })

const described = Effect.fnUntraced(function* (database: Database["Service"], told: ReadonlyArray<Told>) {
  const rows = yield* database.query(
    "SELECT id::text, queue, kind FROM worker_jobs WHERE id = ANY ($1::bigint[])",
    [told.map(({ id }) => id)]
  )
  const known = new Map(rows.map((row: Row) => [String(row["id"]), row]))
  return told.flatMap((one): ReadonlyArray<JobEvent> => {
    const row = known.get(one.id)
    return row === undefined ? [] : [{ ...one, queue: String(row["queue"]), kind: String(row["kind"]) }]
  })
})
