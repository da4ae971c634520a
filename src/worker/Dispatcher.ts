/**
 * Slots are permits, jobs are fibers by command id.
 *
 * A job that only waits parks: it gives its permit back and takes one again before it goes on. A job is interrupted
 * by its command's id, and why is written down before.
 */
import { Cause, Clock, Deferred, Effect, FiberMap, Latch, Metric, Semaphore } from "effect"
import type { CommandId } from "../domain/Ids.ts"
import type { Inbox } from "./Inbox.ts"
import * as Job from "../job/Job.ts"
import type * as Journal from "../journal/Journal.ts"
import { makeBlame, park as parkDelivery } from "../job/deadLetter.ts"
import { decode } from "../job/decode.ts"
import type { Watch } from "../job/Watch.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import type { Delivery } from "../queue/MessageQueue.ts"
import * as Room from "./Capacity.ts"
import { Slot } from "../tools/Slot.ts"
import { WorkerConfig } from "../WorkerConfig.ts"

/** A command in hand. */
export interface ActiveJob {
  readonly command: CommandId
  readonly step: string
  readonly startedAt: number
  /** Waiting without a slot. */
  readonly parked: boolean
}

export type Dispatcher = Effect.Success<ReturnType<typeof make>>

interface Entry {
  readonly step: string
  readonly startedAt: number
  parked: boolean
  readonly gone: Deferred.Deferred<void>
}

export const make = Effect.fnUntraced(function* (watch: Watch) {
  const config = yield* WorkerConfig
  const slots = yield* Semaphore.make(config.concurrency)
  const room = yield* Room.make(config.concurrency + config.prefetch)
  const kinds = new Map(
    yield* Effect.forEach(config.kindLimits, ([kind, n]) =>
      Effect.map(Semaphore.make(n), (s) => [kind, s] as const)
    )
  )
  const jobs = yield* FiberMap.make<string, void, never>()
  const entries = new Map<CommandId, Entry>()
  const handBack = yield* Latch.make(false)
  const blame = makeBlame()
  yield* Metric.update(Metrics.slots, config.concurrency)

  /** Works one delivery in a slot that was taken for it. */
  const work = Effect.fnUntraced(function* (delivery: Delivery, permit: Permit) {
    yield* Metric.update(Metrics.deliveries, 1)
    const decoded = yield* Effect.result(decode(delivery))
    if (decoded._tag === "Failure") {
      yield* Metric.update(Metrics.undecodable, 1)
      return yield* giveUp(delivery, `no notification: ${decoded.failure.message}`)
    }
    const notification = decoded.success
    const id = notification.commandId
    const entry = yield* entryOf(notification.step)
    const park = parkWith(permit, entry, room)
    const slot: Job.JobSlot = {
      withKind: (kind) => withKind(kinds.get(kind), park),
      toolsGone: Effect.asVoid(Deferred.succeed(entry.gone, undefined)),
      mayHandBack: handBack.await,
      blame,
      watch
    }
    if (entries.has(id)) return yield* Job.alreadyRunning(delivery, slot, id)
    yield* Job.run(delivery, notification, slot).pipe(
      Effect.provideService(Slot, { park }),
      inHand(id, entry)
    )
  })

  /** Nobody else works on a command while it is in hand. */
  const inHand =
    (id: CommandId, entry: Entry) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        entries.set(id, entry)
        return Effect.andThen(Metric.update(Metrics.activeJobs, entries.size), effect)
      }).pipe(
        Effect.ensuring(
          Effect.suspend(() => {
            entries.delete(id)
            return Effect.andThen(
              Deferred.succeed(entry.gone, undefined),
              Metric.update(Metrics.activeJobs, entries.size)
            )
          })
        )
      )

  const reportLeftover = Effect.fnUntraced(function* (left: Journal.Entry) {
    const { commandId: id, step } = left.command
    if (entries.has(id)) return
    yield* inHand(id, yield* entryOf(step))(Job.reportLeftover(left))
  })

  /** Takes a slot first and a delivery then, so that what waits in the inbox is nobody's yet. */
  const dispatch = (inbox: Inbox) =>
    Effect.forever(
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          yield* restore(slots.take(1))
          const delivery = yield* restore(inbox.take).pipe(Effect.onInterrupt(() => slots.release(1)))
          const permit = permitOf(slots)
          yield* FiberMap.run(
            jobs,
            delivery.id,
            work(delivery, permit).pipe(
              Effect.exit,
              Effect.ensuring(Effect.andThen(permit.give, room.give(1))),
              Effect.flatMap((exit) =>
                exit._tag === "Failure" ? Effect.logDebug("a job ended early", exit.cause) : Effect.void
              )
            ),
            { startImmediately: true }
          )
        })
      )
    )

  return {
    room,
    dispatch,
    /** Tells an outcome of the journal, unless its command is in hand. */
    reportLeftover,
    /** Commands in hand, oldest first. */
    active: Effect.sync((): ReadonlyArray<ActiveJob> =>
      [...entries].map(([command, { step, startedAt, parked }]) => ({ command, step, startedAt, parked }))
    ),
    /** Whether a command runs; one that only waits does not. */
    busy: Effect.sync(() => entries.values().some(({ parked }) => !parked)),
    awaitIdle: FiberMap.awaitEmpty(jobs),
    /** Interrupts what still runs and waits until its tools are gone. What started waits to be handed back. */
    stopAll: Effect.gen(function* () {
      const left = [...entries.values()]
      for (const [, fiber] of jobs) yield* Effect.sync(() => fiber.interruptUnsafe())
      yield* Effect.forEach(left, (entry) => Deferred.await(entry.gone), {
        concurrency: "unbounded",
        discard: true
      })
      return left.length
    }),
    /** Lets what was stopped for the shutdown go back to the queue. */
    handBack: handBack.open
  }
})

// --- helpers ---

const entryOf = (step: string): Effect.Effect<Entry> =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeMillis
    return { step, startedAt, parked: false, gone: yield* Deferred.make<void>() }
  })

interface Permit {
  readonly take: Effect.Effect<void>
  /** Gives it back; a second time does nothing. */
  readonly give: Effect.Effect<void>
}

/** A slot's permit that knows whether it is held, so that an interruption while parked needs none to unwind. */
const permitOf = (slots: Semaphore.Semaphore): Permit => {
  let held = true
  return {
    take: Effect.tap(Effect.asVoid(slots.take(1)), () => Effect.sync(() => void (held = true))),
    give: Effect.suspend(() => {
      if (!held) return Effect.void
      held = false
      return Effect.asVoid(slots.release(1))
    })
  }
}

const parkWith =
  (permit: Permit, entry: Entry, room: Room.CountedRoom) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        entry.parked = true
        yield* permit.give
        yield* room.give(1)
        const exit = yield* Effect.exit(restore(effect))
        yield* room.overdraw
        // Interrupted, nothing runs any more: no slot is needed to unwind. After a failure the caller may go on.
        if (exit._tag === "Failure" && Cause.hasInterrupts(exit.cause)) return yield* exit
        yield* restore(permit.take)
        entry.parked = false
        return yield* exit
      })
    )

/** A command whose kind is at its limit waits without a slot. */
const withKind =
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

const giveUp = Effect.fnUntraced(function* (delivery: Delivery, reason: string) {
  const settlement = yield* parkDelivery(delivery, reason)
  yield* delivery.settle(settlement).pipe(
    Effect.tap(() => Metric.update(Metrics.settled[settlement._tag], 1)),
    Effect.catch((error) => Effect.logError(`the queue did not hear ${settlement._tag}: ${error.message}`))
  )
})
