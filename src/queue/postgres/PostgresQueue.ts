/**
 * A queue in a table of PostgreSQL. What is claimed carries a lease; the outcome, the retry and the hand-back of a job are one
 * row's change under that lease, so a job has one accepted outcome whatever ends in between.
 */
import { type Cause, Clock, Context, Duration, Effect, Latch, Layer, Queue, Stream } from "effect"
import { Database } from "../../postgres/Database.ts"
import { JobOutcomes } from "../JobOutcomes.ts"
import {
  type Capacity,
  type Delivery,
  handBack,
  LeaseLost,
  MessageQueue,
  QueueError,
  type Settlement
} from "../MessageQueue.ts"
import * as Claim from "./claim.ts"
import { listen } from "./listen.ts"
import * as Maintenance from "./maintain.ts"
import { type Held, outcomesOf } from "./outcomes.ts"
import { queueError } from "./queueError.ts"
import * as Settlements from "./settlements.ts"
import * as Shares from "./shares.ts"
import { waitingOf } from "./waiting.ts"

export interface Options {
  /** The name under which this worker holds jobs. */
  readonly worker: string
  readonly pool: string
  readonly queues: ReadonlyArray<Shares.WorkedQueue>
  /** Jobs in one claim at most. */
  readonly batchSize: number
  readonly pollInterval: Duration.Duration
  /** How long a job stays with this worker without an extension. */
  readonly visibilityTimeout: Duration.Duration
  /** How long an answer of the database shows that it is there. */
  readonly answeredWithin: Duration.Duration
  /** Whether a schema that is missing or older is brought forward before the first job is claimed. */
  readonly migrate: boolean
  readonly maintenance: Maintenance.Options
  /** Whether this worker sends the outcomes of all jobs to a webhook: the database keeps them for it. */
  readonly webhook?: boolean
}

/** Needs a database whose schema is there. */
export const layer = (options: Options): Layer.Layer<MessageQueue | JobOutcomes, never, Database> =>
  Layer.effectContext(make(options))

const make = Effect.fnUntraced(function* (options: Options) {
  const database = yield* Database
  const claimer = yield* Claim.make({
    worker: options.worker,
    pool: options.pool,
    leaseSeconds: Duration.toSeconds(options.visibilityTimeout),
    upkeepMillis: Math.max(1, Duration.toMillis(options.pollInterval) - 5)
  })
  const settle = yield* Settlements.make
  const shares = Shares.make(options.queues)
  const held: Held = new Map()
  const state = { answered: false, answeredAt: 0, serial: 0 }
  const names = options.queues.map(({ name }) => name)
  const maintenance = Maintenance.make(names, options.maintenance)

  const deliver = (job: Claim.ClaimedJob): Delivery => {
    state.serial += 1
    shares.took(job.queue)
    return deliveryOf(settle, held, job, {
      serial: state.serial,
      lease: options.visibilityTimeout,
      gone: () => shares.settled(job.queue)
    })
  }

  /** Claims from each queue what its share allows, and what is left from those that have more. */
  const claimAll = Effect.fnUntraced(function* (wanted: number, out: Out) {
    let got = 0
    const empty = new Set<string>()
    for (const { most, name } of shares.turns(wanted)) {
      const count = Math.min(most(), wanted - got)
      if (count < 1 || empty.has(name)) continue
      const jobs = yield* claimer.claim(name, count)
      if (jobs.length < count) empty.add(name)
      for (const job of jobs) Queue.offerUnsafe(out, deliver(job))
      got += jobs.length
    }
    state.answered = true
    state.answeredAt = yield* Clock.currentTimeMillis
    return got
  }, Effect.uninterruptible)

  const reading = Effect.fnUntraced(function* (capacity: Capacity, out: Out, jobs: Latch.Latch) {
    let isBusy = false
    while (true) {
      const wanted: number = yield* acquireBatch(capacity, options.batchSize, isBusy)
      jobs.closeUnsafe()
      let got = 0
      yield* claimAll(wanted, out).pipe(
        Effect.tap((n) => Effect.sync(() => void (got = n))),
        Effect.tapError(() => Effect.sync(() => void (state.answered = false))),
        Effect.ensuring(Effect.suspend(() => capacity.release(wanted - got)))
      )
      isBusy = got === wanted
      if (!isBusy) yield* Effect.raceFirst(jobs.await, Effect.sleep(options.pollInterval))
    }
  })

  const deliveries = (capacity: Capacity) =>
    Stream.callback<Delivery, QueueError>((out) =>
      Effect.gen(function* () {
        const jobs = yield* Latch.make(false)
        yield* Effect.addFinalizer(() => handBackRest(out))
        const wake = (queue: string | undefined) => {
          if (queue === undefined || names.includes(queue)) jobs.openUnsafe()
        }
        return yield* Effect.raceAllFirst([
          reading(capacity, out, jobs),
          listen({ onJobs: wake }),
          maintenance
        ])
      }).pipe(Effect.provideService(Database, database))
    )

  const answers = database.query("SELECT 1").pipe(
    Effect.as(true),
    Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.succeed(false) }),
    Effect.catch(() => Effect.succeed(false))
  )
  return Context.make(MessageQueue, {
    name: "postgres",
    address: database.address,
    deliveries,
    connected: Effect.flatMap(Clock.currentTimeMillis, (now) =>
      !state.answered
        ? Effect.succeed(false)
        : now - state.answeredAt < Duration.toMillis(options.answeredWithin)
          ? Effect.succeed(true)
          : answers
    ),
    paused: Effect.sync(() =>
      claimer.paused.size < names.length ? undefined : `paused by an operator: ${names.join(", ")}`
    ),
    waiting: waitingOf(database, names)
  }).pipe(
    Context.add(
      JobOutcomes,
      outcomesOf(database, settle, held, {
        names,
        pool: options.pool,
        migrate: options.migrate,
        webhook: options.webhook === true
      })
    )
  )
})

