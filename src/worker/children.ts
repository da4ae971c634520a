/** What the children of the worker's tree do. A neighbour that is away is waited for, for any time. */
import { Duration, Effect, type Latch, Metric, Stream } from "effect"
import { ControlPlane, type ControlPlaneError } from "../control-plane/ControlPlane.ts"
import { Journal } from "../journal/Journal.ts"
import { Leases } from "../queue/Leases.ts"
import { type Delivery, handBack, MessageQueue } from "../queue/MessageQueue.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { WorkerConfig } from "../WorkerConfig.ts"
import { awaitCalm } from "./Backpressure.ts"
import type { Dispatcher } from "./Dispatcher.ts"
import { takenUp } from "./earlyAck.ts"
import type { Inbox } from "./Inbox.ts"
import { waitOut } from "./outage.ts"
import type { WorkerState } from "./Worker.ts"

/** Takes this worker's place in the control plane's list. Nothing is pulled before: a claim needs a registered owner. */
export const registration = Effect.fnUntraced(function* (
  registered: Latch.Latch,
  state: WorkerState,
  refuse: (error: ControlPlaneError) => Effect.Effect<void>
) {
  const controlPlane = yield* ControlPlane
  yield* controlPlane.register.pipe(
    // No dialect comes by waiting: the program ends and says why.
    Effect.catchIf(isUnsupported, (error) => Effect.andThen(refuse(error), Effect.never)),
    waitOut({
      neighbour: `the control plane (${controlPlane.address})`,
      consequence: "the worker is not registered yet and takes no commands"
    })
  )
  yield* Effect.logInfo(`registered as ${controlPlane.workerName}`)
  state.registered = true
  yield* registered.open
  return yield* Effect.never
})

const isUnsupported = (error: ControlPlaneError): boolean => error.reason._tag === "Unsupported"

/** Holds the leases and sends the heartbeat. */
export const keepLeases = Effect.gen(function* () {
  const leases = yield* Leases
  const { address, heartbeat, heartbeatRequest } = yield* ControlPlane
  const { heartbeatEvery } = yield* WorkerConfig
  return yield* leases.run({ address, every: heartbeatEvery, send: heartbeat, request: heartbeatRequest })
})

/**
 * Reports what could not be reported when it ended, by an earlier process included. It does not wait for a redelivery:
 * a full journal stops the pulling.
 */
export const reportLeftovers = Effect.fnUntraced(function* (dispatcher: Dispatcher) {
  const journal = yield* Journal
  return yield* journal.unreported.pipe(
    Effect.flatMap(Effect.forEach(dispatcher.reportLeftover, { concurrency: 4, discard: true })),
    Effect.catch((error) => Effect.logWarning(`unreported outcomes were not read: ${error.message}`)),
    Effect.andThen(Effect.sleep("5 seconds")),
    Effect.forever
  )
})

/** Takes up the commands that waited when an earlier process of this worker ended, whose messages are acknowledged. */
const takeUpWaits = Effect.fnUntraced(function* (inbox: Inbox) {
  const deliveries = yield* takenUp.pipe(
    Effect.catch((error) =>
      Effect.as(Effect.logWarning(`waiting commands were not read: ${error.message}`), [])
    )
  )
  if (deliveries.length > 0)
    yield* Effect.logInfo(`${deliveries.length} commands waited here before: taking them up`)
  yield* Effect.forEach(deliveries, inbox.offer, { discard: true })
})

/** queue → inbox. This worker holds every delivery from here on. */
export const consume = Effect.fnUntraced(function* (inbox: Inbox, dispatcher: Dispatcher) {
  const queue = yield* MessageQueue
  const leases = yield* Leases
  const journal = yield* Journal
  const { maxLag } = yield* WorkerConfig
  const calm = yield* awaitCalm({ most: maxLag, busy: dispatcher.busy })
  const capacity = {
    ...dispatcher.capacity,
    acquire: (n: number) =>
      calm.pipe(Effect.andThen(journal.awaitCapacity), Effect.andThen(dispatcher.capacity.acquire(n)))
  }
  yield* takeUpWaits(inbox)
  const accept = (delivery: Delivery) => Effect.flatMap(leases.hold(delivery), inbox.offer)
  return yield* Stream.runForEachArray(queue.deliveries(capacity), (deliveries) =>
    Effect.uninterruptible(Effect.forEach(deliveries, accept, { discard: true }))
  ).pipe(
    waitOut({
      neighbour: `the queue (${queue.address})`,
      consequence: "running commands go on, and new ones are taken when it answers"
    })
  )
}, Effect.scoped)

/**
 * The shutdown, once the consumer has stopped: waiting deliveries go back; running commands may end; what outlives the
 * drain time is interrupted, and its tools are gone before the worker deregisters; only then what had started goes back.
 * With the Python servers the claims of a deregistered owner are free at once; handed back before, the next worker would
 * meet a claim that is still held.
 */
export const drain = Effect.fnUntraced(function* (inbox: Inbox, dispatcher: Dispatcher, state: WorkerState) {
  const config = yield* WorkerConfig
  const controlPlane = yield* ControlPlane
  state.draining = true
  yield* dispatcher.startDraining
  const waiting = yield* inbox.clear
  yield* Effect.forEach(waiting, handBackWaiting, { concurrency: "unbounded", discard: true })
  const inFlight = (yield* dispatcher.active).length
  yield* Effect.logInfo(`draining: ${inFlight} commands in flight, ${waiting.length} handed back`)
  yield* dispatcher.awaitStopped.pipe(Effect.timeoutOption(config.drain))
  const interrupted = yield* dispatcher.stopAll
  if (interrupted > 0)
    yield* Effect.logWarning(
      `${interrupted} commands outlived the drain of ${Duration.toSeconds(config.drain)} s and are handed back`
    )
  yield* controlPlane.deregister.pipe(
    Effect.catch((error) => Effect.logWarning(`not deregistered: ${error.message}`)),
    Effect.timeoutOption(config.deregisterWithin)
  )
  yield* dispatcher.allowHandBack
  yield* dispatcher.awaitIdle
  yield* Effect.logInfo("drained")
})

const handBackWaiting = (delivery: Delivery) =>
  handBack(delivery).pipe(
    Effect.andThen(Metric.update(Metrics.settled.Retry, 1)),
    Effect.catch((error) => Effect.logWarning(`a waiting message was not handed back: ${error.message}`))
  )
