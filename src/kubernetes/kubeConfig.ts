/** Finds the cluster: KUBECONFIG, the service account of the pod, the kubeconfig of the user. In this order. */
import type { KubeConfig } from "@kubernetes/client-node"
import { Config, Effect, Option } from "effect"
import { access, readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { messageOf } from "../domain/messageOf.ts"
import { KubernetesError, NoCluster } from "./KubernetesApi.ts"

export type ClientLibrary = typeof import("@kubernetes/client-node")

export interface Cluster {
  readonly config: KubeConfig
  readonly namespace: string | undefined
}

/** Where Kubernetes mounts a pod's token. */
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

export const findCluster = Effect.fnUntraced(function* (library: ClientLibrary) {
  const named = yield* variable("KUBECONFIG")
  const host = yield* variable("KUBERNETES_SERVICE_HOST")
  const home = join(homedir(), ".kube", "config")
  if (named !== undefined) return yield* fromFile(library, named)
  if (host !== undefined && (yield* exists(join(serviceAccount, "token")))) return yield* fromPod(library)
  if (yield* exists(home)) return yield* fromFile(library, home)
  return yield* noCluster(
    `this worker knows no cluster: no KUBECONFIG, no token in ${serviceAccount}, no ~/.kube/config`
  )
})

const fromPod = (library: ClientLibrary) =>
  Effect.gen(function* () {
    const config = new library.KubeConfig()
    // It names the token's file, which is read anew every minute: the kubelet rotates it.
    yield* loading("the service account", () => config.loadFromCluster())
    const namespace = yield* Effect.promise(() =>
      readFile(join(serviceAccount, "namespace"), "utf8").catch(() => "")
    )
    return { config, namespace: namespace.trim() === "" ? undefined : namespace.trim() } satisfies Cluster
  })

const fromFile = (library: ClientLibrary, path: string) =>
  Effect.gen(function* () {
    const config = new library.KubeConfig()
    yield* loading(path, () => config.loadFromFile(path))
    if (config.getCurrentCluster() === null) return yield* noCluster(`${path} has no current cluster`)
    const namespace = config.getContextObject(config.getCurrentContext())?.namespace
    return { config, namespace } satisfies Cluster
  })

const loading = (what: string, load: () => void) =>
  Effect.try({
    try: load,
    catch: (cause) => noClusterError(`${what} cannot be used: ${messageOf(cause)}`)
  })

const variable = (name: string) =>
  Config.option(Config.String(name)).pipe(
    Effect.map(Option.filter((text) => text.trim() !== "")),
    Effect.map(Option.getOrUndefined),
    Effect.orElseSucceed(() => undefined)
  )

const exists = (path: string) =>
  Effect.promise(() =>
    access(path).then(
      () => true,
      () => false
    )
  )

const noClusterError = (detail: string) =>
  new KubernetesError({ action: "find the cluster", reason: new NoCluster({ detail }) })

const noCluster = (detail: string) => Effect.fail(noClusterError(detail))
