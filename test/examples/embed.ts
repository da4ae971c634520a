import { Context, Effect, Layer, Schema } from "effect"
import { Journal, Leases, Tool, Toolbox, ToolResult, Worker, WorkerConfig } from "noetl-worker"
import { MemoryControlPlane } from "noetl-worker/control-plane"
import { MemoryQueue } from "noetl-worker/queue"
import * as Pipeline from "noetl-worker/pipeline"
import { aCommand } from "noetl-worker/testing"

export class MyTool extends Context.Service<MyTool, Tool.Tool>()("my-app/MyTool") {
  static readonly layer = Layer.succeed(
    MyTool,
    Tool.make({
      kind: "greet",
      config: Schema.Struct({ who: Schema.String }),
      run: ({ who }) => Effect.succeed(ToolResult.success({ greeting: `hello ${who}` }))
    })
  )
}

const backends = Layer.mergeAll(MemoryQueue.layer(), MemoryControlPlane.layer())

const worker = Worker.layer.pipe(
  Layer.provide(Toolbox.layer(MyTool)),
  Layer.provide(MyTool.layer),
  Layer.provide(Pipeline.layerMemory),
  Layer.provide(Layer.mergeAll(Leases.layerInProcess, Journal.layerMemory())),
  Layer.provide(WorkerConfig.layer({ concurrency: 8 })),
  Layer.provideMerge(backends)
)

export const program = Effect.gen(function* () {
  const plane = yield* MemoryControlPlane
  const queue = yield* MemoryQueue
  const command = aCommand(1, { kind: "greet", config: { who: "{{ user }}" }, context: { user: "Ada" } })
  yield* queue.publish(yield* plane.issue(command))
  yield* Effect.raceFirst(queue.awaitEmpty, Worker.main)
  return yield* plane.endingOf(command.commandId)
}).pipe(Effect.provide(worker))
