/** Jobs of a clock: whichever worker moves an entry forward submits its job, in the same statement, so each moment has one job. */
import { Cron, DateTime, Effect, Result } from "effect"
import { Database, type Row } from "../../postgres/Database.ts"

export const fireDue = Effect.fnUntraced(function* (queues: ReadonlyArray<string>) {
  const { query } = yield* Database
  const due = yield* query(
    "SELECT name, schedule, time_zone, next_at::text AS at, (extract(epoch FROM now()) * 1000)::double precision AS now " +
      "FROM worker_crons WHERE next_at <= now() AND queue = ANY ($1::text[]) LIMIT 100",
    [queues]
  )
  yield* Effect.forEach(due, fire, { discard: true })
})

const fire = Effect.fnUntraced(function* (row: Row) {
  const { query } = yield* Database
  const next = nextAfter(String(row["schedule"]), String(row["time_zone"]), new Date(Number(row["now"])))
  if (Result.isFailure(next)) {
    return yield* Effect.logError(`the clock entry ${String(row["name"])} is not run: ${next.failure}`)
  }
  yield* query(
    "WITH moved AS (UPDATE worker_crons SET next_at = $3::timestamptz WHERE name = $1 AND next_at = $2::timestamptz " +
      "RETURNING queue, kind, payload, options) " +
      "SELECT worker_enqueue_many(jsonb_build_array(options || jsonb_build_object('queue', queue, 'kind', kind, " +
      "'payload', payload))) FROM moved",
    [row["name"], row["at"], next.success.toISOString()]
  )
})

/** The first moment of a schedule after a time; a sentence where schedule or time zone do not read. */
export const nextAfter = (schedule: string, timeZone: string, after: Date): Result.Result<Date, string> => {
  const zone = DateTime.zoneMakeNamed(timeZone)
  if (zone._tag === "None") return Result.fail(`there is no time zone ${timeZone}`)
  const cron = Cron.parse(schedule, zone.value)
  return Result.isFailure(cron)
    ? Result.fail(`${schedule} is no schedule: ${cron.failure.message}`)
    : Result.succeed(Cron.next(cron.success, after))
}
