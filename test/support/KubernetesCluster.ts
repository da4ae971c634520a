/** The cluster that the script tool's contract runs on: the double, or the one that KUBECONFIG names. */
import { Context, Effect, Layer } from "effect"
import { KubernetesServer } from "./KubernetesServer.ts"

export class KubernetesCluster extends Context.Service<
  KubernetesCluster,
  {
    readonly kubeconfig: string
    readonly namespace: string
    /** How many milliseconds a second of the cluster's own clocks lasts. */
    readonly second: number
    /** `Kind/name` of all that an execution has there now. */
    readonly objectsOf: (execution: string) => Effect.Effect<ReadonlyArray<string>>
    /** uids of all Jobs of an execution that were ever seen. */
    readonly jobsEver: (execution: string) => Effect.Effect<ReadonlyArray<string>>
  }
>()("test/support/KubernetesCluster") {
  static readonly layerDouble = Layer.effect(
    KubernetesCluster,
    Effect.gen(function* () {
      const { kubeconfig, namespace, store } = yield* KubernetesServer
      const ever = new Map<string, Set<string>>()
      store.listen(({ object }) => {
        const execution = object.metadata.labels?.["noetl.execution-id"] ?? ""
        if (object.kind === "Job")
          ever.set(execution, (ever.get(execution) ?? new Set()).add(object.metadata.uid))
      })
      return KubernetesCluster.of({
        kubeconfig,
        namespace,
        second: 25,
        objectsOf: (execution) =>
          Effect.sync(() =>
            store.all
              .filter(({ metadata }) => metadata.labels?.["noetl.execution-id"] === execution)
              .map(({ kind, metadata }) => `${kind}/${metadata.name}`)
          ),
        jobsEver: (execution) => Effect.sync(() => [...(ever.get(execution) ?? [])])
      })
    })
  )

  /** It must let us list; the worker itself needs no such right. */
  static readonly layerReal = (kubeconfig: string) =>
    Layer.effect(
      KubernetesCluster,
      Effect.gen(function* () {
        const { BatchV1Api, CoreV1Api, KubeConfig } = yield* Effect.promise(
          () => import("@kubernetes/client-node")
        )
        const config = new KubeConfig()
        config.loadFromFile(kubeconfig)
        const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? "default"
        const batch = config.makeApiClient(BatchV1Api)
        const core = config.makeApiClient(CoreV1Api)
        const ever = new Map<string, Set<string>>()
        const objectsOf = (execution: string) =>
          Effect.promise(async () => {
            const query = { namespace, labelSelector: `noetl.execution-id=${execution}` }
            const jobs = await batch.listNamespacedJob(query)
            const uids = ever.get(execution) ?? new Set()
            ever.set(execution, uids)
            for (const { metadata } of jobs.items) uids.add(metadata?.uid ?? "")
            const others = await Promise.all([
              core.listNamespacedPod(query),
              core.listNamespacedConfigMap(query),
              core.listNamespacedSecret(query)
            ])
            return [jobs, ...others].flatMap((list) =>
              list.items.map(({ metadata }) => `${list.kind?.replace("List", "")}/${metadata?.name}`)
            )
          })
        return KubernetesCluster.of({
          kubeconfig,
          namespace,
          second: 1000,
          objectsOf,
          jobsEver: (execution) => Effect.map(objectsOf(execution), () => [...(ever.get(execution) ?? [])])
        })
      })
    )
}
