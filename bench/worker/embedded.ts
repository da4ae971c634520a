/** A worker inside of this process on the memory backends: what its own code costs, without any I/O. Prints microseconds a command. */
import { Effect, Layer, References } from "effect"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import * as Pipeline from "../../src/job/pipeline/layers.ts"
import { Journal } from "../../src/journal/Journal.ts"
import { Leases } from "../../src/queue/Leases.ts"
import { MemoryQueue } from "../../src/queue/MemoryQueue.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { NoopTool } from "../../src/tools/NoopTool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { WorkerConfig } from "../../src/WorkerConfig.ts"

const [warm, measured] = [Number(process.argv[2]), Number(process.argv[3])]

const backends = Layer.mergeAll(MemoryQueue.layer(), MemoryControlPlane.layer())
const worker = Worker.layer.pipe(
  Layer.provide(Toolbox.layer(NoopTool)),
  Layer.provide(NoopTool.layer),
  Layer.provide(Pipeline.layerMemory),
  Layer.provide(Layer.mergeAll(Leases.layerInProcess, Journal.layerMemory())),
  Layer.provide(WorkerConfig.layer({ concurrency: 16 })),
  Layer.provideMerge(backends)
)

/** Microseconds of CPU, the making of the commands included. */
const run = Effect.fnUntraced(function* (from: number, commands: number) {
  const queue = yield* MemoryQueue
  const plane = yield* MemoryControlPlane
  const before = process.cpuUsage()
  for (let done = 0; done < commands; done += 500) {
    for (let i = 0; i < 500; i++) {
      const command = aCommand(from + done + i, { kind: "noop", config: { result: { id: 7 } } })
      yield* queue.publish(yield* plane.issue(command))
    }
    yield* queue.awaitEmpty
  }
  const { system, user } = process.cpuUsage(before)
  return (user + system) / commands
})

const program = Effect.gen(function* () {
  yield* run(1, warm)
  console.log(yield* run(1 + warm, measured))
})
await program.pipe(
  Effect.provide(worker),
  Effect.provideService(References.MinimumLogLevel, "Warn"),
  Effect.runPromise
)
process.exit(0)
