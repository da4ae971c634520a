/**
 * Jobs whose command was cancelled while no worker held it: its message is acknowledged as done, no worker will come for the Job,
 * and it would run to its own deadline. Every worker of the namespace looks for them.
 */
import type { V1Job } from "@kubernetes/client-node"
import { Duration, Effect, Random, Schedule } from "effect"
import type { ControlPlane } from "../../control-plane/ControlPlane.ts"
import type { ExecutionId } from "../../domain/Ids.ts"
import { executionKey, holderOf, ownLabels, serverKey } from "./JobManifest.ts"
import type { KubernetesApi, KubernetesError } from "../../kubernetes/KubernetesApi.ts"

export interface Reaper {
  readonly api: KubernetesApi["Service"]
  readonly controlPlane: ControlPlane["Service"]
  /** Where the worker's Jobs are; nothing is asked of a cluster that the worker has no part in. */
  readonly namespaces: Effect.Effect<ReadonlyArray<string>, KubernetesError>
  /** Whether a task here waits for the Job: then it checks for a cancellation itself. */
  readonly isHeldHere: (holder: string | undefined) => boolean
  readonly every: Duration.Duration
}

/** How many executions one check asks about: many workers check the same Jobs, each others by chance. */
const most = 20

export const reap = (reaper: Reaper): Effect.Effect<never> =>
  reaper.namespaces.pipe(
    Effect.flatMap(Effect.forEach((namespace) => reapIn(reaper, namespace), { discard: true })),
    Effect.catch((error) =>
      Effect.logDebug(`Jobs of cancelled commands were not looked for: ${error.message}`)
    ),
    Effect.repeat(Schedule.jittered(Schedule.spaced(reaper.every))),
    Effect.andThen(Effect.never)
  )

const reapIn = Effect.fnUntraced(function* (reaper: Reaper, namespace: string) {
  const jobs = yield* reaper.api.jobs(namespace, ownLabels)
  const left = jobs.filter((job) => executionOf(job) !== undefined && !reaper.isHeldHere(holderOf(job)))
  const byExecution = Map.groupBy(left, (job) => executionOf(job) ?? "")
  const some = (yield* Random.shuffle(byExecution)).slice(0, most)
  for (const [execution, its] of some) {
    const cancelled = yield* reaper.controlPlane
      .cancelled({
        executionId: execution as ExecutionId,
        serverUrl: its[0]?.metadata?.annotations?.[serverKey]
      })
      .pipe(Effect.catch((error) => Effect.as(Effect.logDebug(error.message), false)))
    if (cancelled) yield* Effect.forEach(its, (job) => remove(reaper, namespace, job), { discard: true })
  }
})

const executionOf = (job: V1Job): string | undefined => job.metadata?.annotations?.[executionKey]

/** One that changed since it was listed is met again at the next check. */
const remove = ({ api }: Reaper, namespace: string, job: V1Job): Effect.Effect<void, KubernetesError> => {
  const { name = "", resourceVersion = "", uid = "" } = job.metadata ?? {}
  return Effect.flatMap(api.deleteJob(namespace, name, { uid, resourceVersion }), (gone) =>
    gone ? Effect.logInfo(`Job ${name} goes: its command was cancelled while no worker held it`) : Effect.void
  )
}
