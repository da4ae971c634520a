/**
 * Holds what this worker fetched: every delivery from the moment it was fetched until it is settled, those that wait for
 * a slot included. The same service sends the heartbeat, so that both have one owner and stop together.
 */
import { Clock, Context, Duration, Effect, Layer, Metric, Schema } from "effect"
import type { ControlPlaneError, HeartbeatRequest } from "../control-plane/ControlPlane.ts"
import { leasesExpired } from "../telemetry/Metrics.ts"
import { type AwayLines, awayLines } from "../async/awayLines.ts"
import { heartbeatOutage, leaseOutage } from "./leaseOutages.ts"
import type { Delivery } from "./MessageQueue.ts"
import { extendAfter } from "./leaseProtocol.ts"
import { warnAway } from "../async/warnAway.ts"

/** The lease holder died or could not start. Its supervisor starts it again. */
export class LeaseError extends Schema.TaggedError<LeaseError>()("LeaseError", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

/** How the control plane is told that this worker lives. Every implementation of `Leases` sends it. */
export interface Heartbeat {
  /** Where the control plane is, as logs show it. */
  readonly address: string
  readonly every: Duration.Duration
  /** Sends one from this thread. */
  readonly send: Effect.Effect<void, ControlPlaneError>
  /** The same as a request that another thread can send; undefined where only this thread can. */
  readonly request: HeartbeatRequest | undefined
}

export class Leases extends Context.Service<
  Leases,
  {
    /** The same delivery, held until it is settled. */
    readonly hold: (delivery: Delivery) => Effect.Effect<Delivery>
    /** Whether a held delivery went without an extension longer than its lease: another worker may have it. */
    readonly expired: (deliveryId: string) => boolean
    /** Clears the expiry after the control plane said that the command is still ours. */
    readonly ownershipConfirmed: (deliveryId: string) => Effect.Effect<void>
    /**
     * Extends the leases and sends the heartbeat, for ever. Deliveries may be held before it runs and while it is
     * started again.
     */
    readonly run: (heartbeat: Heartbeat) => Effect.Effect<never, LeaseError>
  }
>()("noetl-worker/queue/Leases") {
  /** Holds leases from this thread: for queues whose leases no other thread can extend, for embedding and for tests. */
  static readonly layerInProcess: Layer.Layer<Leases> = Layer.effect(
    Leases,
    Effect.sync(() => {
      const table = makeTable({ onHold: () => Effect.void, onRelease: () => Effect.void })
      const extending = Effect.forever(Effect.andThen(Effect.sleep("250 millis"), extendDue(table)))
      return Leases.of({
        ...table,
        run: (heartbeat) => Effect.raceAllFirst([extending, sendHeartbeats(heartbeat)])
      })
    })
  )
}

/** One held delivery. Times in milliseconds of the Clock. */
export interface HeldLease {
  readonly delivery: Delivery
  readonly leaseMillis: number
  /** When the last extension that is known to have arrived was sent. */
  safeAt: number
  /** When the last extension was sent. */
  triedAt: number
  expired: boolean
}

export interface LeaseTable {
  readonly away: AwayLines
  readonly held: ReadonlyMap<string, HeldLease>
  readonly hold: (delivery: Delivery) => Effect.Effect<Delivery>
  readonly expired: (deliveryId: string) => boolean
  readonly ownershipConfirmed: (deliveryId: string) => Effect.Effect<void>
}

/** The table of held leases that every implementation shares. The hooks tell a thread what to extend. */
export const makeTable = (hooks: {
  readonly onHold: (delivery: Delivery) => Effect.Effect<void>
  readonly onRelease: (deliveryId: string) => Effect.Effect<void>
}): LeaseTable => {
  const held = new Map<string, HeldLease>()
  const release = (id: string) =>
    Effect.suspend(() => {
      held.delete(id)
      return hooks.onRelease(id)
    })
  return {
    away: awayLines(leaseOutage("the queue")),
    held,
    hold: (delivery) =>
      Effect.clockWith((clock) => {
        const now = clock.currentTimeMillisUnsafe()
        const leaseMillis = Duration.toMillis(delivery.lease.duration)
        held.set(delivery.id, { delivery, leaseMillis, safeAt: now, triedAt: now, expired: false })
        return Effect.as(hooks.onHold(delivery), {
          ...delivery,
          settle: (settlement) => Effect.ensuring(delivery.settle(settlement), release(delivery.id))
        })
      }),
    expired: (id) => held.get(id)?.expired ?? false,
    ownershipConfirmed: (id) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const lease = held.get(id)
        if (lease === undefined) return
        lease.expired = false
        lease.safeAt = now
      })
  }
}

/** Records that a lease was not extended in time. */
export const markExpired = (table: LeaseTable, id: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const lease = table.held.get(id)
    if (lease === undefined || lease.expired) return Effect.void
    lease.expired = true
    return Effect.andThen(
      Metric.update(leasesExpired, 1),
      Effect.logWarning(`the lease of ${id} expired: the queue accepted no extension in time`)
    )
  })

/** Sends heartbeats from this thread, for ever. A failed one is logged and the next one follows in its time. */
export const sendHeartbeats = ({ address, every, send }: Heartbeat): Effect.Effect<never> => {
  const lines = awayLines(heartbeatOutage(address))
  return send.pipe(
    Effect.tap(() => Effect.sync(lines.answered)),
    Effect.catch((error) => warnAway(lines, `heartbeat: ${error.message}`)),
    Effect.delay(every),
    Effect.forever
  )
}

// --- helpers ---

const extendDue = (table: LeaseTable) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    for (const lease of table.held.values()) {
      if (now - lease.triedAt >= lease.leaseMillis * extendAfter) yield* extend(table, lease, now)
    }
  })

const extend = (table: LeaseTable, lease: HeldLease, now: number) => {
  lease.triedAt = now
  const late = now - lease.safeAt > lease.leaseMillis
  return Effect.andThen(
    late ? markExpired(table, lease.delivery.id) : Effect.void,
    lease.delivery.lease.extend
  ).pipe(
    Effect.tap(() =>
      Effect.sync(() => {
        lease.safeAt = now
        table.away.answered()
      })
    ),
    Effect.catch((error) =>
      error.reason._tag === "LeaseLost"
        ? markExpired(table, lease.delivery.id)
        : warnAway(table.away, error.message)
    )
  )
}
