/**
 * Slots are permits, jobs are fibers.
 *
 * A job that only waits parks: it gives its permit back and takes one again before it goes on. At the shutdown jobs are
 * interrupted, and what they started goes back to the queue after the worker has deregistered.
 */
import { Duration, Effect, FiberSet, Latch, Semaphore } from "effect"
import * as Job from "../job/Job.ts"
import { makeFailureCounter } from "../job/deadLetter.ts"
import type { JobSlot } from "../job/JobSlot.ts"
import type { Watch } from "../job/Watch.ts"
import type * as Journal from "../journal/Journal.ts"
import type { Delivery } from "../queue/MessageQueue.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { updater } from "../telemetry/updater.ts"
import { WorkerConfig } from "../WorkerConfig.ts"
import * as Capacity from "./Capacity.ts"
import * as EarlyAck from "./earlyAck.ts"
import * as Exclusive from "./Exclusive.ts"
import type { Inbox } from "./Inbox.ts"
import * as InFlight from "./InFlight.ts"
import { type Permit, parkWith, permitOf } from "./Permit.ts"

export type Dispatcher = Effect.Success<ReturnType<typeof make>>

export const make = Effect.fnUntraced(function* (watch: Watch) {
  const config = yield* WorkerConfig
  const slots = yield* Semaphore.make(config.concurrency)
  const capacity = yield* Capacity.make(config.concurrency + config.prefetch)
  const exclusive = yield* Exclusive.make(slots, config.concurrency)
  const kinds = new Map<string, Semaphore.Semaphore>()
  for (const [names, n] of config.kindLimits) {
    const limit = yield* Semaphore.make(n)
    for (const kind of names.split("+")) kinds.set(kind, limit)
  }
  const jobs = yield* FiberSet.make<void, never>()
  const inFlight = yield* InFlight.make
  const ackEarly = yield* EarlyAck.make
  const draining = yield* Latch.make(false)
  const deregistered = yield* Latch.make(false)
  const job = yield* Job.make({
    failures: makeFailureCounter(),
    watch,
    draining: draining.await,
    deregistered: deregistered.await
  })
  /** Reports under way whose slot went to the next command: so many that a command's end costs no slot, and a slow server no flood. */
  let reporting = 0
  const update = updater(yield* Effect.context())
  update(Metrics.slots, config.concurrency)

  /** Works one delivery in the slot that was taken for it. */
  const work = (delivery: Delivery, permit: Permit) => {
    const entry = inFlight.entry(delivery.attempt)
    const park = parkWith(permit, entry)
    const parkTool = <A, E, R>(effect: Effect.Effect<A, E, R>, within?: Duration.Duration) => {
      // What only waits goes on without this worker: its next start takes up a wait that the journal keeps, another worker takes the
      // message, finds the Job or the child, or waits anew.
      const isShort = within !== undefined && Duration.isLessThan(within, config.drain)
      const endOfWait = Effect.andThen(
        draining.await,
        Effect.suspend(() => (entry.acknowledged || !isShort ? Effect.interrupt : Effect.never))
      )
      return parkWith(permit, entry, ackEarly(delivery, entry))(Effect.raceFirst(effect, endOfWait))
    }
    let reportsFreely = false
    const slot: JobSlot = {
      delivery,
      enter: (notification) => inFlight.enter(notification, entry),
      at: (phase, kind) => inFlight.at(entry, phase, kind),
      withKind: (kind) => withLimit(kinds.get(kind), park),
      toolReleased: () => inFlight.release(entry),
      stopped: () => inFlight.stop(entry),
      park,
      parkTool,
      alone: exclusive.alone(park),
      reports: Effect.suspend(() => {
        if (reporting >= config.concurrency) return Effect.void
        reporting += 1
        reportsFreely = true
        return permit.give
      }),
      release: permit.give
    }
    return job.run(slot).pipe(
      Effect.catchCause((cause) => Effect.logError("a job ended without an answer", cause)),
      Effect.andThen(inFlight.leave(entry)),
      Effect.andThen(
        Effect.suspend(() => {
          if (reportsFreely) reporting -= 1
          return permit.give
        })
      )
    )
  }

  const awaitSlot = (inbox: Inbox) =>
    inbox.awaitSome.pipe(Effect.andThen(exclusive.awaitOthersAllowed), Effect.andThen(slots.take(1)))

  /** Waits for a delivery first and a slot then, so that no slot is held while there is nothing to do. */
  const dispatch = (inbox: Inbox) =>
    Effect.forever(
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          yield* restore(awaitSlot(inbox))
          const delivery = inbox.poll()
          if (delivery === undefined) return yield* slots.release(1)
          const permit = permitOf(slots, capacity)
          update(Metrics.deliveries, 1)
          return yield* FiberSet.run(jobs, work(delivery, permit), { startImmediately: true })
        })
      )
    )

  return {
    capacity,
    dispatch,
    /** Reports an outcome of the journal, unless its command is in flight. */
    reportLeftover: (left: Journal.Entry) => inFlight.trackReport(left.command, job.reportLeftover(left)),
    /** Commands in flight, oldest first. */
    active: inFlight.active,
    /** Whether a command runs; a parked one does not. */
    busy: inFlight.busy,
    awaitIdle: FiberSet.awaitEmpty(jobs),
    /** Waits until every command has ended or waits to be handed back. */
    awaitStopped: inFlight.awaitStopped,
    /** Claims without an answer are not asked again from now on, and waits that the journal keeps end. */
    startDraining: draining.open,
    /** Interrupts what still runs, waits until its tools are gone, and answers how many commands that were. */
    stopAll: Effect.gen(function* () {
      const running = yield* inFlight.notStopped
      for (const fiber of jobs) fiber.interruptUnsafe()
      yield* inFlight.awaitToolsReleased
      return running
    }),
    /** Lets what was stopped for the shutdown go back to the queue. */
    allowHandBack: deregistered.open
  }
})

// --- helpers ---

/** A command whose kind is at its limit waits without a slot. */
const withLimit =
  (
    limit: Semaphore.Semaphore | undefined,
    park: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  ) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    limit === undefined
      ? effect
      : Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(limit.takeIfAvailable(1), (got) =>
            (got ? Effect.void : restore(park(limit.take(1)))).pipe(
              Effect.andThen(restore(effect).pipe(Effect.ensuring(limit.release(1))))
            )
          )
        )
