/**
 * The Kubernetes API by @kubernetes/client-node, which is loaded when a script first runs: it costs 0.8 s and 85 MB.
 *
 * Watches and logs are read here and not by the library: its Watch gives up after 30 s without an event, and its Log
 * leaves a broken stream without a listener, which ends the process.
 */
import type { BatchV1Api, CoreV1Api, ObservableMiddleware, V1Job } from "@kubernetes/client-node"
import { ConfigProvider, Effect, Layer, Stream } from "effect"
import { fetch } from "undici"
import { parse } from "../domain/Json.ts"
import { messageOf } from "../domain/messageOf.ts"
import { type ClientLibrary, type Cluster, findCluster } from "./kubeConfig.ts"
import { KubernetesApi, KubernetesError, NoCluster, Refused, Unreachable } from "./KubernetesApi.ts"

interface Client extends Cluster {
  readonly sdk: ClientLibrary
  readonly batch: BatchV1Api
  readonly core: CoreV1Api
}

export const layer: Layer.Layer<KubernetesApi> = Layer.effect(
  KubernetesApi,
  Effect.gen(function* () {
    const provider = yield* ConfigProvider.ConfigProvider
    // A failure is not kept: the kubeconfig may be there the next time.
    const [cached, forget] = yield* Effect.cachedInvalidateWithTTL(
      Effect.provideService(connect(), ConfigProvider.ConfigProvider, provider),
      "Infinity"
    )
    return of(Effect.tapError(cached, () => forget))
  })
)

function connect() {
  return Effect.gen(function* () {
    const sdk = yield* Effect.tryPromise({
      try: () => import("@kubernetes/client-node"),
      catch: () =>
        new KubernetesError({
          action: "load the client",
          reason: new NoCluster({ detail: "the optional package @kubernetes/client-node is not installed" })
        })
    })
    const cluster = yield* findCluster(sdk)
    const { config } = cluster
    return yield* Effect.try({
      try: (): Client => ({
        ...cluster,
        sdk,
        batch: config.makeApiClient(sdk.BatchV1Api),
        core: config.makeApiClient(sdk.CoreV1Api)
      }),
      catch: (cause) =>
        new KubernetesError({ action: "find the cluster", reason: new NoCluster({ detail: String(cause) }) })
    })
  })
}

const selectorOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",")

const of = (client: Effect.Effect<Client, KubernetesError>): KubernetesApi["Service"] => {
  const ask = <A>(action: string, f: (client: Client, options: CallOptions) => Promise<A>) =>
    Effect.flatMap(client, (connected) =>
      Effect.tryPromise({
        try: (signal) => f(connected, withSignal(connected.sdk, signal)),
        catch: (cause) => errorOf(action, cause)
      })
    ).pipe(withLimit(action))

  return KubernetesApi.of({
    namespace: Effect.map(client, ({ namespace }) => namespace),
    createJob: (namespace, body) =>
      ask(`create Job ${body.metadata?.name}`, ({ batch }, options) =>
        batch.createNamespacedJob({ namespace, body }, options)
      ),
    getJob: (namespace, name) =>
      ask(`read Job ${name}`, ({ batch }, options) =>
        batch.readNamespacedJob({ namespace, name }, options)
      ).pipe(missingIs((): V1Job | undefined => undefined)),
    jobs: (namespace, labels) =>
      ask("list Jobs", ({ batch }, options) =>
        batch.listNamespacedJob({ namespace, labelSelector: selectorOf(labels), limit: 500 }, options)
      ).pipe(Effect.map(({ items }) => items)),
    patchJob: (namespace, name, body) =>
      ask(`patch Job ${name}`, ({ batch, sdk }, options) =>
        batch.patchNamespacedJob(
          { namespace, name, body },
          sdk.setHeaderOptions("Content-Type", sdk.PatchStrategy.MergePatch, options)
        )
      ).pipe(Effect.mapError(otherUidIsConflict)),
    patchPod: (namespace, name, body) =>
      ask(`patch Pod ${name}`, ({ core, sdk }, options) =>
        core.patchNamespacedPod(
          { namespace, name, body },
          sdk.setHeaderOptions("Content-Type", sdk.PatchStrategy.MergePatch, options)
        )
      ).pipe(Effect.asVoid),
    deleteJob: (namespace, name, { resourceVersion, uid }) =>
      ask(`delete Job ${name}`, ({ batch }, options) =>
        batch.deleteNamespacedJob(
          // Without a policy the API server's default for this version leaves the pods running.
          {
            namespace,
            name,
            body: { propagationPolicy: "Background", preconditions: { uid, resourceVersion } }
          },
          options
        )
      ).pipe(
        Effect.as(true),
        Effect.catchIf(
          (error) => error.status === 409,
          () => Effect.succeed(false)
        ),
        missingIs(() => true)
      ),
    createConfigMap: (namespace, body) =>
      ask(`create ConfigMap ${body.metadata?.name}`, ({ core }, options) =>
        core.createNamespacedConfigMap({ namespace, body }, options)
      ).pipe(Effect.asVoid),
    createSecret: (namespace, body) =>
      ask(`create Secret ${body.metadata?.name}`, ({ core }, options) =>
        core.createNamespacedSecret({ namespace, body }, options)
      ).pipe(Effect.asVoid),
    look: (namespace, job) =>
      ask(`look at Job ${job}`, async ({ batch, core }, options) => {
        const jobs = await batch.listNamespacedJob({ namespace, fieldSelector: jobSelector(job) }, options)
        const pods = await core.listNamespacedPod({ namespace, labelSelector: podsSelector(job) }, options)
        return {
          job: jobs.items[0],
          pods: pods.items,
          versions: { job: jobs.metadata?.resourceVersion ?? "", pods: pods.metadata?.resourceVersion ?? "" }
        }
      }),
    changed: (namespace, job, since) => {
      const watch = (path: string, resourceVersion: string, selector: Record<string, string>) =>
        open(client, `watch Job ${job}`, path, {
          ...selector,
          watch: "true",
          timeoutSeconds: "240",
          resourceVersion
        }).pipe(Stream.take(1), Stream.runForEach(unlessError(`watch Job ${job}`)))
      return Effect.raceFirst(
        watch(`/apis/batch/v1/namespaces/${namespace}/jobs`, since.job, { fieldSelector: jobSelector(job) }),
        watch(`/api/v1/namespaces/${namespace}/pods`, since.pods, { labelSelector: podsSelector(job) })
      )
    },
    log: ({ container, namespace, pod }, { follow, tailLines }) =>
      open(client, `log of pod ${pod}`, `/api/v1/namespaces/${namespace}/pods/${pod}/log`, {
        container,
        follow: String(follow),
        ...(tailLines === undefined ? {} : { tailLines: String(tailLines) })
      })
  })
}

