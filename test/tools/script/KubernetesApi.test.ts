/** What the tool relies on between the lines of the API: on the double always, on a real cluster when there is one. */
import type { V1Job } from "@kubernetes/client-node"
import { assert, layer as testLayer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Stream } from "effect"
import { KubernetesApi } from "../../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesClient from "../../../src/kubernetes/KubernetesClient.ts"
import { KubernetesCluster } from "../../support/KubernetesCluster.ts"
import { KubernetesServer } from "../../support/KubernetesServer.ts"
import { realClusters } from "./harness.ts"

const client = Layer.unwrap(
  Effect.map(KubernetesCluster, ({ kubeconfig }) =>
    KubernetesClient.layer.pipe(
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ KUBECONFIG: kubeconfig })))
    )
  )
)

/** Without pods: it is suspended. It goes with the test. */
const aJob = Effect.gen(function* () {
  const api = yield* KubernetesApi
  const namespace = (yield* api.namespace) ?? ""
  const name = `contract-${(yield* Effect.sync(() => crypto.randomUUID())).slice(0, 8)}`
  const job: V1Job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: {
      suspend: true,
      template: { spec: { restartPolicy: "Never", containers: [{ name: "script", image: "none" }] } }
    }
  }
  const made = yield* Effect.acquireRelease(api.createJob(namespace, job), () =>
    Effect.gen(function* () {
      const left = yield* api.getJob(namespace, name)
      if (left !== undefined) yield* api.deleteJob(namespace, name, seenOf(left))
    }).pipe(Effect.orDie)
  )
  return { api, namespace, name, job, made }
})

const seenOf = ({ metadata }: V1Job) => ({
  uid: metadata?.uid ?? "",
  resourceVersion: metadata?.resourceVersion ?? ""
})

const otherUid = "00000000-0000-4000-8000-000000000000"

for (const [where, cluster] of [
  ["on the double", KubernetesCluster.layerDouble.pipe(Layer.provide(KubernetesServer.layer()))] as const,
  ...realClusters
]) {
  testLayer(client.pipe(Layer.provide(cluster)), { excludeTestServices: true })(
    `the API server, ${where}`,
    (it) => {
      it.effect("makes no second Job of a name", () =>
        Effect.gen(function* () {
          const { api, job, namespace } = yield* aJob
          const error = yield* Effect.flip(api.createJob(namespace, job))
          assert.deepStrictEqual([error.status, error.isRetryable], [409, false])
        })
      )

      it.effect("changes no Job that was made anew, and says that it is another", () =>
        Effect.gen(function* () {
          const { api, name, namespace } = yield* aJob
          const patch = { metadata: { uid: otherUid, annotations: { holder: "b" } } }
          const error = yield* Effect.flip(api.patchJob(namespace, name, patch))
          assert.strictEqual(error.status, 409)
          assert.isUndefined((yield* api.getJob(namespace, name))?.metadata?.annotations?.["holder"])
        })
      )

      it.effect("deletes no Job that was made anew or has changed", () =>
        Effect.gen(function* () {
          const { api, made, name, namespace } = yield* aJob
          const changed = yield* api.patchJob(namespace, name, { spec: { ttlSecondsAfterFinished: 9 } })
          const { resourceVersion, uid } = seenOf(changed)
          assert.isFalse(yield* api.deleteJob(namespace, name, { uid: otherUid, resourceVersion }))
          assert.isFalse(yield* api.deleteJob(namespace, name, seenOf(made)))
          assert.isTrue(yield* api.deleteJob(namespace, name, { uid, resourceVersion }))
          assert.isUndefined(yield* api.getJob(namespace, name))
        })
      )

      it.effect("says what happened to a Job since it was looked at", () =>
        Effect.gen(function* () {
          const { api, name, namespace } = yield* aJob
          const { versions } = yield* api.look(namespace, name)
          yield* api.patchJob(namespace, name, { spec: { ttlSecondsAfterFinished: 9 } })
          yield* api.changed(namespace, name, versions).pipe(Effect.timeout("5 seconds"))
        })
      )

      it.effect("says nothing about other Jobs", () =>
        Effect.gen(function* () {
          const { api, name, namespace } = yield* aJob
          yield* Effect.sleep("1 second")
          const { versions } = yield* api.look(namespace, name)
          yield* aJob
          const seen = yield* api.changed(namespace, name, versions).pipe(Effect.timeoutOption("1 second"))
          assert.strictEqual(seen._tag, "None")
        })
      )

      it.effect("has no log of a pod that is not there", () =>
        Effect.gen(function* () {
          const { api, namespace } = yield* aJob
          const of = { namespace, pod: "no-such-pod", container: "script" }
          const error = yield* Effect.flip(Stream.runDrain(api.log(of, { follow: false })))
          assert.strictEqual(error.status, 404)
        })
      )

      it.effect("gives no rights beyond the namespace of the Role", () =>
        Effect.gen(function* () {
          const { api, job } = yield* aJob
          const error = yield* Effect.flip(api.createJob("kube-system", job))
          assert.deepStrictEqual([error.status, error.isRetryable], [403, false])
        })
      )
    }
  )
}
