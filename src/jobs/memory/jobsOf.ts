/** The API of jobs over a table in memory. */
import { Clock, Duration, Effect, Schedule, type Stream } from "effect"
import {
  hasEnded,
  type JobEvent,
  type JobRecord,
  Jobs,
  JobsError,
  noSuchJob,
  submitOne,
  type QueueStats,
  type Selection,
  StillRunning,
  type Submission
} from "../Jobs.ts"
import { rowsOf } from "../submission.ts"
import type { Job, Table } from "./Table.ts"

export const jobsOf = (
  table: Table,
  events: Stream.Stream<JobEvent>,
  workers: () => number
): Jobs["Service"] => {
  const submitMany = Effect.fnUntraced(function* (jobs: ReadonlyArray<Submission>) {
    const rows = yield* rowsOf(jobs)
    const now = yield* Clock.currentTimeMillis
    return rows.map((row) => {
      const { created, job } = table.add(row, now)
      return { id: job.id, created }
    })
  })
  const found = (id: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      table.upkeep(now)
      const job = table.jobs.get(id)
      return job === undefined ? Effect.fail(noSuchJob(id)) : Effect.succeed(job)
    })
  const result = (id: string) => Effect.map(found(id), recordOf)
  const dead = (id: string) =>
    Effect.flatMap(found(id), (job) =>
      job.status === "failed" ? Effect.succeed(job) : Effect.fail(noSuchJob(id))
    )

  const wait = Effect.fnUntraced(function* (id: string, timeout: Duration.Input) {
    const within = Duration.fromInputUnsafe(timeout)
    const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(within)
    const job = yield* result(id).pipe(
      Effect.repeat({
        until: (record) => Effect.map(Clock.currentTimeMillis, (now) => hasEnded(record) || now >= until),
        schedule: Schedule.spaced("10 millis")
      })
    )
    return hasEnded(job)
      ? job
      : yield* new JobsError({
          reason: new StillRunning({ id, status: job.status, seconds: Duration.toSeconds(within) })
        })
  })

  const list = (selection: Selection = {}) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      table.upkeep(now)
      return [...table.jobs.values()]
        .filter((job) => isSelected(job, selection))
        .toReversed()
        .slice(0, selection.most ?? 100)
        .map(recordOf)
    })

  return Jobs.of({
    submit: submitOne(submitMany),
    submitMany,
    result,
    wait,
    cancel: (id) =>
      Effect.flatMap(found(id), (job) =>
        Effect.map(Clock.currentTimeMillis, (now) => table.cancel(job, now))
      ),
    list,
    stats: Effect.map(Clock.currentTimeMillis, (now) => statsOf(table, now, workers())),
    deadLetters: {
      list: (selection = {}) => list({ ...selection, status: "failed" }),
      show: (id) => Effect.map(dead(id), recordOf),
      retry: (id) =>
        Effect.flatMap(dead(id), (job) =>
          Effect.map(Clock.currentTimeMillis, (now) => table.retry(job, now))
        ),
      purge: (which) =>
        Effect.sync(() => {
          const gone = [...table.jobs.values()].filter(
            (job) =>
              job.status === "failed" &&
              ("id" in which ? job.id === which.id : which.queue === undefined || job.queue === which.queue)
          )
          gone.forEach(table.remove)
          return gone.length
        })
    },
    events
  })
}

// --- helpers ---

const isSelected = (job: Job, { kind, queue, status, tenant }: Selection): boolean =>
  (queue === undefined || job.queue === queue) &&
  (status === undefined || job.status === status) &&
  (tenant === undefined || job.tenant === tenant) &&
  (kind === undefined || job.kind === kind)

const recordOf = (job: Job): JobRecord => ({
  id: job.id,
  queue: job.queue,
  tenant: job.tenant,
  kind: job.kind,
  payload: job.payload,
  priority: job.priority,
  status: job.status,
  attempt: job.attempt,
  failures: job.failures,
  worker: job.worker,
  result: job.result,
  error: job.error,
  runAt: job.runAt,
  createdAt: job.createdAt,
  startedAt: job.startedAt,
  endedAt: job.endedAt
})

const statsOf = (table: Table, now: number, workers: number): ReadonlyArray<QueueStats> => {
  const byQueue = Map.groupBy(table.jobs.values(), ({ queue }) => queue)
  return [...byQueue].map(([queue, jobs]) => {
    const count = (holds: (job: Job) => boolean) => jobs.filter(holds).length
    return {
      queue,
      ready: count(({ runAt, status }) => status === "queued" && runAt <= now),
      later: count(({ runAt, status }) => status === "queued" && runAt > now),
      running: count(({ status }) => status === "running"),
      succeeded: count(({ status }) => status === "succeeded"),
      failed: count(({ status }) => status === "failed"),
      cancelled: count(({ status }) => status === "cancelled"),
      workers
    }
  })
}
