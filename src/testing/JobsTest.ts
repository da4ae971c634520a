/** For tests of programs that submit jobs: what was submitted, and a worker for one job or for all of them. */
import { Deferred, Duration, Effect, Layer, Result, Stream } from "effect"
import * as JobControlPlane from "../control-plane/jobs/JobControlPlane.ts"
import type { Json } from "../domain/Json.ts"
import * as QueuedJob from "../domain/QueuedJob.ts"
import * as Pipeline from "../job/pipeline/layers.ts"
import { Jobs, type JobRecord, type JobsError } from "../jobs/Jobs.ts"
import { Journal } from "../journal/Journal.ts"
import type { JobOutcomes } from "../queue/JobOutcomes.ts"
import { Leases } from "../queue/Leases.ts"
import { MessageQueue, type Settlement } from "../queue/MessageQueue.ts"
import type { Toolbox } from "../tools/Toolbox.ts"
import { Worker } from "../worker/Worker.ts"
import { WorkerConfig, type WorkerSettings } from "../WorkerConfig.ts"

export interface Options {
  readonly config?: Partial<WorkerSettings>
  /** The pause before a first retry; short, so that tests need not wait. */
  readonly backoff?: Duration.Duration
}

/** A worker that works the jobs of the queue with a toolbox. It drains when the layer closes. */
export const worker = ({ backoff = Duration.millis(10), config }: Options = {}): Layer.Layer<
  Worker,
  never,
  MessageQueue | JobOutcomes | Toolbox
> =>
  Worker.layer.pipe(
    Layer.provide(Pipeline.layerMemory),
    Layer.provide(Layer.merge(Leases.layerInProcess, Journal.layerMemory())),
    Layer.provide(WorkerConfig.layer({ cancellationEvery: Duration.seconds(1), ...config })),
    Layer.provide(
      JobControlPlane.layer({
        workerName: "test-worker",
        retry: { maxRetries: 3, first: backoff, longest: Duration.times(backoff, 10) }
      })
    )
  )

/** The payloads of the waiting jobs of a type, oldest first. */
export const enqueued = (type: {
  readonly kind: string
}): Effect.Effect<ReadonlyArray<Json>, JobsError, Jobs> =>
  Effect.flatMap(Jobs, (jobs) =>
    Effect.map(jobs.list({ kind: type.kind, status: "queued", most: 10_000 }), (records) =>
      records.toReversed().map(({ payload }) => payload)
    )
  )

/** Works the next job that is due, once, and answers what became of it. Waits where there is none. */
export const workOne: Effect.Effect<JobRecord, JobsError, Jobs | MessageQueue | JobOutcomes | Toolbox> =
  Effect.gen(function* () {
    const queue = yield* MessageQueue
    const settled = yield* Deferred.make<string>()
    const one = MessageQueue.of({
      ...queue,
      deliveries: (capacity) =>
        queue.deliveries(capacity).pipe(
          Stream.take(1),
          Stream.map((delivery) => ({
            ...delivery,
            settle: (settlement: Settlement) =>
              Effect.ensuring(delivery.settle(settlement), Deferred.succeed(settled, idOf(delivery.body)))
          })),
          Stream.concat(Stream.never)
        )
    })
    const id = yield* Deferred.await(settled).pipe(
      Effect.provide(
        worker({ config: { concurrency: 1, prefetch: 0 } }).pipe(
          Layer.provide(Layer.succeed(MessageQueue, one))
        )
      )
    )
    return yield* (yield* Jobs).result(id)
  })

const idOf = (body: string): string => Result.getOrThrow(QueuedJob.decode(body)).id
