import { Effect, Layer } from "effect"
import { MemoryQueue } from "../../src/queue/MemoryQueue.ts"
import { Publisher, suite } from "../../src/testing/QueueSuite.ts"

const publisher = Layer.effect(
  Publisher,
  Effect.map(MemoryQueue, ({ publish }) => Publisher.of({ publish }))
)

suite("MemoryQueue", Layer.provideMerge(publisher, MemoryQueue.layer({ lease: "1 second" })))
