/**
 * Tells an address how jobs ended, as the Standard Webhooks have it: an id to tell repetitions by, a time, and an HMAC of both and the
 * body. The database keeps each message, in the transaction that ended its job, until the address took it.
 */
import { Clock, Duration, Effect, Redacted } from "effect"
import { createHmac } from "node:crypto"
import * as Json from "../domain/Json.ts"
import { messageOf } from "../domain/messageOf.ts"
import { shownUrl } from "../domain/shownUrl.ts"
import { Database, type DatabaseError, type Row } from "../postgres/Database.ts"

export interface Options {
  readonly url: string
  /** Empty sends nothing. */
  readonly secret: Redacted.Redacted
  readonly timeout: Duration.Duration
}

/** A message that was tried so often is given up: about a day. */
const maxTries = 30
/** Characters of a result or an error that go with the message. */
const maxValue = 64 * 1024

/** Sends for ever. Several workers share the messages. */
export const deliver = Effect.fnUntraced(function* (options: Options) {
  if (Redacted.value(options.secret) === "") {
    yield* Effect.logError("WORKER_WEBHOOK_SECRET is not set: the outcomes of jobs are not sent")
    return yield* Effect.never
  }
  const { query } = yield* Database
  const round = Effect.gen(function* () {
    const due = yield* query(dueMessages)
    yield* Effect.forEach(due, (row) => sendOne(query, options, row), { concurrency: 4, discard: true })
    return due.length
  })
  return yield* round.pipe(
    Effect.catchTag("DatabaseError", (error) =>
      Effect.as(Effect.logDebug(`messages of the webhook were not read: ${error.message}`), 0)
    ),
    Effect.flatMap((sent) => (sent > 0 ? Effect.void : Effect.sleep("1 second"))),
    Effect.forever
  )
})

/** What is due, each tried again after a pause that doubles up to an hour. */
const dueMessages =
  "WITH due AS (UPDATE worker_outbox SET tries = tries + 1, next_at = now() + least(interval '1 hour', " +
  "make_interval(secs => 5 * power(2, least(tries, 12)))) WHERE id IN (SELECT id FROM worker_outbox WHERE next_at <= now() " +
  "ORDER BY next_at LIMIT 20 FOR UPDATE SKIP LOCKED) RETURNING *) " +
  "SELECT due.id::text, due.event, due.tries, due.job_id::text, due.attempt, j.queue, j.tenant, j.kind, j.status, " +
  "j.result::text AS result, j.error::text AS error, to_json(j.created_at)#>>'{}' AS created_at, to_json(j.ended_at)#>>'{}' AS ended_at " +
  "FROM due LEFT JOIN worker_jobs j ON j.id = due.job_id"

const sendOne = Effect.fnUntraced(function* (
  query: Database["Service"]["query"],
  options: Options,
  row: Row
) {
  const forget = query("DELETE FROM worker_outbox WHERE id = $1::bigint", [row["id"]])
  const problem = yield* post(options, row)
  if (problem === undefined) return yield* forget
  const where = `the webhook ${shownUrl(options.url)} did not take ${String(row["event"])} of the job ${String(row["job_id"])}`
  if (Number(row["tries"]) < maxTries)
    return yield* Effect.logWarning(`${where}: ${problem}; it is tried again`)
  yield* Effect.logError(`${where}: ${problem}; it is given up after ${maxTries} tries`)
  return yield* forget
}) satisfies (...args: never) => Effect.Effect<unknown, DatabaseError>

/** Undefined where the address took it. 410 means that it wants no more of this message. */
const post = Effect.fnUntraced(function* ({ secret, timeout, url }: Options, row: Row) {
  const id = `job-${String(row["job_id"])}-${String(row["attempt"])}-${String(row["event"])}`
  const timestamp = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const body = bodyOf(row, timestamp)
  const signature = createHmac("sha256", Redacted.value(secret))
    .update(`${id}.${timestamp}.${body}`)
    .digest("base64")
  return yield* Effect.tryPromise({
    try: async (signal) => {
      const answer = await fetch(url, {
        method: "POST",
        redirect: "manual",
        headers: {
          "content-type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": String(timestamp),
          "webhook-signature": `v1,${signature}`
        },
        body,
        signal
      })
      await answer.body?.cancel()
      return answer.ok || answer.status === 410 ? undefined : `HTTP ${answer.status}`
    },
    catch: (cause) =>
      cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : messageOf(cause)
  }).pipe(
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () => Effect.succeed(`no answer within ${Duration.toSeconds(timeout)} s`)
    }),
    Effect.catch((problem) => Effect.succeed(problem))
  )
})

const bodyOf = (row: Row, timestamp: number): string => {
  const value = (name: "result" | "error") => {
    const text = row[name]
    if (typeof text !== "string") return ""
    return text.length > maxValue ? `,"${name}_omitted":true` : `,"${name}":${text}`
  }
  const head = Json.stringify({
    id: row["job_id"],
    attempt: row["attempt"],
    queue: row["queue"],
    tenant: row["tenant"],
    kind: row["kind"],
    status: row["status"],
    created_at: row["created_at"],
    ended_at: row["ended_at"]
  })
  return (
    `{"type":${JSON.stringify(row["event"])},"timestamp":"${new Date(timestamp * 1000).toISOString()}",` +
    `"data":${head.slice(0, -1)}${value("result")}${value("error")}}}`
  )
}
