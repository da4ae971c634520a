/**
 * A double of the Kubernetes API for Jobs, as a service: over HTTP, with the project's own Role, controllers and a node.
 *
 * It was held against a real API server, controller manager and kubelet; test/tools/script/ScriptTool.test.ts runs
 * against either. Unlike those it refuses a field it does not know, which they would drop without a word.
 */
import * as Library from "@kubernetes/client-node"
import { Context, Effect, Layer } from "effect"
import { writeFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { Jobs } from "./KubernetesJobs.ts"
import { Node } from "./KubernetesNode.ts"
import { projectRole } from "./KubernetesRole.ts"
import { mergePatch, selectorOf, Store, type Thing, unknownFieldSelector } from "./KubernetesStore.ts"
import { json, logOf, status, watch, type World } from "./KubernetesAnswers.ts"
import { unknownFieldsOf } from "./KubernetesFields.ts"

/** What goes wrong with the next requests whose `METHOD path` fits. */
export interface Fault {
  readonly on: RegExp
  readonly times: number
  /** An answer, or the end of the connection: `cut` before the request is obeyed, `lost` after. */
  readonly with: number | "cut" | "lost"
}

export class KubernetesServer extends Context.Service<
  KubernetesServer,
  {
    /** A file for KUBECONFIG. */
    readonly kubeconfig: string
    readonly namespace: string
    readonly store: Store
    readonly node: Node
    /** `METHOD path?query` of what was asked, oldest first. */
    readonly asked: ReadonlyArray<string>
    readonly fail: (fault: Fault) => void
    /** Ends the watches that are open. */
    readonly dropWatches: () => void
  }
>()("test/support/KubernetesServer") {
  /**
   * `second`: milliseconds that a second of backoff, of time to live and of a watch lasts. `roles`: manifests with what the worker
   * may do besides its own Role.
   */
  static readonly layer = (
    options: { readonly second?: number; readonly roles?: ReadonlyArray<string> } = {}
  ) =>
    Layer.effect(
      KubernetesServer,
      make(options.second ?? 25, ["k8s/base/rbac.yaml", ...(options.roles ?? [])])
    )
}

const make = (second: number, roles: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const store = new Store()
    const node = new Node(store)
    const jobs = new Jobs(store, second)
    const asked: Array<string> = []
    const faults: Array<{ fault: Fault; left: number }> = []
    const watches = new Set<ServerResponse>()
    const world: World = { store, node, watches, second, allows: projectRole(roles) }
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const what = `${request.method} ${request.url}`
        asked.push(what)
        const fault = faults.find(({ fault: { on }, left }) => left > 0 && on.test(what))
        if (fault !== undefined) {
          fault.left--
          const how = fault.fault.with
          if (typeof how === "number") return status(response, how, "Fault", "made for this test")
          if (how === "lost") answer(world, request, sink(response), Buffer.concat(chunks).toString())
          return void request.socket.destroy()
        }
        answer(world, request, response, Buffer.concat(chunks).toString())
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          jobs.close()
          node.close()
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    const { port } = server.address() as AddressInfo
    const kubeconfig = join(node.folder, "kubeconfig")
    writeFileSync(kubeconfig, kubeconfigOf(`http://127.0.0.1:${port}`))
    return KubernetesServer.of({
      kubeconfig,
      namespace: home,
      store,
      node,
      asked,
      fail: (fault) => void faults.push({ fault, left: fault.times }),
      dropWatches: () => {
        for (const response of watches) response.destroy()
      }
    })
  })

/** Where the Role is bound. */
const home = "jobs"

const kinds: Readonly<Record<string, string>> = {
  jobs: "Job",
  pods: "Pod",
  configmaps: "ConfigMap",
  secrets: "Secret"
}

