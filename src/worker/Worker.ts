/**
 *   Worker
 *   ├─ registration   register … beat … deregister
 *   ├─ leases         queue leases and the heartbeat, for all we hold, where the queue allows in a thread of its own
 *   ├─ watch          reasons to stop a command: a lease that somebody else took over, a cancellation
 *   ├─ dispatcher     jobs by command id; slots are permits
 *   ├─ reporter       outcomes that could not be told: again and again, until the control plane has them
 *   ├─ script         what a tool has to do besides commands: Jobs of cancelled ones go
 *   └─ consumer       queue → inbox
 *
 * `tree` starts them from the top down. Closing the scope stops them from the bottom up, so the order of its lines is
 * the order of the shutdown.
 */
import { Clock, Context, Duration, Effect, Latch, Layer, Metric, Schedule, Stream } from "effect"
import { ControlPlane } from "../control-plane/ControlPlane.ts"
import * as Dispatcher from "./Dispatcher.ts"
import { awaitCalm } from "./Backpressure.ts"
import * as Inbox from "./Inbox.ts"
import * as Watch from "../job/Watch.ts"
import { Journal, type JournalError } from "../journal/Journal.ts"
import { Leases } from "../queue/Leases.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { type Delivery, MessageQueue, Settlement } from "../queue/MessageQueue.ts"
import { type ChildEscalated, type ChildStatus, Supervisor } from "./Supervisor.ts"
import { Toolbox } from "../tools/Toolbox.ts"
import { WorkerConfig } from "../WorkerConfig.ts"

export interface WorkerStatus {
  /** The name this worker has on the wire. */
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly draining: boolean
  readonly slots: number
  readonly active: ReadonlyArray<Dispatcher.ActiveJob>
  /** When the oldest message that waits here for a slot was published, in milliseconds. */
  readonly oldestWaitingAt: number | undefined
  readonly children: ReadonlyArray<ChildStatus>
  readonly queue: { readonly name: string; readonly connected: boolean }
  readonly controlPlane: { readonly name: string; readonly registered: boolean }
  /** Outcomes that the control plane has not accepted yet. */
  readonly unreported: number
}

/** What else lives as long as the worker: a child of its tree that sees the commands in hand. */
export interface Companion {
  readonly name: string
  readonly run: (active: Effect.Effect<ReadonlyArray<Dispatcher.ActiveJob>>) => Effect.Effect<never>
}

export const Companions = Context.Reference<ReadonlyArray<Companion>>("noetl-worker/Worker/Companions", {
  defaultValue: () => []
})

export class Worker extends Context.Service<
  Worker,
  {
    /** Fails when a child of the tree died too often; never succeeds. Whoever runs a worker waits on it. */
    readonly join: Effect.Effect<never, ChildEscalated>
    readonly status: Effect.Effect<WorkerStatus, JournalError>
    /** Whether it takes commands: pulled lately, registered, not draining. */
    readonly ready: Effect.Effect<boolean>
    /** Waits until no command is in hand. */
    readonly awaitIdle: Effect.Effect<void>
  }
>()("noetl-worker/Worker") {
  /** The worker. It starts with the layer and drains when the layer closes. */
  static readonly layer = Layer.effect(
    Worker,
    Effect.suspend(() => tree)
  ).pipe(Layer.provide(Supervisor.layer))

  /** Runs the worker until it is interrupted or a child escalates. */
  static readonly main = Effect.flatMap(Worker, (worker) => worker.join)
}

const tree = Effect.gen(function* () {
  const config = yield* WorkerConfig
  yield* Metrics.atZero
  const supervisor = yield* Supervisor
  const inbox = yield* Inbox.make
  const registered = yield* Latch.make(false)
  const state = { draining: false, registered: false }

  yield* supervisor.start({
    name: "registration",
    restart: "permanent",
    run: registration(registered, state)
  })
  yield* supervisor.start({ name: "leases", restart: "permanent", run: keepLeases })
  const watch = yield* Watch.make
  yield* supervisor.start({ name: "watch", restart: "permanent", run: watch.run })
  const dispatcher = yield* Dispatcher.make(watch)
  yield* supervisor.start({ name: "dispatcher", restart: "permanent", run: dispatcher.dispatch(inbox) })
  yield* supervisor.start({
    name: "reporter",
    restart: "permanent",
    run: reportLeftovers(dispatcher, registered)
  })
  for (const { name, run } of yield* Companions)
    yield* supervisor.start({ name, restart: "permanent", run: run(dispatcher.active) })
  for (const { kind, run } of (yield* Toolbox).maintenance)
    yield* supervisor.start({ name: kind, restart: "permanent", run: Effect.andThen(registered.await, run) })
  yield* Effect.addFinalizer(() => drain(inbox, dispatcher, state))
  yield* supervisor.start({
    name: "consumer",
    restart: "permanent",
    run: Effect.scoped(consume(inbox, dispatcher, registered))
  })

  const queue = yield* MessageQueue
  const controlPlane = yield* ControlPlane
  const journal = yield* Journal
  const startedAt = yield* Clock.currentTimeMillis
  return Worker.of({
    join: supervisor.join,
    awaitIdle: dispatcher.awaitIdle,
    ready: Effect.suspend(() =>
      state.draining || !state.registered ? Effect.succeed(false) : queue.connected
    ),
    status: Effect.gen(function* () {
      return {
        name: controlPlane.workerName,
        startedAt,
        draining: state.draining,
        slots: config.concurrency,
        active: yield* dispatcher.active,
        oldestWaitingAt: yield* inbox.oldestAt,
        children: yield* supervisor.status,
        queue: { name: queue.name, connected: yield* queue.connected },
        controlPlane: { name: controlPlane.name, registered: state.registered },
        unreported: (yield* journal.unreported).length
      }
    })
  })
})

