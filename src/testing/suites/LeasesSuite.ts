/**
 * What every `Leases` must do: hold deliveries until they are settled, and send the heartbeat. The one that the layer
 * gives runs under a real clock; `publish` and `deliver` come from the queue whose leases it extends.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, type Layer, Option, Ref, Stream } from "effect"
import type { HeartbeatRequest } from "../../control-plane/ControlPlane.ts"
import { type Heartbeat, Leases } from "../../queue/Leases.ts"
import { type Delivery, MessageQueue, Settlement } from "../../queue/MessageQueue.ts"
import * as Capacity from "../../worker/Capacity.ts"
import { Publisher } from "./QueueSuite.ts"

export interface Options<E> {
  readonly layer: Layer.Layer<Leases | MessageQueue | Publisher, E>
  /** Where a thread sends the heartbeat, and how many arrived there; undefined where this thread sends it. */
  readonly received?: Effect.Effect<{
    readonly request: HeartbeatRequest
    readonly count: Effect.Effect<number>
  }>
}

export const suite = <E>(name: string, { layer, received }: Options<E>): void => {
  const test = (sentence: string, body: Effect.Effect<void, unknown, Leases | MessageQueue | Publisher>) =>
    it.live(sentence, () => body.pipe(Effect.provide(layer), Effect.timeout("60 seconds")))

  describe(`${name} as leases`, () => {
    test(
      "keep a delivery with this worker for longer than its lease, until it is settled",
      Effect.gen(function* () {
        const leases = yield* Leases
        yield* (yield* Publisher).publish("held")
        const { heartbeat } = yield* counted(received)
        yield* Effect.forkChild(leases.run(heartbeat), { startImmediately: true })
        const delivery = yield* leases.hold(yield* takeOne)
        const wait = Duration.times(delivery.lease.duration, 2)
        assert.isTrue(Option.isNone(yield* Effect.timeoutOption(takeOne, wait)))
        assert.isFalse(leases.expired(delivery.id))
        yield* delivery.settle(Settlement.Ack())
        assert.isTrue(Option.isNone(yield* Effect.timeoutOption(takeOne, wait)))
      })
    )

    test(
      "send the heartbeat again and again",
      Effect.gen(function* () {
        const { count, heartbeat } = yield* counted(received)
        const leases = yield* Leases
        yield* Effect.forkChild(leases.run(heartbeat), { startImmediately: true })
        yield* count.pipe(Effect.delay("20 millis"), Effect.repeat({ until: (sent) => sent >= 3 }))
      })
    )
  })
}

// --- helpers ---

const takeOne = Effect.gen(function* () {
  const queue = yield* MessageQueue
  const taken = yield* queue.deliveries(yield* Capacity.make(1)).pipe(Stream.take(1), Stream.runCollect)
  return taken[0] as Delivery
})

const counted = Effect.fnUntraced(function* (received: Options<never>["received"]) {
  const own = yield* Ref.make(0)
  const every = Duration.millis(100)
  const send = Ref.update(own, (n) => n + 1)
  if (received === undefined)
    return {
      heartbeat: { address: "the control plane", every, send, request: undefined } satisfies Heartbeat,
      count: Ref.get(own)
    }
  const { count, request } = yield* received
  return { heartbeat: { address: "the control plane", every, send, request } satisfies Heartbeat, count }
})
