/**
 * What the script tool asks of a Kubernetes API server. It is as small as the Role in k8s/base: whatever is added here
 * needs a right there.
 */
import type { V1ConfigMap, V1Job, V1Pod, V1Secret } from "@kubernetes/client-node"
import { Context, type Effect, Schema, type Stream } from "effect"

/** The server answered and said no. `detail` is its own sentence. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Int,
  /** `NotFound`, `AlreadyExists`, `Forbidden`, `Invalid`, … */
  why: Schema.String,
  detail: Schema.String
}) {
  get isRetryable(): boolean {
    return this.status === 429 || this.status >= 500
  }
}

/** No answer, or half of one. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", { detail: Schema.String }) {
  readonly isRetryable = true
}

/** This worker knows no cluster. */
export class NoCluster extends Schema.TaggedError<NoCluster>()("NoCluster", { detail: Schema.String }) {
  readonly isRetryable = false
}

export class KubernetesError extends Schema.TaggedError<KubernetesError>()("KubernetesError", {
  /** What was asked for: `create Job x`. */
  action: Schema.String,
  reason: Schema.Union([Refused, Unreachable, NoCluster])
}) {
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  /** The HTTP status of a refusal, else 0. */
  get status(): number {
    return this.reason._tag === "Refused" ? this.reason.status : 0
  }
  override get message(): string {
    return `Kubernetes: ${this.action}: ${this.reason.detail}`
  }
}

/** Where a container's log is. */
export interface LogOf {
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

/** A Job and its pods at a moment. */
export interface Snapshot {
  /** Undefined when there is none. */
  readonly job: V1Job | undefined
  readonly pods: ReadonlyArray<V1Pod>
  /**
   * Where the watches go on from: the versions of the lists. That of a Job that did not change for minutes is too old
   * to watch from.
   */
  readonly versions: { readonly job: string; readonly pods: string }
}

type Asked<A> = Effect.Effect<A, KubernetesError>

export class KubernetesApi extends Context.Service<
  KubernetesApi,
  {
    /** The namespace that the worker itself is in, or that its kubeconfig names. */
    readonly namespace: Asked<string | undefined>
    readonly createJob: (namespace: string, job: V1Job) => Asked<V1Job>
    /** Undefined when there is none. */
    readonly getJob: (namespace: string, name: string) => Asked<V1Job | undefined>
    /** The Jobs that carry all these labels, at most 500. */
    readonly jobs: (
      namespace: string,
      labels: Readonly<Record<string, string>>
    ) => Asked<ReadonlyArray<V1Job>>
    /** A JSON merge patch. A conflict (409) when it names the uid of another Job. */
    readonly patchJob: (namespace: string, name: string, patch: object) => Asked<V1Job>
    /** A JSON merge patch. Only for a worker that keeps its own pod's annotations: it needs a right of its own. */
    readonly patchPod: (namespace: string, name: string, patch: object) => Asked<void>
    /**
     * The Job and what it owns, by the garbage collector. False when it is another one or has changed since it was
     * read: then nothing is deleted.
     */
    readonly deleteJob: (
      namespace: string,
      name: string,
      seen: { readonly uid: string; readonly resourceVersion: string }
    ) => Asked<boolean>
    readonly createConfigMap: (namespace: string, configMap: V1ConfigMap) => Asked<void>
    readonly createSecret: (namespace: string, secret: V1Secret) => Asked<void>
    readonly look: (namespace: string, job: string) => Asked<Snapshot>
    /** Ends when something happened to the Job or its pods since, or when the server closes the watch. */
    readonly changed: (namespace: string, job: string, since: Snapshot["versions"]) => Asked<void>
    readonly log: (
      of: LogOf,
      options: { readonly follow: boolean; readonly tailLines?: number }
    ) => Stream.Stream<Uint8Array, KubernetesError>
  }
>()("noetl-worker/kubernetes/KubernetesApi") {}
