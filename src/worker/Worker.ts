/**
 * The worker: a supervised tree of children, listed in `children`. They start from the top down, and closing the scope
 * stops them from the bottom up, so the order of the list is the order of the shutdown.
 */
import { Clock, Context, Deferred, Effect, Latch, Layer } from "effect"
import { ControlPlane, type ControlPlaneError, type ServerAway } from "../control-plane/ControlPlane.ts"
import type * as Pipeline from "../job/pipeline/pipeline.ts"
import * as Watch from "../job/Watch.ts"
import { Journal } from "../journal/Journal.ts"
import type { Leases } from "../queue/Leases.ts"
import { MessageQueue } from "../queue/MessageQueue.ts"
import type { Redactor } from "../secrets/Redactor.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { Toolbox } from "../tools/Toolbox.ts"
import { WorkerConfig } from "../WorkerConfig.ts"
import { consume, drain, keepLeases, registration, reportLeftovers } from "./children.ts"
import * as Dispatcher from "./Dispatcher.ts"
import type { ActiveJob } from "./InFlight.ts"
import * as Inbox from "./Inbox.ts"
import { type ChildEscalated, type ChildSpec, type ChildStatus, Supervisor } from "./Supervisor.ts"

export interface WorkerStatus {
  /** The name of this worker on the wire. */
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly draining: boolean
  readonly slots: number
  readonly active: ReadonlyArray<ActiveJob>
  /** When the oldest message that waits here for a slot was published, in milliseconds. */
  readonly oldestWaitingAt: number | undefined
  readonly children: ReadonlyArray<ChildStatus>
  readonly queue: {
    readonly name: string
    readonly connected: boolean
    /** Why an operator's pause keeps this worker from taking messages; undefined where none does. */
    readonly paused?: string | undefined
  }
  readonly controlPlane: { readonly name: string; readonly registered: boolean }
  /** Servers that messages name and that do not answer. */
  readonly serversAway: ReadonlyArray<ServerAway>
  /** Outcomes that the control plane has not accepted yet. */
  readonly unreported: number
}

/** A child that a composition adds to the tree. It sees the commands in flight. */
export interface Plugin {
  readonly name: string
  readonly run: (active: Effect.Effect<ReadonlyArray<ActiveJob>>) => Effect.Effect<never>
}

export const Plugins = Context.Reference<ReadonlyArray<Plugin>>("noetl-worker/worker/Plugins", {
  defaultValue: () => []
})

export class Worker extends Context.Service<
  Worker,
  {
    /**
     * Fails when a child of the tree died too often, or when the server speaks a protocol that this worker does not. The
     * program waits for it; it never succeeds.
     */
    readonly join: Effect.Effect<never, ChildEscalated | ControlPlaneError>
    readonly status: Effect.Effect<WorkerStatus>
    /** Whether the worker takes commands: it pulled lately, is registered and does not drain. */
    readonly ready: Effect.Effect<boolean>
    /** Waits until no command is in flight. */
    readonly awaitIdle: Effect.Effect<void>
  }
>()("noetl-worker/worker/Worker") {
  /** The worker. It starts with the layer and drains when the layer closes. */
  static readonly layer = Layer.effect(
    Worker,
    Effect.suspend(() => tree)
  ).pipe(Layer.provide(Supervisor.layer))

  /** Runs the worker until it is interrupted or a child escalates. */
  static readonly main = Effect.flatMap(Worker, (worker) => worker.join)
}

/** The tree, in the order of the start. */
const children = Effect.fnUntraced(function* (parts: Parts) {
  const { dispatcher, inbox, registered, state, watch } = parts
  const plugins = yield* Plugins
  const { maintenance } = yield* Toolbox
  const list: ReadonlyArray<Child> = [
    { name: "registration", run: registration(registered, state, parts.refuse) },
    { name: "leases", run: Effect.andThen(registered.await, keepLeases) },
    { name: "watch", run: watch.run },
    { name: "dispatcher", run: dispatcher.dispatch(inbox) },
    { name: "reporter", run: Effect.andThen(registered.await, reportLeftovers(dispatcher)) },
    ...plugins.map(({ name, run }) => ({ name, run: run(dispatcher.active) })),
    ...maintenance.map(({ kind, run }) => ({ name: kind, run: Effect.andThen(registered.await, run) })),
    { name: "drain", run: Effect.onInterrupt(Effect.never, () => drain(inbox, dispatcher, state)) },
    { name: "consumer", run: Effect.andThen(registered.await, consume(inbox, dispatcher)) }
  ]
  return list
})

type Child = ChildSpec<
  unknown,
  ControlPlane | Journal | Leases | MessageQueue | Pipeline.Services | Redactor | Toolbox | WorkerConfig
>

interface Parts {
  readonly dispatcher: Dispatcher.Dispatcher
  readonly inbox: Inbox.Inbox
  readonly registered: Latch.Latch
  /** Ends the worker because of the server. */
  readonly refuse: (error: ControlPlaneError) => Effect.Effect<void>
  readonly state: WorkerState
  readonly watch: Watch.Watch
}

export interface WorkerState {
  draining: boolean
  registered: boolean
}

const tree = Effect.gen(function* () {
  const config = yield* WorkerConfig
  yield* Metrics.atZero
  const supervisor = yield* Supervisor
  const inbox = yield* Inbox.make
  const registered = yield* Latch.make(false)
  const state: WorkerState = { draining: false, registered: false }
  const watch = yield* Watch.make
  const dispatcher = yield* Dispatcher.make(watch)
  const refused = yield* Deferred.make<never, ControlPlaneError>()
  const refuse = (error: ControlPlaneError) => Effect.asVoid(Deferred.fail(refused, error))
  for (const child of yield* children({ dispatcher, inbox, refuse, registered, state, watch }))
    yield* supervisor.start(child)

  const queue = yield* MessageQueue
  const controlPlane = yield* ControlPlane
  const journal = yield* Journal
  const startedAt = yield* Clock.currentTimeMillis
  return Worker.of({
    join: Effect.raceFirst(supervisor.join, Deferred.await(refused)),
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
        queue: {
          name: queue.name,
          connected: yield* queue.connected,
          ...(queue.paused === undefined ? {} : { paused: yield* queue.paused })
        },
        controlPlane: { name: controlPlane.name, registered: state.registered },
        serversAway: yield* controlPlane.serversAway ?? Effect.succeed([]),
        unreported: yield* journal.unreportedCount
      }
    })
  })
})
