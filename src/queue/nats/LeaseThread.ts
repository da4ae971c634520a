/** Leases kept by a thread of its own, for queues whose leases it can extend. */
import { Deferred, Duration, Effect, Layer, Queue, Schedule } from "effect"
import { Worker } from "node:worker_threads"
import type { Beat } from "../../control-plane/ControlPlane.ts"
import { microBatch } from "../../async/microBatch.ts"
import type { NatsSettings } from "../../nats/connectionOptions.ts"
import type { Delivery } from "../MessageQueue.ts"
import { type Book, lapse, LeaseError, Leases, makeBookWith } from "../Leases.ts"
import type { FromKeeper, KeeperData, ToKeeper } from "./leaseProtocol.ts"

export interface Options {
  readonly nats: NatsSettings
  readonly name: string
  readonly beat: Beat | undefined
  /** A main thread that does not move for so long loses its leases. */
  readonly hungAfter: Duration.Duration
}

export const layer = (options: Options): Layer.Layer<Leases> => Layer.effect(Leases, make(options))

const make = Effect.fnUntraced(function* (options: Options) {
  const thread: { current: Worker | undefined } = { current: undefined }
  // A tool that blocks this thread comes turns later, after the claim. A released lease may be extended once more.
  const tell = microBatch<ToKeeper>((messages) => thread.current?.postMessage(messages))
  const keep = (delivery: Delivery) => Effect.sync(() => keepMessage(delivery).forEach(tell.enqueue))
  const book = yield* makeBookWith(keep, (id) =>
    Effect.sync(() => tell.enqueueLazily({ say: "release", id }))
  )
  const run = Effect.scoped(
    Effect.gen(function* () {
      const pulse = new SharedArrayBuffer(4)
      const died = yield* Deferred.make<never, LeaseError>()
      const worker = yield* Effect.acquireRelease(
        Effect.sync(() => spawn(keeperData(options, pulse))),
        (worker) => stop(worker, () => void (thread.current = undefined))
      )
      const heard = yield* Queue.unbounded<FromKeeper>()
      worker.on("message", (message: FromKeeper) => Queue.offerUnsafe(heard, message))
      worker.on("error", (cause) => Deferred.doneUnsafe(died, Effect.fail(leaseError(cause))))
      worker.on("exit", (code) =>
        Deferred.doneUnsafe(died, Effect.fail(leaseError(`the thread ended with ${code}`)))
      )
      thread.current = worker
      for (const { delivery } of book.kept.values()) yield* keep(delivery)
      const hear = Effect.forever(Effect.flatMap(Queue.take(heard), (message) => listen(book, message)))
      return yield* Effect.raceAllFirst([Deferred.await(died), turn(pulse), hear])
    })
  )
  return Leases.of({ ...book, run })
})

/** Shows the thread that this one lives. */
const turn = (pulse: SharedArrayBuffer): Effect.Effect<never> => {
  const counter = new Int32Array(pulse)
  return Effect.andThen(
    Effect.sync(() => Atomics.add(counter, 0, 1)).pipe(Effect.repeat(Schedule.spaced("500 millis"))),
    Effect.never
  )
}

const listen = (book: Book, message: FromKeeper): Effect.Effect<void> => {
  switch (message.say) {
    case "lapsed":
      return lapse(book, message.id)
    case "beat":
      return message.ok ? Effect.void : Effect.logWarning(`heartbeat failed: ${message.detail}`)
    case "warning":
      return Effect.logWarning(message.detail)
    case "ready":
      return Effect.logDebug("the lease keeper is connected")
  }
}

const keepMessage = (delivery: Delivery): ReadonlyArray<ToKeeper> =>
  delivery.lease.subject === undefined
    ? []
    : [
        {
          say: "keep",
          id: delivery.id,
          subject: delivery.lease.subject,
          leaseMillis: Duration.toMillis(delivery.lease.duration)
        }
      ]

const keeperData = (options: Options, pulse: SharedArrayBuffer): KeeperData => ({
  nats: options.nats,
  name: options.name,
  pulse,
  hungAfterMillis: Duration.toMillis(options.hungAfter),
  beat:
    options.beat === undefined
      ? undefined
      : {
          url: options.beat.url,
          headers: options.beat.headers,
          body: options.beat.body,
          tokenFile: options.beat.tokenFile,
          tls: options.beat.tls,
          everyMillis: Duration.toMillis(options.beat.every)
        }
})

const leaseError = (cause: unknown) =>
  new LeaseError({ detail: cause instanceof Error ? cause.message : String(cause) })

// --- the platform's edge ---

// The thread's entry lies beside this module in the sources and beside the bundle once built.
const spawn = (data: KeeperData): Worker =>
  new Worker(
    new URL(import.meta.url.endsWith(".ts") ? "./lease-thread.ts" : "./lease-thread.js", import.meta.url),
    {
      workerData: data,
      stderr: false,
      stdout: false
    }
  )

const stop = (worker: Worker, forget: () => void) =>
  Effect.suspend(() => {
    forget()
    worker.removeAllListeners()
    worker.postMessage([{ say: "stop" }] satisfies ReadonlyArray<ToKeeper>)
    return Effect.promise(
      () =>
        new Promise<void>((resume) => (worker.threadId < 0 ? resume() : worker.once("exit", () => resume())))
    ).pipe(Effect.timeoutOption("1 second"), Effect.andThen(Effect.promise(() => worker.terminate())))
  })
