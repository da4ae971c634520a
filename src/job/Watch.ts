/**
 * Finds reasons to stop running commands: a lease that another worker took over, a cancellation. One check a second
 * serves all of them, so that a command costs an entry and no fibers.
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
  const random = yield* Random.Random
  const clock = yield* Clock.Clock
  const cancellationEvery = Duration.toMillis((yield* WorkerConfig).cancellationEvery)
  const watched = new Map<string, Watched>()

  const stop = (id: string, why: StopReason) =>
    Effect.sync(() => {
      const entry = watched.get(id)
      watched.delete(id)
      entry?.stop(why)
    })

  /** An expired lease is no loss yet: the control plane decides who owns the command. Until it can, the command goes on. */
  const askOwner = (id: string, { command }: Watched) =>
    Effect.flatMap(controlPlane.owner(command), (owner) => {
      if (owner._tag === "Ours") return leases.ownershipConfirmed(id)
      return owner._tag === "Unknown" ? Effect.void : stop(id, "LeaseLost")
    })

  const askCancelled = (id: string, { command }: Watched) =>
    Effect.flatMap(controlPlane.cancelled(command), (yes) => (yes ? stop(id, "Cancelled") : Effect.void))

  const check = Effect.fnUntraced(function* (asks: Asks) {
    const now = clock.currentTimeMillisUnsafe()
    for (const [id, entry] of watched) {
      if (now >= entry.askOwnerAt && leases.expired(id)) {
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
    /** Watches a command until the returned function is called. `stop` is called at most once, and not after that. */
    add: (id: Delivery["id"], command: Command, stop: Watched["stop"]): (() => void) => {
      const now = clock.currentTimeMillisUnsafe()
      // Commands that started together do not ask together.
      const askCancelledAt = now + cancellationEvery * random.nextDoubleUnsafe()
      watched.set(id, { command, stop, askOwnerAt: now, askCancelledAt })
      return () => void watched.delete(id)
    },
    run: Effect.scoped(
      Effect.gen(function* () {
        const asks: Asks = yield* FiberMap.make<string>()
        const checks = Effect.forever(Effect.andThen(Effect.sleep("1 second"), check(asks)))
        return yield* Effect.raceFirst(checks, Effect.andThen(FiberMap.join(asks), Effect.never))
      })
    )
  }
})

// --- helpers ---

type Asks = FiberMap.FiberMap<string>

/** Milliseconds. */
const betweenOwnerAsks = 5000

/** In a fiber of its own: a server that does not answer must not delay the checks of the others. */
const ask = (asks: Asks, key: string, question: Effect.Effect<void, ControlPlaneError>) =>
  FiberMap.run(asks, key, question.pipe(Effect.catch((error) => Effect.logDebug(error.message))), {
    onlyIfMissing: true
  })
