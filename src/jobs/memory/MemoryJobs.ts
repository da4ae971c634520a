/**
 * Jobs in this process: the API, the queue that a worker works, and the outcomes, over one table. For embedding without a
 * database and for tests.
 */
import { Clock, Context, Duration, Effect, Latch, Layer, PubSub, Stream } from "effect"
import * as Json from "../../domain/Json.ts"
import { type JobOutcome, JobOutcomes } from "../../queue/JobOutcomes.ts"
import {
  type Delivery,
  LeaseLost,
  MessageQueue,
  oneByOne,
  QueueError,
  type Settlement
} from "../../queue/MessageQueue.ts"
import { type JobEvent, Jobs } from "../Jobs.ts"
import { jobsOf } from "./jobsOf.ts"
import * as Table from "./Table.ts"

export interface Options {
  readonly lease?: Duration.Input
  readonly worker?: string
}

export const layer = (options: Options = {}): Layer.Layer<Jobs | MessageQueue | JobOutcomes> =>
  Layer.effectContext(make(options))

const make = Effect.fnUntraced(function* (options: Options) {
  const lease = Duration.fromInputUnsafe(options.lease ?? "30 seconds")
  const events = yield* PubSub.unbounded<JobEvent>()
  const changed = yield* Latch.make(false)
  const table = Table.make(({ attempt, id, kind, queue, status }) => {
    PubSub.publishUnsafe(events, { attempt, id, kind, queue, status })
    changed.openUnsafe()
  })
  const claim = Effect.map(Clock.currentTimeMillis, (now) =>
    table.claim(options.worker ?? "memory-worker", now, Duration.toMillis(lease))
  )
  const settle = (job: Pick<Table.Job, "id" | "lease">, answer: Table.Answer) =>
    Effect.map(Clock.currentTimeMillis, (now) => table.settle(job.id, job.lease, answer, now))

  const next: Effect.Effect<Delivery> = Effect.gen(function* () {
    while (true) {
      changed.closeUnsafe()
      const job = yield* claim
      if (job !== undefined) return deliveryOf(job, lease, settle)
      const at = table.nextAt()
      const due =
        at === Infinity ? Effect.never : Effect.sleep(Math.max(1, at - (yield* Clock.currentTimeMillis)))
      yield* Effect.raceFirst(changed.await, due)
    }
  })
  const present = new Set<string>()
  return Context.make(MessageQueue, {
    name: "memory",
    address: "in this process",
    deliveries: oneByOne(next),
    connected: Effect.succeed(true),
    waiting: Effect.map(Clock.currentTimeMillis, (now) => {
      table.upkeep(now)
      const ready = [...table.jobs.values()].filter(
        ({ runAt, status }) => status === "queued" && runAt <= now
      )
      return { count: ready.length, oldestAt: ready[0]?.createdAt }
    })
  }).pipe(
    Context.add(JobOutcomes, {
      name: "memory",
      address: "in this process",
      complete: (job, outcome) => settle(job, answerOf(outcome)),
      holder: ({ id, lease: own }) =>
        Effect.sync(() => {
          const job = table.jobs.get(id)
          if (job === undefined || (job.status !== "queued" && job.status !== "running")) return "Ended"
          return job.status === "running" && job.lease === own ? "Ours" : "Other"
        }),
      cancelled: (id) => Effect.sync(() => table.jobs.get(id)?.cancelRequested ?? false),
      present: (worker) => Effect.sync(() => void present.add(worker)),
      leave: (worker) => Effect.sync(() => void present.delete(worker))
    }),
    Context.add(
      Jobs,
      jobsOf(table, Stream.fromPubSub(events), () => present.size)
    )
  )
})

const answerOf = (outcome: JobOutcome): Table.Answer => {
  switch (outcome._tag) {
    case "Succeed":
      return { action: "succeed", result: outcome.result }
    case "Fail":
      return { action: "fail", error: outcome.error }
    case "Retry":
      return { action: "retry", error: outcome.error, after: Duration.toMillis(outcome.after) }
  }
}

type Settle = (job: Pick<Table.Job, "id" | "lease">, answer: Table.Answer) => Effect.Effect<boolean>

const deliveryOf = (job: Table.Job, duration: Duration.Duration, settle: Settle): Delivery => {
  const held = { id: job.id, lease: job.lease }
  const millis = Duration.toMillis(duration)
  return {
    id: `${job.queue}:${job.id}:${job.deliveries}`,
    body: bodyOf(job),
    publishedAt: Math.max(job.createdAt, job.runAt),
    attempt: job.deliveries,
    lease: {
      duration,
      remote: undefined,
      extend: Effect.flatMap(settle(held, { action: "extend", millis }), (ours) =>
        ours
          ? Effect.void
          : Effect.fail(
              new QueueError({ reason: new LeaseLost({ detail: `another worker has the job ${held.id}` }) })
            )
      )
    },
    deadLetter: ({ at, attempts, reason, worker }) =>
      Effect.as(settle(held, { action: "fail", error: { message: reason, attempts, at, worker } }), held.id),
    settle: (settlement) => Effect.asVoid(settle(held, settlementOf(settlement)))
  }
}

const settlementOf = (settlement: Settlement): Table.Answer => {
  switch (settlement._tag) {
    case "Ack":
      return { action: "ack" }
    case "Retry":
      return { action: "back", after: Duration.toMillis(settlement.after) }
    case "Discard":
      return { action: "fail", error: { message: settlement.reason } }
  }
}

const bodyOf = ({ attempt, failures, id, kind, lease, payload, row, tenant }: Table.Job): string =>
  Json.stringify({
    id,
    lease,
    kind,
    attempt,
    failures,
    max_retries: row.max_retries ?? null,
    timeout: row.timeout_seconds ?? null,
    backoff: row.backoff_seconds ?? null,
    backoff_max: row.backoff_max_seconds ?? null,
    tenant,
    traceparent: row.traceparent ?? null,
    payload
  })
