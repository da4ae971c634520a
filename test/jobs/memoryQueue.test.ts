import { Effect, Layer } from "effect"
import { Jobs } from "../../src/jobs/Jobs.ts"
import * as MemoryJobs from "../../src/jobs/memory/MemoryJobs.ts"
import { Leases } from "../../src/queue/Leases.ts"
import { suite as leasesSuite } from "../../src/testing/suites/LeasesSuite.ts"
import { Publisher, suite } from "../../src/testing/suites/QueueSuite.ts"

/** Publishes texts as jobs whose payload they are. */
const publisher = Layer.effect(
  Publisher,
  Effect.map(Jobs, (jobs) =>
    Publisher.of({
      publish: (body) => jobs.submit({ kind: "text", payload: body }).pipe(Effect.orDie, Effect.asVoid),
      read: (body) => String((JSON.parse(body) as { readonly payload: unknown }).payload),
      deadLetters: jobs.deadLetters.list().pipe(
        Effect.orDie,
        Effect.map((letters) =>
          letters.toReversed().map(({ error, payload }) => {
            const note = error as { message: string; attempts: number; at: string; worker: string }
            return { ...note, reason: note.message, body: String(payload) }
          })
        )
      )
    })
  )
)
const world = publisher.pipe(Layer.provideMerge(MemoryJobs.layer({ lease: "1 second" })))

suite("MemoryJobs", world)
leasesSuite("Leases.layerInProcess over MemoryJobs", { layer: Layer.merge(Leases.layerInProcess, world) })
