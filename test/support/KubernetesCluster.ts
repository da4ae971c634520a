/** The cluster that the script tool's contract runs on: the double, or the one that KUBECONFIG names. */
import { Context, Effect, Layer, Schedule } from "effect"
import { KubernetesServer } from "./KubernetesServer.ts"

const executionLabel = "noetl.execution-id"

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
        const execution = object.metadata.labels?.[executionLabel] ?? ""
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
              .filter(({ metadata }) => metadata.labels?.[executionLabel] === execution)
              .map(({ kind, metadata }) => `${kind}/${metadata.name}`)
          ),
        jobsEver: (execution) => Effect.sync(() => [...(ever.get(execution) ?? [])])
      })
    })
  )

  /**
   * `kubeconfig` is the worker's, with no more rights than the project's Role gives. The tests look on with those of
   * `observer`, who must be allowed to list what a script leaves.
   */
  static readonly layerReal = (kubeconfig: string, observer: string = kubeconfig) =>
    Layer.effect(
      KubernetesCluster,
      Effect.gen(function* () {
        const { BatchV1Api, CoreV1Api, KubeConfig } = yield* Effect.promise(
          () => import("@kubernetes/client-node")
        )
        const config = new KubeConfig()
        config.loadFromFile(observer)
        const worker = new KubeConfig()
        worker.loadFromFile(kubeconfig)
        const namespace = worker.getContextObject(worker.getCurrentContext())?.namespace ?? "default"
        const batch = config.makeApiClient(BatchV1Api)
        const core = config.makeApiClient(CoreV1Api)
        const ever = new Map<string, Set<string>>()
        const see = Effect.promise(async () => {
          const jobs = await batch.listNamespacedJob({ namespace, labelSelector: executionLabel })
          for (const { metadata } of jobs.items) {
            const execution = metadata?.labels?.[executionLabel] ?? ""
            ever.set(execution, (ever.get(execution) ?? new Set()).add(metadata?.uid ?? ""))
          }
        })
        // A Job may be made and deleted while no test looks.
        yield* Effect.forkScoped(Effect.repeat(see, Schedule.spaced("200 millis")))
        const objectsOf = (execution: string) =>
          Effect.promise(async () => {
            const query = { namespace, labelSelector: `${executionLabel}=${execution}` }
            const lists = await Promise.all([
              batch.listNamespacedJob(query),
              core.listNamespacedPod(query),
              core.listNamespacedConfigMap(query),
              core.listNamespacedSecret(query)
            ])
            return lists.flatMap((list) =>
              list.items.map(({ metadata }) => `${list.kind?.replace("List", "")}/${metadata?.name}`)
            )
          })
        return KubernetesCluster.of({
          kubeconfig,
          namespace,
          second: 1000,
          objectsOf,
          jobsEver: (execution) => Effect.map(see, () => [...(ever.get(execution) ?? [])])
        })
      })
    )
}
