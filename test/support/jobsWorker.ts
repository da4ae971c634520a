/** The worker of the jobs' suite, over whatever queue the context has. */
import { Effect, Layer } from "effect"
import { JobOutcomes } from "../../src/queue/JobOutcomes.ts"
import { MessageQueue } from "../../src/queue/MessageQueue.ts"
import * as JobsTest from "../../src/testing/JobsTest.ts"
import { StubCalls, StubTool } from "../../src/testing/StubTool.ts"
import { JobsWorker } from "../../src/testing/suites/JobsSuite.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"

export const jobsWorker = Layer.effect(
  JobsWorker,
  Effect.map(Effect.context<MessageQueue | JobOutcomes>(), (context) =>
    JobsWorker.of({
      start: (answer, concurrency) =>
        Layer.effectDiscard(Effect.void).pipe(
          Layer.merge(JobsTest.worker({ config: { concurrency, prefetch: 0 } })),
          Layer.provide(
            Toolbox.layer(StubTool).pipe(
              Layer.provide(StubTool.layer(answer)),
              Layer.provide(StubCalls.layer)
            )
          ),
          Layer.provide(Layer.succeedContext(context))
        ) as Layer.Layer<never>
    })
  )
)
