/** The Job of a command: made, or found where another worker, or this one before, made it. */
import type { V1Job } from "@kubernetes/client-node"
import { Effect } from "effect"
import { backoff } from "../../async/backoff.ts"
import {
  configMapNameOf,
  configMapOf,
  type Identity,
  holderKey,
  jobNameOf,
  jobOf,
  secretNameOf,
  secretOf
} from "./JobManifest.ts"
import { type KubernetesApi, KubernetesError, Unreachable } from "../../kubernetes/KubernetesApi.ts"
import type { JobSpec } from "./ScriptConfig.ts"
import { verdictOf } from "./verdict.ts"

interface Uses {
  readonly api: KubernetesApi["Service"]
  readonly consumed: ReadonlyMap<string, string>
}

/**
 * The Job first, then what it owns: the pod waits for its ConfigMap and Secret, and whatever happens to this worker
 * in between, nothing is left without an owner.
 */
export const claimJob = Effect.fnUntraced(function* (
  { api, consumed }: Uses,
  spec: JobSpec,
  identity: Identity,
  script: string
) {
  const job = yield* ours(api, consumed, spec, identity)
  if (verdictOf(job, [])._tag !== "Running") return job
  const madeOrThere = (create: Effect.Effect<void, KubernetesError>) =>
    create.pipe(
      Effect.retry(conflictRetry),
      // An earlier worker made it. Its name is this Job's alone.
      Effect.catchIf(
        (error) => error.status === 409,
        () => Effect.void
      )
    )
  if (configMapNameOf(job) !== undefined)
    yield* madeOrThere(api.createConfigMap(spec.namespace, configMapOf(job, script)))
  if (secretNameOf(job) !== undefined)
    yield* madeOrThere(api.createSecret(spec.namespace, secretOf(job, spec.env)))
  return job
})

const ours = Effect.fnUntraced(function* (
  api: KubernetesApi["Service"],
  consumed: ReadonlyMap<string, string>,
  spec: JobSpec,
  identity: Identity
) {
  const name = jobNameOf(identity)
  const once: Effect.Effect<V1Job | undefined, KubernetesError> = Effect.gen(function* () {
    const made = yield* api.createJob(spec.namespace, jobOf(spec, identity)).pipe(
      Effect.catchIf(
        (error) => error.status === 409,
        () => Effect.succeed(undefined)
      )
    )
    if (made !== undefined) return made
    const found = yield* api.getJob(spec.namespace, name)
    if (found === undefined || found.metadata?.deletionTimestamp !== undefined) return undefined
    const { annotations, resourceVersion = "", uid = "" } = found.metadata ?? {}
    if (annotations?.[holderKey] === identity.holder) return found
    if (consumed.get(name) === uid) {
      yield* Effect.logDebug(`Job ${name} was of an earlier run of this task: it goes, and another is made`)
      yield* api.deleteJob(spec.namespace, name, { uid, resourceVersion })
      return undefined
    }
    yield* Effect.logInfo(`adopts Job ${name}, which ${annotations?.[holderKey] ?? "another worker"} started`)
    return yield* api.patchJob(spec.namespace, name, {
      metadata: { uid, annotations: { [holderKey]: identity.holder } }
    })
  }).pipe(
    Effect.catchIf(
      // Deleted, or made anew, while we looked at it.
      (error) => (error.status === 404 && error.action.startsWith("patch")) || error.status === 409,
      () => Effect.succeed(undefined)
    ),
    Effect.retry(conflictRetry)
  )
  for (let looks = 0; looks < 100; looks++) {
    const job = yield* once
    if (job !== undefined) return job
    yield* Effect.sleep("300 millis")
  }
  return yield* new KubernetesError({
    action: `create Job ${name}`,
    reason: new Unreachable({ detail: "the Job of an earlier run does not go away" })
  })
})

export const conflictRetry = {
  schedule: backoff("200 millis", "10 seconds"),
  times: 6,
  while: (error: KubernetesError) => error.isRetryable
} as const
