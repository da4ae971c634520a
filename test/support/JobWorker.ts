/** A whole worker on the jobs of a test's database, with tools that answer what the test says. */
import { Layer } from "effect"
import * as JobControlPlane from "../../src/control-plane/jobs/JobControlPlane.ts"
import type { RetryDefaults } from "../../src/control-plane/jobs/outcomeOf.ts"
import * as Pipeline from "../../src/job/pipeline/layers.ts"
import { Journal } from "../../src/journal/Journal.ts"
import { Leases } from "../../src/queue/Leases.ts"
import * as PostgresQueue from "../../src/queue/postgres/PostgresQueue.ts"
import { type Answer, StubCalls, StubTool } from "../../src/testing/StubTool.ts"
import { NoopTool } from "../../src/tools/NoopTool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { WorkerConfig, type WorkerSettings } from "../../src/WorkerConfig.ts"
import { Duration } from "effect"
import { queueOptions } from "./PostgresJobs.ts"

export interface Options {
  readonly answer?: Answer
  readonly config?: Partial<WorkerSettings>
  readonly queue?: Partial<PostgresQueue.Options>
  readonly retry?: Partial<RetryDefaults>
  readonly leases?: Layer.Layer<Leases>
}

const fast: RetryDefaults = { maxRetries: 3, first: Duration.millis(10), longest: Duration.millis(50) }

/** Needs a database with the schema. The worker drains when the layer closes. */
export const jobWorker = (options: Options = {}) => {
  const settings = { ...queueOptions, ...options.queue }
  const queue = PostgresQueue.layer(settings)
  const plane = JobControlPlane.layer({ workerName: settings.worker, retry: { ...fast, ...options.retry } })
  return Worker.layer.pipe(
    Layer.provide(
      Toolbox.layer(StubTool, NoopTool).pipe(
        Layer.provide(Layer.merge(StubTool.layer(options.answer), NoopTool.layer))
      )
    ),
    Layer.provideMerge(StubCalls.layer),
    Layer.provide(Pipeline.layerMemory),
    Layer.provide(Layer.merge(options.leases ?? Leases.layerInProcess, Journal.layerMemory())),
    Layer.provide(WorkerConfig.layer({ cancellationEvery: Duration.seconds(1), ...options.config })),
    Layer.provideMerge(plane),
    Layer.provideMerge(queue)
  )
}
