/**
 * Waits until a Job has ended: read it, decide, wait for a change, read again.
 *
 * A watch only tells that a reading is worth while. One that breaks, is dropped or has grown too old costs nothing but the
 * next reading, so no way to fail can make the worker wait for ever.
 */
import type { V1Job, V1Pod } from "@kubernetes/client-node"
import { Clock, Duration, Effect, Fiber, Schedule } from "effect"
import { backoff } from "../../async/backoff.ts"
import { containerName } from "./JobManifest.ts"
import { follow } from "./JobLogs.ts"
import type { KubernetesApi, KubernetesError } from "../../kubernetes/KubernetesApi.ts"
import type { ScriptSettings } from "./ScriptOptions.ts"
import { hasLog, type Stuck, type Verdict, verdictOf } from "./verdict.ts"

export type Ended =
  | Exclude<Verdict, { readonly _tag: "Running" }>
  | { readonly _tag: "Stuck"; readonly stuck: Stuck; readonly pod: V1Pod | undefined }
  /** Our own time is over. `stuck` is what kept the Job from running, where that is known. */
  | { readonly _tag: "Late"; readonly pod: V1Pod | undefined; readonly stuck: Stuck | undefined }
  /** It was deleted. */
  | { readonly _tag: "Gone" }

export interface Waited {
  readonly ended: Ended
  /** As it was seen last. */
  readonly job: V1Job
}

export const waitForJob = Effect.fnUntraced(function* (
  api: KubernetesApi["Service"],
  settings: ScriptSettings,
  job: V1Job,
  within: Duration.Duration
) {
  const namespace = job.metadata?.namespace ?? ""
  const name = job.metadata?.name ?? ""
  const lateAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(within)
  const followed = new Map<string, Fiber.Fiber<void>>()
  let last = job
  let stuck: { readonly code: string; readonly seenAt: number } | undefined

  const look = api.look(namespace, name).pipe(Effect.retry(apiOutageRetry))

  while (true) {
    const seen = yield* look
    // Another Job of our name is not ours, however it came there.
    if (seen.job === undefined || seen.job.metadata?.uid !== job.metadata?.uid)
      return { ended: { _tag: "Gone" }, job: last } satisfies Waited
    last = seen.job
    const verdict = verdictOf(seen.job, seen.pods)
    if (verdict._tag !== "Running") {
      // The last lines of a pod that has just ended are still on their way.
      for (const fiber of followed.values()) yield* Fiber.await(fiber).pipe(Effect.timeoutOption("2 seconds"))
      return { ended: verdict, job: last } satisfies Waited
    }
    const now = yield* Clock.currentTimeMillis
    if (now >= lateAt)
      return {
        ended: { _tag: "Late", pod: verdict.pod, stuck: verdict.stuck },
        job: last
      } satisfies Waited
    if (verdict.stuck?.code !== stuck?.code) {
      stuck = verdict.stuck === undefined ? undefined : { code: verdict.stuck.code, seenAt: now }
      if (verdict.stuck !== undefined && verdict.stuck.code !== "NO_POD")
        yield* Effect.logWarning(`Job ${name}: ${verdict.stuck.message}`)
    }
    const patience = stuck === undefined ? undefined : endOfPatience(settings, stuck, verdict.stuck?.since)
    if (verdict.stuck !== undefined && patience !== undefined && (verdict.stuck.final || now >= patience)) {
      return { ended: { _tag: "Stuck", stuck: verdict.stuck, pod: verdict.pod }, job: last } satisfies Waited
    }
    const pod = verdict.pod?.metadata?.name
    if (
      verdict.pod !== undefined &&
      pod !== undefined &&
      !followed.has(pod) &&
      hasLog(verdict.pod, containerName)
    ) {
      followed.set(
        pod,
        yield* Effect.forkScoped(follow(api, settings, { namespace, pod, container: containerName }), {
          startImmediately: true
        })
      )
    }
    const until = Math.min(now + Duration.toMillis(settings.lookEvery), lateAt, patience ?? lateAt)
    yield* api.changed(namespace, name, seen.versions).pipe(
      // Refused or broken: not again at once.
      Effect.catch((error) => Effect.andThen(Effect.logDebug(error.message), Effect.sleep("1 second"))),
      // What changes, changes several times: one reading of all of it. And a watch that ends at once asks no storm.
      Effect.andThen(Effect.sleep("50 millis")),
      Effect.timeoutOption(Duration.millis(Math.max(1, until - now)))
    )
  }
}, Effect.scoped)

/** The cluster's clock may be another one than ours: a state that was just seen has a little time in any case. */
const endOfPatience = (
  settings: ScriptSettings,
  { code, seenAt }: { readonly code: string; readonly seenAt: number },
  since: number | undefined
): number => {
  const patience = patienceFor(settings, code)
  return Math.max(Math.min(since ?? seenAt, seenAt) + patience, seenAt + Math.min(patience, firstLook))
}

const firstLook = Duration.toMillis("5 seconds")

const patienceFor = (settings: ScriptSettings, code: string): number =>
  Duration.toMillis(
    code === "IMAGE_PULL_FAILED" || code === "CONTAINER_CONFIG"
      ? settings.pullWithin
      : settings.scheduleWithin
  )

/** An API server that is updated is away for a minute or two; the Job goes on meanwhile. */
export const apiOutageRetry = {
  schedule: backoff("250 millis", "5 seconds").pipe(Schedule.upTo({ duration: "3 minutes" })),
  while: (error: KubernetesError) => error.isRetryable
} as const