const answer = (world: World, request: IncomingMessage, response: ServerResponse, body: string): void => {
  const url = new URL(request.url ?? "/", "http://double")
  const [, group, namespace, resource, name, sub] =
    /^\/(?:api|apis\/(batch))\/v1\/namespaces\/([^/]+)\/([a-z]+)(?:\/([^/]+))?(?:\/([a-z]+))?$/.exec(
      url.pathname
    ) ?? []
  const kind = kinds[resource ?? ""]
  if (namespace === undefined || resource === undefined || kind === undefined) {
    return status(response, 404, "NotFound", "the server could not find the requested resource")
  }
  const watching = url.searchParams.get("watch") === "true"
  const verb = verbOf(request.method ?? "", name !== undefined, watching)
  const full = sub === undefined ? resource : `${resource}/${sub}`
  if (namespace !== home || !world.allows({ group: group ?? "", resource: full, verb })) {
    const who = "system:serviceaccount:noetl:noetl-worker"
    return status(
      response,
      403,
      "Forbidden",
      `${full} is forbidden: User "${who}" cannot ${verb} resource "${full}"`
    )
  }
  const unknown = unknownFieldSelector(url.searchParams.get("fieldSelector"))
  if (unknown !== undefined) {
    return status(response, 400, "BadRequest", `field label "${unknown}" not supported for ${kind}`)
  }
  const selector = selectorOf(url.searchParams.get("labelSelector"), url.searchParams.get("fieldSelector"))
  const found = name === undefined ? undefined : world.store.get(kind, namespace, name)
  if (name !== undefined && found === undefined) {
    return status(response, 404, "NotFound", `${resource} "${name}" not found`)
  }
  if (found !== undefined && sub === "log") return logOf(world, found, url.searchParams, response)
  switch (verb) {
    case "create":
      return create(world, kind, namespace, body, response)
    case "get":
      return json(response, found)
    case "list":
      return json(response, {
        kind: `${kind}List`,
        metadata: { resourceVersion: String(world.store.version) },
        items: world.store.list(kind, namespace, selector)
      })
    case "watch":
      return watch(
        world,
        (one) => one.kind === kind && one.metadata.namespace === namespace && selector(one),
        url,
        response
      )
    case "patch":
      return found === undefined ? undefined : patch(world, found, body, request, response)
    case "delete":
      return found === undefined ? undefined : remove(world, found, body, response)
  }
}

const verbOf = (method: string, named: boolean, watching: boolean) => {
  if (method === "POST") return "create"
  if (method === "PATCH") return "patch"
  if (method === "DELETE") return "delete"
  return watching ? "watch" : named ? "get" : "list"
}

const create = (
  { store }: World,
  kind: string,
  namespace: string,
  body: string,
  response: ServerResponse
): void => {
  const object = JSON.parse(body) as Thing
  const unknown = unknownFieldsOf(object, Library)
  if (unknown.length > 0) return status(response, 422, "Invalid", `unknown fields: ${unknown.join(", ")}`)
  if (object.kind !== kind || !/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(object.metadata.name)) {
    return status(response, 422, "Invalid", `${kind} "${object.metadata.name}" is invalid: metadata.name`)
  }
  const owner = object.metadata.ownerReferences?.[0]
  if (owner?.blockOwnerDeletion === true) {
    return status(response, 403, "Forbidden", "cannot set blockOwnerDeletion: no right to update finalizers")
  }
  const data = Object.entries(object.stringData ?? {}).map(([k, v]) => [k, Buffer.from(v).toString("base64")])
  const made = store.create({
    ...object,
    metadata: { ...object.metadata, namespace },
    ...(object.stringData === undefined ? {} : { data: Object.fromEntries(data) as Record<string, string> })
  })
  if (made === undefined) {
    return status(response, 409, "AlreadyExists", `${kind} "${object.metadata.name}" already exists`)
  }
  json(response, made, 201)
}

const patch = (
  { store }: World,
  found: Thing,
  body: string,
  request: IncomingMessage,
  response: ServerResponse
): void => {
  if (request.headers["content-type"] !== "application/merge-patch+json") {
    return status(response, 415, "UnsupportedMediaType", `the body was ${request.headers["content-type"]}`)
  }
  const changes = JSON.parse(body) as Partial<Thing>
  if (changes.metadata?.uid !== undefined && changes.metadata.uid !== found.metadata.uid) {
    const problem = `metadata.uid: Invalid value: "${changes.metadata.uid}": field is immutable`
    return status(response, 422, "Invalid", `Job.batch "${found.metadata.name}" is invalid: ${problem}`)
  }
  json(
    response,
    store.update(found, (copy) => Object.assign(copy, mergePatch(copy, changes)))
  )
}

const remove = ({ store }: World, found: Thing, body: string, response: ServerResponse): void => {
  const { preconditions, propagationPolicy } = JSON.parse(body === "" ? "{}" : body) as {
    preconditions?: { uid?: string; resourceVersion?: string }
    propagationPolicy?: string
  }
  const { resourceVersion, uid } = found.metadata
  if (
    (preconditions?.uid ?? uid) !== uid ||
    (preconditions?.resourceVersion ?? resourceVersion) !== resourceVersion
  ) {
    return status(response, 409, "Conflict", "Precondition failed")
  }
  // The default of batch/v1 leaves the pods: here they would be seen at the end of the test.
  if (propagationPolicy !== "Background") return status(response, 500, "Orphans", "no propagation policy")
  store.delete(found)
  json(response, { kind: "Status", status: "Success" })
}

/** An answer that nobody gets. */
const sink = (response: ServerResponse): ServerResponse =>
  Object.assign(Object.create(response) as ServerResponse, { writeHead: () => response, end: () => response })

const kubeconfigOf = (server: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "double",
    // The client refuses plain HTTP unless it is told that nobody checks certificates.
    clusters: [{ name: "double", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "worker", user: { token: "worker" } }],
    contexts: [{ name: "double", context: { cluster: "double", user: "worker", namespace: "jobs" } }]
  })
