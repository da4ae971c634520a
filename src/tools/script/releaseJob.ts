/** What becomes of a Job when its tool is done with it. */
import type { V1Job } from "@kubernetes/client-node"
import { Cause, Clock, Duration, Effect, Exit, Schedule } from "effect"
import type { StopReason } from "../../domain/Outcome.ts"
import { conflictRetry } from "./claimJob.ts"
import { holderOf, type Identity, jobNameOf } from "./JobManifest.ts"
import type { KubernetesApi, KubernetesError } from "../../kubernetes/KubernetesApi.ts"
import type { JobSpec } from "./ScriptConfig.ts"
import type { ScriptSettings } from "./ScriptOptions.ts"

/** What the tool knows of its Job when its scope closes. */
export interface JobState {
  /** The Job as it ended, when its result was read. */
  ended: V1Job | undefined
}

interface Held {
  readonly api: KubernetesApi["Service"]
  readonly settings: ScriptSettings
  readonly spec: JobSpec
  readonly identity: Identity
  readonly state: JobState
  readonly why: Effect.Effect<StopReason | undefined>
}

/**
 * An ended Job stays for some seconds: until its outcome is written down somewhere, a command that is delivered again
 * must find it. One whose command goes on elsewhere is left to its next worker. Any other is deleted.
 */
export const releaseJob = (held: Held, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { state } = held
    if (state.ended !== undefined) return yield* retire(held, state.ended)
    const stopped = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? yield* held.why : undefined
    if (stopped === "Shutdown") {
      return yield* Effect.logInfo(`Job ${jobNameOf(held.identity)} goes on and waits for its next worker`)
    }
    if (stopped === "LeaseLost" && (yield* adopted(held))) return
    yield* remove(held)
  }).pipe(
    Effect.timeoutOption(Duration.sum(held.settings.adoptWithin, Duration.seconds(20))),
    Effect.tap((done) =>
      done._tag === "None"
        ? Effect.logWarning(`Job ${jobNameOf(held.identity)}: no answer while letting it go`)
        : Effect.void
    ),
    Effect.catch((error) =>
      // Its own deadline and time to live end it then.
      Effect.logWarning(`Job ${jobNameOf(held.identity)} is not let go: ${error.message}`)
    ),
    Effect.asVoid
  )

/** The cluster deletes it, whatever becomes of this worker. */
const retire = Effect.fnUntraced(function* (held: Held, job: V1Job) {
  const { api, settings, spec } = held
  const name = jobNameOf(held.identity)
  const endedAt = job.status?.conditions?.find(
    ({ type }) => type === "Complete" || type === "Failed"
  )?.lastTransitionTime
  const now = yield* Clock.currentTimeMillis
  const since = endedAt === undefined ? 0 : Math.max(0, (now - new Date(endedAt).getTime()) / 1000)
  const keep = Math.min(spec.ttlSeconds, Duration.toSeconds(settings.keepEnded))
  yield* api
    .patchJob(spec.namespace, name, {
      metadata: { uid: job.metadata?.uid },
      spec: { ttlSecondsAfterFinished: Math.ceil(since + keep) }
    })
    .pipe(
      Effect.retry(conflictRetry),
      Effect.asVoid,
      Effect.catch((error) => (error.status === 404 || error.status === 409 ? Effect.void : remove(held)))
    )
})

/** Deletes it, unless another worker has adopted it. */
const remove = Effect.fnUntraced(function* (held: Held) {
  const { api, identity, spec } = held
  const name = jobNameOf(identity)
  const once: Effect.Effect<boolean, KubernetesError> = Effect.gen(function* () {
    const job = yield* api.getJob(spec.namespace, name)
    if (job === undefined || holderOf(job) !== identity.holder) return true
    const { resourceVersion = "", uid = "" } = job.metadata ?? {}
    return yield* api.deleteJob(spec.namespace, name, { uid, resourceVersion })
  })
  yield* once.pipe(
    Effect.retry(conflictRetry),
    // Its status changed between the reading and the deletion.
    Effect.repeat({ until: (done) => done, schedule: Schedule.spaced("50 millis"), times: 100 })
  )
})

/** Whether its new worker comes for it in time. */
const adopted = Effect.fnUntraced(function* ({ api, identity, settings, spec }: Held) {
  const name = jobNameOf(identity)
  const look = api.getJob(spec.namespace, name).pipe(
    Effect.map((job) => job === undefined || holderOf(job) !== identity.holder),
    Effect.retry(conflictRetry)
  )
  const found = yield* look.pipe(
    Effect.repeat({ until: (gone) => gone, schedule: Schedule.spaced("1 second") }),
    Effect.timeoutOption(settings.adoptWithin)
  )
  return found._tag === "Some" && found.value
})