type Out = Queue.Queue<Delivery, QueueError | Cause.Done>

/** A claim costs the same for one job as for several: where little is free, more may be free in a moment. */
const acquireBatch = Effect.fnUntraced(function* (capacity: Capacity, most: number, isBusy: boolean) {
  let acquired = yield* capacity.acquire(most)
  const enough = Math.min(most, worthAClaim)
  for (let tries = isBusy ? 6 : 1; tries > 0 && acquired < enough; tries--) {
    yield* Effect.sleep("1 millis")
    acquired += yield* capacity.acquireNow(most - acquired)
  }
  return acquired
})

/** While jobs wait in the table, a claim is for so many. */
const worthAClaim = 16

const deliveryOf = (
  settle: Settlements.Settle,
  held: Held,
  { body, deliveries, id, lease, publishedAt, queue }: Claim.ClaimedJob,
  own: { readonly serial: number; readonly lease: Duration.Duration; readonly gone: () => void }
): Delivery => {
  const key = `${id}:${lease}`
  const state = { ended: false }
  held.set(key, state)
  let isSettled = false
  const answer = (action: Settlements.Action, more: Partial<Settlements.Answer> = {}) =>
    Effect.mapError(settle({ id, lease, action, seconds: 0, value: undefined, ...more }), queueError)
  const seconds = Duration.toSeconds(own.lease)
  return {
    id: `${queue}:${id}:${deliveries}#${own.serial}`,
    body,
    publishedAt,
    attempt: deliveries,
    lease: {
      duration: own.lease,
      remote: { id, lease, seconds },
      extend: Effect.flatMap(answer("extend", { seconds }), (verdict) =>
        verdict === "lost"
          ? Effect.fail(
              new QueueError({ reason: new LeaseLost({ detail: `another worker has the job ${id}` }) })
            )
          : Effect.void
      )
    },
    // The row stays, with the note as its error: it is the dead letter.
    deadLetter: ({ at, attempts, reason, worker }) =>
      state.ended
        ? Effect.succeed(id)
        : Effect.map(answer("fail", { value: { message: reason, attempts, at, worker } }), () => {
            state.ended = true
            return id
          }),
    settle: (settlement) =>
      Effect.suspend(() => {
        if (isSettled) return Effect.void
        isSettled = true
        held.delete(key)
        own.gone()
        return state.ended ? Effect.void : Effect.asVoid(settled(answer, settlement))
      })
  }
}

const settled = (
  answer: (
    action: Settlements.Action,
    more?: Partial<Settlements.Answer>
  ) => Effect.Effect<Settlements.Verdict, QueueError>,
  settlement: Settlement
) => {
  switch (settlement._tag) {
    case "Ack":
      return answer("ack")
    case "Retry":
      return answer("back", { seconds: Duration.toSeconds(settlement.after) })
    case "Discard":
      return answer("fail", { value: { message: settlement.reason } })
  }
}

/** Hands back what was claimed and not emitted. What cannot be handed back comes again when its lease is over. */
const handBackRest = (out: Out) =>
  Queue.clear(out).pipe(
    Effect.flatMap(
      Effect.forEach(
        (delivery) =>
          handBack(delivery).pipe(
            Effect.catch((error) => Effect.logWarning(`a claimed job was not handed back: ${error.message}`))
          ),
        { discard: true, concurrency: "unbounded" }
      )
    ),
    Effect.catch((error) => Effect.logDebug(`the stream had ended: ${String(error)}`))
  )
