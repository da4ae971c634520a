/**
 * Looks, while commands run, for reasons to stop them: a lease that somebody else took over, a cancellation. One look a
 * second for all of them, so that a command costs an entry and no fibers.
 */
import { Clock, Duration, Effect, FiberMap, Random } from "effect"
import { ControlPlane, type ControlPlaneError } from "../control-plane/ControlPlane.ts"
import type { Command } from "../domain/Command.ts"
import type { StopReason } from "../domain/Outcome.ts"
import { Leases } from "../queue/Leases.ts"
import type { Delivery } from "../queue/MessageQueue.ts"
import { WorkerConfig } from "../WorkerConfig.ts"

export type Watch = Effect.Success<typeof make>

interface Watched {
  readonly command: Command
  readonly stop: (why: StopReason) => void
  /** When to ask next, in milliseconds. */
  askOwnerAt: number
  askCancelledAt: number
}

export const make = Effect.gen(function* () {
  const controlPlane = yield* ControlPlane
  const leases = yield* Leases
  const cancellationEvery = Duration.toMillis((yield* WorkerConfig).cancellationEvery)
  const watched = new Map<string, Watched>()

  const stop = (id: string, why: StopReason) =>
    Effect.sync(() => {
      const entry = watched.get(id)
      watched.delete(id)
      entry?.stop(why)
    })

  /** A lapsed lease is no loss yet: the control plane decides who owns the command. While it cannot say, we go on. */
  const askOwner = (id: string, { command }: Watched) =>
    Effect.flatMap(controlPlane.owner(command), (owner) => {
      if (owner._tag === "Ours") return leases.renewed(id)
      return owner._tag === "Unknown" ? Effect.void : stop(id, "LeaseLost")
    })

  const askCancelled = (id: string, { command }: Watched) =>
    Effect.flatMap(controlPlane.cancelled(command), (yes) => (yes ? stop(id, "Cancelled") : Effect.void))

  const look = Effect.fnUntraced(function* (asks: Asks) {
    const now = yield* Clock.currentTimeMillis
    for (const [id, entry] of watched) {
      if (now >= entry.askOwnerAt && (yield* leases.lapsed(id))) {
        entry.askOwnerAt = now + betweenOwnerAsks
        yield* ask(asks, `${id} owner`, askOwner(id, entry))
      }
      if (now >= entry.askCancelledAt) {
        entry.askCancelledAt = now + cancellationEvery
        yield* ask(asks, `${id} cancelled`, askCancelled(id, entry))
      }
    }
  })

  return {
    /** Looks after a command while the effect runs. `stop` is called once at most, and not after it. */
    during: (id: Delivery["id"], command: Command, stop: Watched["stop"]) =>
      Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
        const now = yield* Clock.currentTimeMillis
        // Commands that started together do not ask together.
        const askCancelledAt = now + cancellationEvery * (yield* Random.next)
        watched.set(id, { command, stop, askOwnerAt: now, askCancelledAt })
        return yield* Effect.ensuring(
          effect,
          Effect.sync(() => watched.delete(id))
        )
      }),
    run: Effect.scoped(
      Effect.gen(function* () {
        const asks: Asks = yield* FiberMap.make<string>()
        const looks = Effect.forever(Effect.andThen(Effect.sleep("1 second"), look(asks)))
        return yield* Effect.raceFirst(looks, Effect.andThen(FiberMap.join(asks), Effect.never))
      })
    )
  }
})

// --- helpers ---

type Asks = FiberMap.FiberMap<string>

/** Milliseconds. */
const betweenOwnerAsks = 5000

/** In a fiber of its own: a server that does not answer must not keep the others from being looked after. */
const ask = (asks: Asks, key: string, question: Effect.Effect<void, ControlPlaneError>) =>
  FiberMap.run(asks, key, question.pipe(Effect.catch((error) => Effect.logDebug(error.message))), {
    onlyIfMissing: true
  })