const jobSelector = (job: string) => `metadata.name=${job}`
const podsSelector = (job: string) => `job-name=${job}`

// --- the library's edge ---

/** For one answer; the streams have no such limit. */
const withLimit =
  (action: string) =>
  <A>(effect: Effect.Effect<A, KubernetesError>): Effect.Effect<A, KubernetesError> =>
    Effect.timeoutOrElse(effect, {
      duration: "30 seconds",
      orElse: () => Effect.fail(unreachable(action, "no answer within 30 seconds"))
    })

interface CallOptions {
  readonly middleware: Array<ObservableMiddleware>
  readonly middlewareMergeStrategy: "append"
}

/** Interruption ends the request. */
const withSignal = (sdk: ClientLibrary, signal: AbortSignal): CallOptions => ({
  middlewareMergeStrategy: "append",
  middleware: [
    {
      pre: (context) => {
        context.setSignal(signal)
        return new sdk.Observable(Promise.resolve(context))
      },
      post: (response) => new sdk.Observable(Promise.resolve(response))
    }
  ]
})

const missingIs =
  <B>(missing: () => B) =>
  <A>(effect: Effect.Effect<A, KubernetesError>): Effect.Effect<A | B, KubernetesError> =>
    Effect.catchIf(
      effect,
      (error) => error.status === 404,
      () => Effect.sync(missing)
    )

/** To the API server another uid in a patch is a bad value of a field that cannot change. */
const otherUidIsConflict = (error: KubernetesError): KubernetesError =>
  error.reason._tag === "Refused" &&
  error.reason.status === 422 &&
  error.reason.detail.includes("metadata.uid: Invalid value")
    ? new KubernetesError({
        action: error.action,
        reason: new Refused({ status: 409, why: "Conflict", detail: error.reason.detail })
      })
    : error

/** The bytes of an answer that comes over time; the connection ends with the stream. */
const open = (
  client: Effect.Effect<Client, KubernetesError>,
  action: string,
  path: string,
  query: Readonly<Record<string, string>>
): Stream.Stream<Uint8Array, KubernetesError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { config, sdk } = yield* client
      const signal = yield* Effect.abortSignal
      const response = yield* Effect.tryPromise({
        try: async () => {
          const url = new URL((config.getCurrentCluster()?.server ?? "").replace(/\/$/, "") + path)
          url.search = new URLSearchParams(query).toString()
          const context = new sdk.RequestContext(url.href, sdk.HttpMethod.GET)
          await config.applySecurityAuthentication(context)
          const dispatcher = context.getDispatcher()
          return await fetch(url, {
            headers: context.getHeaders(),
            signal,
            ...(dispatcher === undefined ? {} : { dispatcher })
          })
        },
        catch: (cause) => errorOf(action, cause)
      }).pipe(withLimit(action))
      const { body, status } = response
      if (status !== 200 || body === null) {
        const text = yield* Effect.promise(() => response.text().catch(() => ""))
        return yield* Effect.fail(refused(action, status, text))
      }
      return Stream.fromAsyncIterable<Uint8Array, KubernetesError>(body, (cause) => errorOf(action, cause))
    })
  )

/** A version that is too old is an event of an answer that is good otherwise. */
const unlessError = (action: string) => (bytes: Uint8Array) => {
  const text = new TextDecoder().decode(bytes)
  return text.startsWith('{"type":"ERROR"') ? Effect.fail(refused(action, 410, "{}")) : Effect.void
}

const errorOf = (action: string, cause: unknown): KubernetesError => {
  if (typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "number") {
    // The library hands the body over as text, or parsed, or not at all.
    const body = "body" in cause ? cause.body : undefined
    return refused(action, cause.code, typeof body === "string" ? body : JSON.stringify(body ?? {}))
  }
  const error = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  return unreachable(action, messageOf(error))
}

const unreachable = (action: string, detail: string): KubernetesError =>
  new KubernetesError({ action, reason: new Unreachable({ detail }) })

const refused = (action: string, status: number, body: string): KubernetesError => {
  const parsed = parse(body)
  const said =
    parsed._tag === "Success" ? (parsed.success as { reason?: unknown; message?: unknown } | null) : null
  return new KubernetesError({
    action,
    reason: new Refused({
      status,
      why: typeof said?.reason === "string" ? said.reason : `HTTP ${status}`,
      detail: typeof said?.message === "string" ? said.message : `HTTP ${status}`
    })
  })
}