interface State {
  draining: boolean
  registered: boolean
}

/** Takes our place in the control plane's list and keeps it. Nothing is pulled before: claims need it. */
const registration = Effect.fnUntraced(function* (registered: Latch.Latch, state: State) {
  const controlPlane = yield* ControlPlane
  const { heartbeatEvery } = yield* WorkerConfig
  yield* controlPlane.register.pipe(
    Effect.tapError((error) => Effect.logWarning(`not registered yet: ${error.message}`)),
    Effect.retry(untilTheServerIsThere)
  )
  yield* Effect.logInfo(`registered as ${controlPlane.workerName}`)
  state.registered = true
  yield* registered.open
  if (controlPlane.beatRequest !== undefined) return yield* Effect.never
  return yield* controlPlane.beat.pipe(
    Effect.catch((error) => Effect.logWarning(`heartbeat failed: ${error.message}`)),
    Effect.delay(heartbeatEvery),
    Effect.forever
  )
})

const untilTheServerIsThere = Schedule.min([
  Schedule.exponential("250 millis"),
  Schedule.spaced("10 seconds")
]).pipe(Schedule.jittered)

const keepLeases = Effect.flatMap(Leases, (leases) => leases.run)

/**
 * Tells what could not be told when it ended, in an earlier life of this process included. It must not wait for a
 * redelivery: a full journal stops the pulling.
 */
const reportLeftovers = Effect.fnUntraced(function* (
  dispatcher: Dispatcher.Dispatcher,
  registered: Latch.Latch
) {
  const journal = yield* Journal
  yield* registered.await
  return yield* journal.unreported.pipe(
    Effect.flatMap(Effect.forEach(dispatcher.reportLeftover, { concurrency: 4, discard: true })),
    Effect.andThen(Effect.sleep("5 seconds")),
    Effect.forever
  )
})

/** queue → inbox. Every delivery is kept ours from here on. */
const consume = Effect.fnUntraced(function* (
  inbox: Inbox.Inbox,
  dispatcher: Dispatcher.Dispatcher,
  registered: Latch.Latch
) {
  const queue = yield* MessageQueue
  const leases = yield* Leases
  const journal = yield* Journal
  const { maxLag } = yield* WorkerConfig
  const calm = yield* awaitCalm({ most: maxLag, busy: dispatcher.busy })
  yield* registered.await
  const room = {
    ...dispatcher.room,
    take: (n: number) => calm.pipe(Effect.andThen(journal.awaitRoom), Effect.andThen(dispatcher.room.take(n)))
  }
  const accept = (delivery: Delivery) => Effect.flatMap(leases.keep(delivery), inbox.offer)
  yield* Stream.runForEachArray(queue.deliveries(room), (deliveries) =>
    Effect.uninterruptible(Effect.forEach(deliveries, accept, { discard: true }))
  )
})

/**
 * The shutdown, once the consumer has stopped: what only waits goes back; what runs may end; what outlives the drain
 * time is interrupted and its tools are seen gone; then we deregister, and only then what had started goes back. With
 * the Python servers the claims of a deregistered owner are free at once; handed back before, the next worker would
 * meet a claim that is still held.
 */
const drain = Effect.fnUntraced(function* (
  inbox: Inbox.Inbox,
  dispatcher: Dispatcher.Dispatcher,
  state: State
) {
  const config = yield* WorkerConfig
  const controlPlane = yield* ControlPlane
  state.draining = true
  const waiting = yield* inbox.clear
  yield* Effect.forEach(waiting, giveBack, { concurrency: "unbounded", discard: true })
  const inHand = (yield* dispatcher.active).length
  yield* Effect.logInfo(`draining: ${inHand} commands in hand, ${waiting.length} handed back`)
  yield* dispatcher.awaitIdle.pipe(Effect.timeoutOption(config.drain))
  const interrupted = yield* dispatcher.stopAll
  if (interrupted > 0)
    yield* Effect.logWarning(`${interrupted} commands outlived the drain and are handed back`)
  yield* controlPlane.deregister.pipe(
    Effect.catch((error) => Effect.logWarning(`not deregistered: ${error.message}`)),
    Effect.timeoutOption(config.deregisterWithin)
  )
  yield* dispatcher.handBack
  yield* dispatcher.awaitIdle
  yield* Effect.logInfo("drained")
})

const giveBack = (delivery: Delivery) =>
  delivery.settle(Settlement.Retry({ after: Duration.zero, blame: false })).pipe(
    Effect.tap(() => Metric.update(Metrics.settled.Retry, 1)),
    Effect.catch((error) => Effect.logWarning(`a waiting message was not handed back: ${error.message}`))
  )
