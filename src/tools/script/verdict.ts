/**
 * Job and pods → verdict. Pure.
 *
 * Only the Job's conditions end it: `status.failed` counts pods, and a Job with a backoff goes on after the first.
 */
import type { V1ContainerStatus, V1Job, V1Pod } from "@kubernetes/client-node"
import { containerName, installerName } from "./JobManifest.ts"

/** A state that does not get better by waiting, or only by intervention. */
export interface Stuck {
  readonly code: "IMAGE_PULL_FAILED" | "UNSCHEDULABLE" | "NO_POD" | "CONTAINER_CONFIG"
  readonly message: string
  /** Whether waiting is pointless. */
  readonly final: boolean
  /** Since when, in milliseconds, by the cluster's clock: another worker may have waited before. */
  readonly since: number | undefined
}

export type Verdict =
  | { readonly _tag: "Running"; readonly pod: V1Pod | undefined; readonly stuck: Stuck | undefined }
  | { readonly _tag: "Succeeded"; readonly pod: V1Pod | undefined }
  | { readonly _tag: "Failed"; readonly pod: V1Pod | undefined; readonly why: Why }

export type Why =
  | { readonly _tag: "Exit"; readonly code: number; readonly message: string | undefined }
  | { readonly _tag: "OutOfMemory"; readonly code: number; readonly limit: string | undefined }
  | { readonly _tag: "Deadline" }
  | { readonly _tag: "Dependencies"; readonly code: number; readonly message: string | undefined }
  /** Its command is no program of the image. */
  | { readonly _tag: "NotStarted"; readonly message: string }
  | { readonly _tag: "Other"; readonly reason: string; readonly message: string }

export const verdictOf = (job: V1Job, pods: ReadonlyArray<V1Pod>): Verdict => {
  const holds = (type: string) =>
    job.status?.conditions?.find((condition) => condition.type === type && condition.status === "True")
  if (holds("Complete") !== undefined) {
    return {
      _tag: "Succeeded",
      pod: newest(pods.filter(({ status }) => status?.phase === "Succeeded")) ?? newest(pods)
    }
  }
  const failed = holds("Failed")
  const pod = newest(pods)
  if (failed !== undefined) return { _tag: "Failed", pod, why: whyOf(failed.reason, failed.message, pod) }
  return { _tag: "Running", pod, stuck: stuckOf(job, pod) }
}

/** Whether the container of a pod has begun, so that it has a log. */
export const hasLog = (pod: V1Pod, container: string): boolean =>
  statusOf(pod, container)?.state?.running !== undefined || terminatedOf(pod, container) !== undefined

export const terminatedOf = (pod: V1Pod | undefined, container: string) =>
  pod === undefined ? undefined : statusOf(pod, container)?.state?.terminated

/** The container whose log says most: the installer's when it failed. */
export const tellingContainer = (pod: V1Pod | undefined): string => {
  const installer = terminatedOf(pod, installerName)
  return installer !== undefined && installer.exitCode !== 0 ? installerName : containerName
}

// --- parts ---

const newest = (pods: ReadonlyArray<V1Pod>): V1Pod | undefined =>
  pods.toSorted((a, b) => createdAt(a) - createdAt(b)).at(-1)

const createdAt = (pod: V1Pod): number => timeOf(pod.metadata?.creationTimestamp) ?? 0

const timeOf = (time: Date | string | undefined): number | undefined => {
  const millis = time === undefined ? NaN : new Date(time).getTime()
  return Number.isNaN(millis) ? undefined : millis
}

const statusOf = (pod: V1Pod, container: string): V1ContainerStatus | undefined =>
  [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
    ({ name }) => name === container
  )

const whyOf = (reason: string | undefined, message: string | undefined, pod: V1Pod | undefined): Why => {
  if (reason === "DeadlineExceeded" || pod?.status?.reason === "DeadlineExceeded") return { _tag: "Deadline" }
  const installer = terminatedOf(pod, installerName)
  if (installer !== undefined && installer.exitCode !== 0) {
    return { _tag: "Dependencies", code: installer.exitCode, message: installer.message }
  }
  const script = terminatedOf(pod, containerName)
  if (script?.reason === "OOMKilled") {
    const limit = pod?.spec?.containers.find(({ name }) => name === containerName)?.resources?.limits?.[
      "memory"
    ]
    return { _tag: "OutOfMemory", code: script.exitCode, limit }
  }
  // A pod that its node threw out says so itself; its exit code is that of the signal.
  if (pod?.status?.reason !== undefined) {
    return { _tag: "Other", reason: pod.status.reason, message: pod.status.message ?? message ?? "" }
  }
  if (script !== undefined && startReasons.has(script.reason ?? "")) {
    return { _tag: "NotStarted", message: script.message ?? "" }
  }
  if (script !== undefined) {
    return script.reason === "Error" || script.reason === undefined || script.reason === "Completed"
      ? { _tag: "Exit", code: script.exitCode, message: script.message }
      : { _tag: "Other", reason: script.reason, message: script.message ?? `exit code ${script.exitCode}` }
  }
  return { _tag: "Other", reason: reason ?? "Failed", message: message ?? "" }
}

const stuckOf = (job: V1Job, pod: V1Pod | undefined): Stuck | undefined => {
  if (pod === undefined) {
    return job.status?.active === undefined || job.status.active === 0
      ? {
          code: "NO_POD",
          message: `no pod was made: a quota, an admission policy or a missing service account (kubectl describe job ${job.metadata?.name})`,
          final: false,
          since: timeOf(job.metadata?.creationTimestamp)
        }
      : undefined
  }
  if (pod.status?.phase !== "Pending") return undefined
  const unscheduled = pod.status.conditions?.find(
    ({ reason, status, type }) => type === "PodScheduled" && status === "False" && reason === "Unschedulable"
  )
  if (unscheduled !== undefined) {
    return {
      code: "UNSCHEDULABLE",
      message: `no node for the pod: ${unscheduled.message ?? ""}`,
      final: false,
      since: timeOf(unscheduled.lastTransitionTime ?? pod.metadata?.creationTimestamp)
    }
  }
  const waiting = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])]
    .map(({ image, state }) => ({ image, reason: state?.waiting?.reason, message: state?.waiting?.message }))
    .find(({ reason }) => reason !== undefined && (imageReasons.has(reason) || configReasons.has(reason)))
  if (waiting?.reason === undefined) return undefined
  const scheduled = pod.status.conditions?.find(({ type }) => type === "PodScheduled")
  const since = timeOf(scheduled?.lastTransitionTime ?? pod.metadata?.creationTimestamp)
  return imageReasons.has(waiting.reason)
    ? {
        code: "IMAGE_PULL_FAILED",
        message: `the image ${waiting.image} cannot be pulled: ${waiting.reason}: ${waiting.message ?? ""}`,
        final: waiting.reason === "InvalidImageName" || waiting.reason === "ErrImageNeverPull",
        since
      }
    : {
        code: "CONTAINER_CONFIG",
        message: `${waiting.reason}: ${waiting.message ?? ""}`,
        final: false,
        since
      }
}

const imageReasons = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "ImageInspectError",
  "ErrImageNeverPull",
  "RegistryUnavailable",
  "InvalidImageName"
])

/** As containerd and as other runtimes call it. */
const startReasons = new Set(["StartError", "ContainerCannotRun"])

/** A missing Secret or ConfigMap heals itself when it appears. */
const configReasons = new Set(["CreateContainerConfigError", "CreateContainerError", "RunContainerError"])
