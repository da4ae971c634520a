import { Effect, Layer } from "effect"
import { MemoryQueue } from "../../src/queue/MemoryQueue.ts"
import { Publisher, suite } from "../../src/testing/suites/QueueSuite.ts"

const publisher = Layer.effect(
  Publisher,
  Effect.map(MemoryQueue, ({ deadLetters, publish }) => Publisher.of({ deadLetters, publish }))
)

suite("MemoryQueue", Layer.provideMerge(publisher, MemoryQueue.layer({ lease: "1 second" })))
