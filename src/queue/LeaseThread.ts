/**
 * Leases and the heartbeat in a thread of their own, so that nothing a tool does to the main thread costs either. A
 * backend gives the thread's entry; the table, the messages and the restarts are the same for all of them.
 */
import { Deferred, Duration, Effect, Layer, Queue, Schedule } from "effect"
import type { Worker } from "node:worker_threads"
import { microBatch } from "../async/microBatch.ts"
import type { FromLeaseThread, LeaseThreadData, ToLeaseThread } from "./leaseProtocol.ts"
import {
  type Heartbeat,
  LeaseError,
  Leases,
  type LeaseTable,
  makeTable,
  markExpired,
  sendHeartbeats
} from "./Leases.ts"
import type { Delivery } from "./MessageQueue.ts"
import { messageOf } from "../domain/messageOf.ts"

export interface Options {
  /** Starts the backend's thread, whose entry calls `runLeaseThread`. */
  readonly spawn: (data: LeaseThreadData) => Worker
  /** What the backend's half of the thread needs to connect. Plain data. */
  readonly backend: unknown
  /** A main thread that does not run for so long loses its leases. */
  readonly hungAfter: Duration.Duration
}

export const layer = (options: Options): Layer.Layer<Leases> => Layer.sync(Leases, () => make(options))

const make = (options: Options) => {
  const thread: { current: Worker | undefined } = { current: undefined }
  const outbox = microBatch<ToLeaseThread>((messages) => thread.current?.postMessage(messages))
  const table = makeTable({
    // A tool that blocks this thread starts after the claim, which is turns of the event loop later.
    onHold: (delivery) => Effect.sync(() => outbox.enqueue(holdMessage(delivery))),
    // A released lease may be extended once more without harm.
    onRelease: (id) => Effect.sync(() => outbox.enqueueLazily({ type: "release", id }))
  })
  const run = (heartbeat: Heartbeat) =>
    Effect.scoped(
      Effect.gen(function* () {
        const livenessCounter = new SharedArrayBuffer(4)
        const died = yield* Deferred.make<never, LeaseError>()
        const worker = yield* Effect.acquireRelease(
          Effect.sync(() => options.spawn(threadData(options, livenessCounter, heartbeat))),
          (worker) => stop(worker, () => void (thread.current = undefined))
        )
        const inbox = yield* Queue.unbounded<FromLeaseThread>()
        worker.on("message", (message: FromLeaseThread) => Queue.offerUnsafe(inbox, message))
        worker.on("error", (cause) => Deferred.doneUnsafe(died, Effect.fail(leaseError(cause))))
        worker.on("exit", (code) =>
          Deferred.doneUnsafe(died, Effect.fail(leaseError(`the lease thread ended with code ${code}`)))
        )
        thread.current = worker
        for (const { delivery } of table.held.values()) outbox.enqueue(holdMessage(delivery))
        const receive = Effect.forever(
          Effect.flatMap(Queue.take(inbox), (message) => onMessage(table, message))
        )
        const heartbeats = heartbeat.request === undefined ? sendHeartbeats(heartbeat) : Effect.never
        return yield* Effect.raceAllFirst([Deferred.await(died), tick(livenessCounter), receive, heartbeats])
      })
    )
  return Leases.of({ ...table, run })
}

/** Shows the thread that the main thread runs. */
const tick = (livenessCounter: SharedArrayBuffer): Effect.Effect<never> => {
  const counter = new Int32Array(livenessCounter)
  return Effect.andThen(
    Effect.sync(() => Atomics.add(counter, 0, 1)).pipe(Effect.repeat(Schedule.spaced("500 millis"))),
    Effect.never
  )
}

const onMessage = (table: LeaseTable, message: FromLeaseThread): Effect.Effect<void> => {
  switch (message.type) {
    case "expired":
      return markExpired(table, message.id)
    case "warning":
      return Effect.logWarning(message.detail)
    case "ready":
      return Effect.logDebug("the lease thread is connected")
  }
}

const holdMessage = ({ id, lease }: Delivery): ToLeaseThread => ({
  type: "hold",
  id,
  remote: lease.remote,
  leaseMillis: Duration.toMillis(lease.duration)
})

const threadData = (
  { backend, hungAfter }: Options,
  livenessCounter: SharedArrayBuffer,
  { every, request }: Heartbeat
): LeaseThreadData => ({
  backend,
  livenessCounter,
  hungAfterMillis: Duration.toMillis(hungAfter),
  heartbeat: request === undefined ? undefined : { ...request, everyMillis: Duration.toMillis(every) }
})

const leaseError = (cause: unknown) => new LeaseError({ detail: messageOf(cause) })

const stop = (worker: Worker, forget: () => void) =>
  Effect.suspend(() => {
    forget()
    worker.removeAllListeners()
    worker.postMessage([{ type: "stop" }] satisfies ReadonlyArray<ToLeaseThread>)
    return Effect.promise(
      () =>
        new Promise<void>((resume) => (worker.threadId < 0 ? resume() : worker.once("exit", () => resume())))
    ).pipe(Effect.timeoutOption("1 second"), Effect.andThen(Effect.promise(() => worker.terminate())))
  })
