/**
 * Tells Kubernetes what it would cost to delete this pod, so that a scale-in takes one that is idle:
 * `controller.kubernetes.io/pod-deletion-cost`, the seconds that the oldest command in flight has been worked on, 0 without one.
 * https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost
 */
import { Clock, Duration, Effect, Layer } from "effect"
import type { ActiveJob } from "../InFlight.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as KubernetesClient from "../../kubernetes/KubernetesClient.ts"
import { type Plugin, Plugins } from "../Worker.ts"

export interface Options {
  readonly pod: string
  readonly every: Duration.Duration
}

/** A companion of the worker that keeps the annotation of its pod. */
export const layerNoDeps = (options: Options): Layer.Layer<never, never, KubernetesApi> =>
  Layer.effect(
    Plugins,
    Effect.map(KubernetesApi, (api): ReadonlyArray<Plugin> => [
      { name: "deletion cost", run: (active) => keep(api, options, active) }
    ])
  )

export const layer = (options: Options): Layer.Layer<never> =>
  layerNoDeps(options).pipe(Layer.provide(KubernetesClient.layer))

export const annotation = "controller.kubernetes.io/pod-deletion-cost"

/** An API server wants few updates: one when the pod becomes idle or busy, and one each time the age has doubled. */
export const isWorthSaying = (said: number | undefined, cost: number): boolean =>
  said === undefined ||
  (said !== cost && ((said === 0) !== (cost === 0) || cost >= said * 2 || cost * 2 <= said))

export const costOf = (active: ReadonlyArray<ActiveJob>, now: number): number =>
  active.length === 0
    ? 0
    : Math.min(
        2_147_483_647,
        1 + Math.floor(Math.max(0, now - Math.min(...active.map((job) => job.startedAt))) / 1000)
      )

// --- helpers ---

const keep = (
  api: KubernetesApi["Service"],
  { every, pod }: Options,
  active: Effect.Effect<ReadonlyArray<ActiveJob>>
): Effect.Effect<never> => {
  const state: { said: number | undefined } = { said: undefined }
  const once = Effect.gen(function* () {
    const cost = costOf(yield* active, yield* Clock.currentTimeMillis)
    if (!isWorthSaying(state.said, cost)) return
    const namespace = (yield* api.namespace) ?? "default"
    yield* api.patchPod(namespace, pod, { metadata: { annotations: { [annotation]: String(cost) } } })
    state.said = cost
  })
  return once.pipe(
    Effect.catchIf(
      (error) => error.status !== 403,
      (error) => Effect.logDebug(`the deletion cost of this pod was not said: ${error.message}`)
    ),
    Effect.andThen(Effect.sleep(every)),
    Effect.forever,
    // Without the right it would be refused for ever.
    Effect.catch((error) =>
      Effect.andThen(
        Effect.logWarning(
          `a scale-in may take this pod while it works: ${error.message}. It needs the right to patch pods, or WORKER_POD_DELETION_COST=false`
        ),
        Effect.never
      )
    )
  )
}
