/**
 * Keeps what we hold: every delivery from the moment it was fetched until it is settled, those that wait in the
 * inbox included, and our place in the control plane's list of living workers.
 */
import { Clock, Context, Duration, Effect, Layer, Metric, Schema } from "effect"
import { leasesLapsed } from "../telemetry/Metrics.ts"
import type { Delivery } from "./MessageQueue.ts"

/** The keeper died or could not start. Its supervisor starts it again. */
export class LeaseError extends Schema.TaggedError<LeaseError>()("LeaseError", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

export class Leases extends Context.Service<
  Leases,
  {
    /** The same delivery, kept ours until it is settled. */
    readonly keep: (delivery: Delivery) => Effect.Effect<Delivery>
    /** Whether a kept delivery went without an extension longer than its lease: somebody else may have it. */
    readonly lapsed: (deliveryId: string) => Effect.Effect<boolean>
    /** Forgets the lapse, once ownership was asked for. */
    readonly renewed: (deliveryId: string) => Effect.Effect<void>
    /** Does the keeping, for ever. Deliveries may be kept before it runs and while it is started again. */
    readonly run: Effect.Effect<never, LeaseError>
  }
>()("noetl-worker/leases/Leases") {
  /** Keeps leases from this thread: for queues whose leases no other thread can extend, and for tests. */
  static readonly layerInProcess: Layer.Layer<Leases> = Layer.effect(
    Leases,
    Effect.gen(function* () {
      const book = yield* makeBook
      return Leases.of({
        ...book,
        run: Effect.forever(Effect.andThen(Effect.sleep("250 millis"), extendDue(book)))
      })
    })
  )
}

/** What is held, and since when it is safe. Times in milliseconds of the Clock. */
export interface Kept {
  readonly delivery: Delivery
  readonly leaseMillis: number
  /** The last time an extension was known to have arrived. */
  safeAt: number
  /** The last time one was tried. */
  triedAt: number
  lapsed: boolean
}

export interface Book {
  readonly kept: Map<string, Kept>
  readonly keep: (delivery: Delivery) => Effect.Effect<Delivery>
  readonly lapsed: (deliveryId: string) => Effect.Effect<boolean>
  readonly renewed: (deliveryId: string) => Effect.Effect<void>
}

/** How much of a lease may pass before it is extended. */
export const renewAfter = 0.4

/** The bookkeeping that every keeper shares. `onKeep` and `onRelease` tell a keeper elsewhere. */
export const makeBookWith = (
  onKeep: (delivery: Delivery) => Effect.Effect<void>,
  onRelease: (deliveryId: string) => Effect.Effect<void>
): Effect.Effect<Book> =>
  Effect.sync(() => {
    const kept = new Map<string, Kept>()
    const release = (id: string) =>
      Effect.andThen(
        Effect.sync(() => kept.delete(id)),
        onRelease(id)
      )
    return {
      kept,
      keep: (delivery) =>
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          const leaseMillis = Duration.toMillis(delivery.lease.duration)
          kept.set(delivery.id, { delivery, leaseMillis, safeAt: now, triedAt: now, lapsed: false })
          yield* onKeep(delivery)
          return {
            ...delivery,
            settle: (settlement) => Effect.ensuring(delivery.settle(settlement), release(delivery.id))
          }
        }),
      lapsed: (id) => Effect.sync(() => kept.get(id)?.lapsed ?? false),
      renewed: (id) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const entry = kept.get(id)
          if (entry === undefined) return
          entry.lapsed = false
          entry.safeAt = now
        })
    }
  })

/** Writes a lapse down. */
export const lapse = (book: Book, id: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const entry = book.kept.get(id)
    if (entry === undefined || entry.lapsed) return Effect.void
    entry.lapsed = true
    return Effect.andThen(
      Metric.update(leasesLapsed, 1),
      Effect.logWarning(`the lease of ${id} was not extended in time`)
    )
  })

// --- helpers ---

const makeBook = makeBookWith(
  () => Effect.void,
  () => Effect.void
)

const extendDue = (book: Book) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    for (const entry of book.kept.values()) {
      if (now - entry.triedAt >= entry.leaseMillis * renewAfter) yield* extend(book, entry, now)
    }
  })

const extend = (book: Book, entry: Kept, now: number) => {
  entry.triedAt = now
  const late = now - entry.safeAt > entry.leaseMillis
  return Effect.andThen(
    late ? lapse(book, entry.delivery.id) : Effect.void,
    entry.delivery.lease.extend
  ).pipe(
    Effect.tap(() => Effect.sync(() => void (entry.safeAt = now))),
    Effect.catch((error) => Effect.logWarning(`a lease could not be extended: ${error.message}`))
  )
}
