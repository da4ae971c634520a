import { assert, describe, it } from "@effect/vitest"
import type { V1Job, V1Pod } from "@kubernetes/client-node"
import { Clock, Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { KubernetesApi } from "../../../src/kubernetes/KubernetesApi.ts"
import { resultOf } from "../../../src/tools/script/jobResult.ts"
import { defaults } from "../../../src/tools/script/ScriptOptions.ts"
import { waitForJob, type Waited } from "../../../src/tools/script/waitForJob.ts"

/** When the Job was made: long before the worker that waits now. */
const made = Date.parse("2026-01-01T00:00:00Z")
const at = (seconds: number) => new Date(made + seconds * 1000)

const job: V1Job = {
  metadata: { name: "noetl-1", namespace: "noetl", uid: "u1", creationTimestamp: at(0) }
}

/** A pod that waits for its image, scheduled one second after its Job was made. */
const pulling: V1Pod = {
  metadata: { name: "noetl-1-a", creationTimestamp: at(1) },
  status: {
    phase: "Pending",
    conditions: [{ type: "PodScheduled", status: "True", lastTransitionTime: at(1) }],
    containerStatuses: [
      {
        name: "script",
        image: "example.org/x:1",
        imageID: "",
        ready: false,
        restartCount: 0,
        state: { waiting: { reason: "ImagePullBackOff", message: "back-off" } }
      }
    ]
  }
}

/** A cluster in which nothing changes. */
const still = (pods: ReadonlyArray<V1Pod>): KubernetesApi["Service"] => {
  const unused = () => Effect.die("not asked in this test")
  return KubernetesApi.of({
    namespace: Effect.succeed("noetl"),
    createJob: unused,
    getJob: unused,
    jobs: unused,
    patchJob: unused,
    patchPod: unused,
    deleteJob: unused,
    createConfigMap: unused,
    createSecret: unused,
    look: () => Effect.succeed({ job, pods, versions: { job: "1", pods: "1" } }),
    changed: () => Effect.never,
    log: () => {
      throw new Error("there is no log in this test")
    }
  })
}

/** A worker that waits from a second after the Job was made on: how it ended, and how many seconds it waited. */
const waitedFrom = (second: number, pods: ReadonlyArray<V1Pod>, within: Duration.Input = "1 hour") =>
  Effect.gen(function* () {
    yield* TestClock.setTime(made + second * 1000)
    const fiber = yield* Effect.forkChild(
      Effect.gen(function* () {
        const waited = yield* waitForJob(still(pods), defaults, job, Duration.fromInputUnsafe(within))
        return [waited, Math.round(((yield* Clock.currentTimeMillis) - made) / 1000) - second] as const
      }),
      { startImmediately: true }
    )
    for (let i = 0; i < 800; i++) yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  })

const codeOf = ({ ended }: Waited) => (ended._tag === "Stuck" ? ended.stuck.code : ended._tag)

describe("The patience with a Job that does not run", () => {
  it.effect.each<readonly [string, number, ReadonlyArray<V1Pod>, string, number]>([
    ["an image, first seen by this worker", 1, [pulling], "IMAGE_PULL_FAILED", 120],
    ["an image, when another worker has waited", 61, [pulling], "IMAGE_PULL_FAILED", 60],
    ["an image, when others have waited for long", 600, [pulling], "IMAGE_PULL_FAILED", 5],
    ["a pod, when another worker has waited", 240, [], "NO_POD", 60],
    ["a pod, by a cluster whose clock is ahead", -3600, [], "NO_POD", 300]
  ])("counts from the Job's own times: %s", ([, second, pods, code, seconds]) =>
    Effect.gen(function* () {
      const [waited, took] = yield* waitedFrom(second, pods)
      assert.strictEqual(codeOf(waited), code)
      assert.closeTo(took, seconds, 1)
    })
  )

  it.effect("ends with the command's time, whose error names what kept the Job from running", () =>
    Effect.gen(function* () {
      const [waited] = yield* waitedFrom(1, [pulling], "30 seconds")
      assert.strictEqual(codeOf(waited), "Late")
      const { error } = resultOf({
        tool: "script",
        job: waited.job,
        ended: waited.ended,
        log: undefined,
        durationMs: 30_000,
        seconds: 30
      })
      assert.strictEqual(
        error?.message,
        "Execution timed out after 30 seconds without having begun: " +
          "the image example.org/x:1 cannot be pulled: ImagePullBackOff: back-off"
      )
    })
  )
})
