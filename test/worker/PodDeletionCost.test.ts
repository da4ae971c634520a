import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Duration, Effect, Fiber, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import type { CommandId, ExecutionId } from "../../src/domain/Ids.ts"
import type { ActiveJob } from "../../src/worker/InFlight.ts"
import * as ToolResult from "../../src/domain/ToolResult.ts"
import * as PodDeletionCost from "../../src/worker/plugins/PodDeletionCost.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import * as TestWorker from "../../src/testing/TestWorker.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesClient from "../../src/kubernetes/KubernetesClient.ts"
import { Plugins } from "../../src/worker/Worker.ts"
import { KubernetesServer } from "../support/KubernetesServer.ts"
import { until } from "../support/until.ts"

const job = (startedAt: number): ActiveJob => ({
  command: String(startedAt) as CommandId,
  execution: "1" as ExecutionId,
  kind: "shell",
  attempt: 1,
  phase: "run",
  phaseSince: startedAt,
  step: "s",
  startedAt,
  parked: false
})
const pod = "noetl-worker-pool-0"

/** The client of a worker in the cluster of the test, whose pod is there. */
const client = Layer.unwrap(
  Effect.map(KubernetesServer, ({ kubeconfig, namespace, store }) => {
    store.create({
      kind: "Pod",
      apiVersion: "v1",
      metadata: { name: pod, namespace, uid: "", resourceVersion: "", creationTimestamp: "" }
    })
    return KubernetesClient.layer.pipe(
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ KUBECONFIG: kubeconfig })))
    )
  })
)

const said = Effect.map(
  KubernetesServer,
  ({ store }) =>
    store.all.find(({ metadata }) => metadata.name === pod)?.metadata.annotations?.[
      PodDeletionCost.annotation
    ]
)

const kept = (active: Effect.Effect<ReadonlyArray<ReturnType<typeof job>>>) =>
  Effect.gen(function* () {
    const [plugin] = yield* Plugins
    return yield* plugin?.run(active) ?? Effect.die("no plugin")
  }).pipe(Effect.provide(PodDeletionCost.layerNoDeps({ pod, every: Duration.millis(20) })))

describe("The cost of deleting a pod", () => {
  it.each([
    ["nothing is in hand", [], 0],
    ["a command just began", [job(10_000)], 1],
    ["commands are in hand: the oldest counts", [job(9_000), job(4_000)], 7],
    ["the clock went back", [job(99_000)], 1],
    ["a command runs for ever", [job(-1e15)], 2_147_483_647]
  ] as const)("where %s", (_, active, cost) => {
    assert.strictEqual(PodDeletionCost.costOf(active, 10_000), cost)
  })

  it.each([
    [undefined, 0, true],
    [0, 0, false],
    [0, 1, true],
    [5, 9, false],
    [5, 10, true],
    [600, 0, true],
    [600, 20, true]
  ] as const)("after %s is said, %s: %s", (before, cost, expected) => {
    assert.strictEqual(PodDeletionCost.isWorthSaying(before, cost), expected)
  })

  it.live("is an annotation of the worker's own pod, with the right of its component", () =>
    Effect.gen(function* () {
      const state = { active: [job(0)] }
      const fiber = yield* Effect.forkChild(kept(Effect.sync(() => state.active)))
      yield* until(said, (text) => Number(text) > 1_000_000)
      state.active = []
      yield* until(said, (text) => text === "0")
      yield* Fiber.interrupt(fiber)
    }).pipe(
      Effect.provide(client),
      Effect.provide(KubernetesServer.layer({ roles: ["k8s/components/deletion-cost/rbac.yaml"] })),
      Effect.scoped
    )
  )

  it.live("is left alone where the right is missing, and that is said once", () => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
    return Effect.gen(function* () {
      const { asked } = yield* KubernetesServer
      const fiber = yield* Effect.forkChild(kept(Effect.succeed([])))
      yield* until(
        Effect.sync(() => lines.length),
        (n) => n === 1
      )
      yield* Effect.sleep("200 millis")
      assert.deepStrictEqual([lines.length, asked.filter((one) => one.startsWith("PATCH")).length], [1, 1])
      assert.include(lines[0], "the right to patch pods")
      yield* Fiber.interrupt(fiber)
    }).pipe(
      Effect.provide(client),
      Effect.provide(KubernetesServer.layer()),
      Effect.provide(Logger.layer([logger])),
      Effect.scoped
    )
  })

  it.effect("is known of a worker's own commands: a plugin is a child of its tree", () =>
    Effect.gen(function* () {
      const patches: Array<string> = []
      const release = yield* Deferred.make<void>()
      const api = Layer.succeed(KubernetesApi, {
        namespace: Effect.succeed("n"),
        patchPod: (_: string, name: string, patch: object) =>
          Effect.sync(() => void patches.push(`${name} ${JSON.stringify(patch)}`))
      } as unknown as KubernetesApi["Service"])
      const worker = TestWorker.layer({
        answer: () => Effect.as(Deferred.await(release), ToolResult.success(null))
      }).pipe(
        Layer.provide(
          PodDeletionCost.layerNoDeps({ pod, every: Duration.seconds(10) }).pipe(Layer.provide(api))
        )
      )
      yield* Effect.gen(function* () {
        yield* TestWorker.submit(aCommand())
        yield* TestClock.adjust("30 seconds").pipe(
          Effect.andThen(Effect.yieldNow),
          Effect.repeat({ times: 5 })
        )
        yield* Deferred.succeed(release, undefined)
        yield* TestClock.adjust("30 seconds").pipe(
          Effect.andThen(Effect.yieldNow),
          Effect.repeat({ times: 5 })
        )
      }).pipe(Effect.provide(worker))
      assert.isAtLeast(patches.length, 3)
      assert.include(patches.at(-1), `"${PodDeletionCost.annotation}":"0"`)
      assert.isTrue(patches.some((patch) => !patch.includes('":"0"')))
    })
  )
})
