/**
 * Push: a connection that listens for jobs that can be claimed. It is opened again when it breaks, and then the queue is
 * asked once, because a notification may have come in between.
 *
 * A pooler in transaction mode takes LISTEN and never delivers. So the connection is tried first: a notification of our own,
 * sent over another connection, has to arrive. Where it does not, the queue is polled alone.
 */
import { Deferred, Effect, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import { backoff } from "../../async/backoff.ts"
import { Database, type DatabaseError, databaseError } from "../../postgres/Database.ts"

export interface Heard {
  /** A job of this queue can be claimed; undefined after a reconnect: it may be any. */
  readonly onJobs: (queue: string | undefined) => void
}

const channel = "worker_jobs"

/** Listens for ever. Without push it waits for ever, and says so once. */
export const listen = Effect.fnUntraced(function* ({ onJobs }: Heard) {
  const once = Effect.gen(function* () {
    const { arrives, broken, client } = yield* listening
    if (!arrives) return
    client.on("notification", (message) => {
      if (message.channel === channel) onJobs(message.payload)
    })
    onJobs(undefined)
    return yield* Deferred.await(broken)
  }).pipe(Effect.scoped)

  yield* once.pipe(
    Effect.tapError((error) =>
      Effect.logDebug(`the connection that listens for jobs broke: ${error.message}`)
    ),
    Effect.retry(Schedule.map(backoff("200 millis", "5 seconds"), () => Effect.void)),
    Effect.orDie
  )
  yield* Effect.logInfo(
    "notifications do not arrive (a pooler in transaction mode is between): the queue is polled alone"
  )
  return yield* Effect.never
})

/** Whether a notification arrives over a connection of its own. */
export const pushArrives = Effect.map(
  Effect.suspend(() => listening),
  ({ arrives }) => arrives
)

/** A connection that listens, tried. */
const listening = Effect.gen(function* () {
  const database = yield* Database
  const client = yield* database.connection
  const broken = yield* Deferred.make<never, DatabaseError>()
  const arrived = yield* Deferred.make<void>()
  const probe = `worker_probe_${randomUUID().replaceAll("-", "")}`
  client.on("error", (cause) => Deferred.doneUnsafe(broken, Effect.fail(databaseError(cause))))
  client.on("end", () => Deferred.doneUnsafe(broken, Effect.fail(databaseError("the connection ended"))))
  client.on("notification", (message) => {
    if (message.channel === probe) Deferred.doneUnsafe(arrived, Effect.void)
  })
  const run = (text: string) => Effect.tryPromise({ try: () => client.query(text), catch: databaseError })
  yield* run(`LISTEN ${channel}; LISTEN ${probe}`)
  yield* database.query("SELECT pg_notify($1, '')", [probe])
  const arrives = yield* Deferred.await(arrived).pipe(
    Effect.as(true),
    Effect.timeoutOrElse({ duration: "3 seconds", orElse: () => Effect.succeed(false) })
  )
  yield* run(`UNLISTEN ${probe}`)
  return { arrives, broken, client }
})
