/** A worker's script tool on a cluster, as often as a test wants workers. */
import { assert } from "@effect/vitest"
import { Cause, ConfigProvider, Duration, Effect, Exit, Layer, Scope } from "effect"
import { randomInt } from "node:crypto"
import { isObject, type Json, type JsonObject } from "../../../src/domain/Json.ts"
import type { ControlPlane } from "../../../src/control-plane/ControlPlane.ts"
import { MemoryControlPlane } from "../../../src/control-plane/MemoryControlPlane.ts"
import type { CommandId, ExecutionId } from "../../../src/domain/Ids.ts"
import type { StopReason } from "../../../src/domain/Outcome.ts"
import { aCall } from "../../../src/testing/suites/ToolSuite.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { ScriptOptions, type ScriptSettings } from "../../../src/tools/script/ScriptOptions.ts"
import { ScriptTool } from "../../../src/tools/script/ScriptTool.ts"
import { Stopping } from "../../../src/tools/StopReason.ts"
import type { ToolCall } from "../../../src/tools/Tool.ts"
import { ToolError } from "../../../src/domain/ToolError.ts"
import { KubernetesCluster } from "../../support/KubernetesCluster.ts"
import { until } from "../../support/until.ts"

/** Short patience, so that a test about it is short; by the clocks of the cluster, whose parts need some of it. */
export const quick = (second: number): Partial<ScriptSettings> => ({
  pullWithin: Duration.millis(12 * second),
  scheduleWithin: Duration.millis(24 * second),
  adoptWithin: Duration.seconds(2)
})

/** The tool as a worker has it, on a cluster. */
export const toolOn = (more: Partial<ScriptSettings> = {}) =>
  Layer.unwrap(
    Effect.map(KubernetesCluster, ({ kubeconfig, second }) =>
      ScriptTool.layer.pipe(
        Layer.provide(EgressOptions.layerDevelopment),
        Layer.provide(Layer.succeed(ScriptOptions, { ...quick(second), ...more })),
        Layer.provide(
          ConfigProvider.layer(
            ConfigProvider.fromUnknown({ KUBECONFIG: kubeconfig, KUBERNETES_SERVICE_HOST: "a cluster" })
          )
        )
      )
    )
  )

export const aWorker = (
  more: Partial<ScriptSettings> = {},
  plane: Layer.Layer<ControlPlane> = MemoryControlPlane.layer()
) =>
  Effect.map(Layer.build(Layer.fresh(toolOn(more).pipe(Layer.provide(plane)))), (context) =>
    Effect.provide(ScriptTool, context)
  ).pipe(Effect.flatten)

// Where the tests ran before are Jobs of their executions still.
let executions = 613_000_000_000_000_000n + BigInt(randomInt(2 ** 40)) * 1000n

/** One command, delivered as often as the test says. */
export const aCommand = (config: JsonObject, more: Partial<ToolCall> = {}): ToolCall => {
  const executionId = String(executions++) as ExecutionId
  return aCall("script", config, {
    executionId,
    commandId: `${executionId}:load:1` as CommandId,
    step: "load",
    ...more
  })
}

export const inline = (...lines: ReadonlyArray<string>): JsonObject => ({
  script: { source: { type: "inline", code: `${lines.join("\n")}\n` } }
})

export const dataOf = (value: Json | undefined): JsonObject =>
  value !== undefined && isObject(value) ? value : {}

export const errorOf = (exit: Exit.Exit<unknown, unknown>): ToolError | undefined => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return error instanceof ToolError ? error : undefined
}

/** Runs a call as the worker does, in a scope of its own; `why` is what it will be told when it is interrupted. */
export const working = (worker: ScriptTool["Service"], call: ToolCall, why?: StopReason) =>
  Effect.scoped(worker.run(call)).pipe(Effect.provideService(Stopping, { why: Effect.succeed(why) }))

/** The same by a worker that dies: nothing of it runs after the interruption, no finalizer either. */
export const dying = (worker: ScriptTool["Service"], call: ToolCall) =>
  Effect.suspend(() => worker.run(call).pipe(Scope.provide(Scope.makeUnsafe())))

/** Nothing of the execution is there, 60 seconds of the cluster's clock from now at the latest. */
export const nothingLeft = (call: Pick<ToolCall, "executionId">) =>
  Effect.gen(function* () {
    const { objectsOf, second } = yield* KubernetesCluster
    yield* until(objectsOf(call.executionId), (left) => left.length === 0, Math.max(3, (60 * second) / 1000))
  })

export const oneJob = (call: Pick<ToolCall, "executionId">) =>
  Effect.gen(function* () {
    const { jobsEver } = yield* KubernetesCluster
    assert.strictEqual((yield* jobsEver(call.executionId)).length, 1, "Jobs of the command")
  })

/** Whether the script has come to its `print`. */
export const running = (call: Pick<ToolCall, "executionId">) =>
  Effect.gen(function* () {
    const { objectsOf } = yield* KubernetesCluster
    yield* until(objectsOf(call.executionId), (there) => there.some((one) => one.startsWith("Pod/")))
  })

/** A real cluster where the environment names one. */
export const realClusters = ((): ReadonlyArray<readonly [string, Layer.Layer<KubernetesCluster>]> => {
  const { KUBECONFIG, KUBECONFIG_OBSERVER } = process.env
  return KUBECONFIG === undefined || KUBECONFIG === ""
    ? []
    : [[`on ${KUBECONFIG}`, KubernetesCluster.layerReal(KUBECONFIG, KUBECONFIG_OBSERVER)]]
})()
