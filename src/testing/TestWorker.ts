/** A whole worker on memory backends, as one layer, with the other ends of its world. */
import { Effect, Layer } from "effect"
import type { ControlPlane } from "../control-plane/ControlPlane.ts"
import {
  MemoryControlPlane,
  type Options as ControlPlaneOptions
} from "../control-plane/MemoryControlPlane.ts"
import type { Command } from "../domain/Command.ts"
import type { Credentials } from "../credentials/Credentials.ts"
import * as Pipeline from "../job/pipeline/layers.ts"
import { Journal, type Limits } from "../journal/Journal.ts"
import { Leases } from "../queue/Leases.ts"
import { MemoryQueue, type Options as QueueOptions } from "../queue/MemoryQueue.ts"
import type { MessageQueue } from "../queue/MessageQueue.ts"
import type { Results } from "../results/Results.ts"
import type { Redactor } from "../secrets/Redactor.ts"
import type { Template } from "../template/Template.ts"
import { Toolbox } from "../tools/Toolbox.ts"
import { Worker } from "../worker/Worker.ts"
import { WorkerConfig, type WorkerSettings } from "../WorkerConfig.ts"
import { type Answer, StubCalls, StubTool } from "./StubTool.ts"

export interface Options {
  /** What the tool `stub` answers. */
  readonly answer?: Answer
  readonly config?: Partial<WorkerSettings>
  readonly queue?: QueueOptions
  readonly controlPlane?: ControlPlaneOptions
  readonly journal?: Limits
}

export type World =
  | MemoryQueue
  | MessageQueue
  | MemoryControlPlane
  | ControlPlane
  | Journal
  | Leases
  | StubCalls
  | WorkerConfig
  | Template
  | Credentials
  | Results
  | Redactor

/** What the worker stands on, without the worker: the test starts and stops it. */
export const world = (options: Options = {}): Layer.Layer<World | Toolbox> =>
  Layer.mergeAll(
    MemoryQueue.layer(options.queue),
    Journal.layerMemory(options.journal),
    Leases.layerInProcess,
    WorkerConfig.layer(options.config),
    Pipeline.layerMemory,
    Toolbox.layer(StubTool).pipe(
      Layer.provide(StubTool.layer(options.answer)),
      Layer.provideMerge(StubCalls.layer)
    )
  ).pipe(Layer.provideMerge(MemoryControlPlane.layer(options.controlPlane)))

/** The worker and its world. It drains when the layer closes. */
export const layer = (options: Options = {}) => Worker.layer.pipe(Layer.provideMerge(world(options)))

/** Makes a command claimable and publishes its message, as a server does. */
export const submit = (command: Command) =>
  Effect.gen(function* () {
    const body = yield* (yield* MemoryControlPlane).issue(command)
    yield* (yield* MemoryQueue).publish(body)
  })

/** Waits until the queue is empty: every message was acknowledged or given up. */
export const idle = Effect.flatMap(MemoryQueue, (queue) => queue.awaitEmpty)
