/** The controllers of the double: Jobs make pods and come to an end, owners take with them what they own. */
import type { Store, Thing } from "./KubernetesStore.ts"

export class Jobs {
  readonly #store: Store
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #second: number

  /** `second`: how many milliseconds a second of backoff and of time to live lasts. */
  constructor(store: Store, second: number) {
    this.#store = store
    this.#second = second
    store.listen(({ object, type }) => {
      if (object.kind === "Job" && type === "ADDED") {
        setImmediate(() => this.#addPod(object))
        this.#watchDeadline(object)
      }
      if (object.kind === "Job" && type === "MODIFIED") this.#watchTtl(object)
      if (object.kind === "Pod" && type === "MODIFIED") this.#podChanged(object)
      if (type === "DELETED") setImmediate(() => this.#collect(object))
      if (type === "ADDED") setImmediate(() => this.#collectOrphan(object))
    })
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #after(milliseconds: number, f: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      f()
    }, milliseconds)
    this.#timers.add(timer)
  }

  #now(job: Thing): Thing | undefined {
    const now = this.#store.get("Job", job.metadata.namespace, job.metadata.name)
    return now?.metadata.uid === job.metadata.uid ? now : undefined
  }

  #addPod(job: Thing): void {
    const now = this.#now(job)
    if (now === undefined || isEnded(now)) return
    const { metadata, spec } = now.spec?.template ?? {}
    // An admission policy that refuses the pod is seen only by its absence.
    if (now.metadata.annotations?.["test/no-pods"] !== undefined) return
    if (now.spec?.suspend === true) return
    this.#store.update(now, (copy) => {
      copy.status = {
        ...copy.status,
        active: 1,
        startTime: copy.status?.startTime ?? new Date().toISOString()
      }
    })
    this.#store.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...blank,
        ...(metadata?.annotations === undefined ? {} : { annotations: metadata.annotations }),
        name: `${now.metadata.name}-${crypto.randomUUID().slice(0, 5)}`,
        namespace: now.metadata.namespace,
        labels: {
          ...metadata?.labels,
          "job-name": now.metadata.name,
          "batch.kubernetes.io/job-name": now.metadata.name,
          "controller-uid": now.metadata.uid
        },
        ownerReferences: [
          { kind: "Job", name: now.metadata.name, uid: now.metadata.uid, blockOwnerDeletion: true }
        ]
      },
      ...(spec === undefined ? {} : { spec }),
      status: { phase: "Pending", conditions: [] }
    })
  }

  #podChanged(pod: Thing): void {
    const phase: unknown = pod.status?.phase
    if (phase !== "Succeeded" && phase !== "Failed") return
    const owner = pod.metadata.ownerReferences?.[0]
    const job = this.#store.get("Job", pod.metadata.namespace, owner?.name ?? "")
    if (job === undefined || job.metadata.uid !== owner?.uid || isEnded(job)) return
    const counted = this.#store.list("Pod", pod.metadata.namespace, (one) => ownedBy(one, job))
    const failed = counted.filter(({ status }) => status?.phase === "Failed").length
    if (phase === "Succeeded")
      return this.#finish(job, "Complete", undefined, undefined, { succeeded: 1, failed })
    if (failed > (job.spec?.backoffLimit ?? 6)) {
      return this.#finish(
        job,
        "Failed",
        "BackoffLimitExceeded",
        "Job has reached the specified backoff limit",
        { failed }
      )
    }
    this.#store.update(job, (copy) => {
      copy.status = { ...copy.status, active: 0, failed }
    })
    this.#after(10 * 2 ** (failed - 1) * this.#second, () => this.#addPod(job))
  }

  #finish(
    job: Thing,
    type: string,
    reason: string | undefined,
    message: string | undefined,
    counts: { succeeded?: number; failed?: number }
  ): void {
    const ended = this.#store.update(job, (copy) => {
      const lastTransitionTime = new Date().toISOString()
      const condition = {
        status: "True",
        lastTransitionTime,
        ...(reason === undefined ? {} : { reason }),
        ...(message === undefined ? {} : { message })
      }
      copy.status = {
        ...copy.status,
        active: 0,
        ...counts,
        conditions: [
          { ...condition, type: type === "Complete" ? "SuccessCriteriaMet" : "FailureTarget" },
          { ...condition, type }
        ],
        ...(type === "Complete" ? { completionTime: lastTransitionTime } : {})
      }
    })
    if (ended !== undefined) this.#watchTtl(ended)
  }

  /** Takes the pods with it, so that their logs are gone. */
  #watchDeadline(job: Thing): void {
    const seconds = job.spec?.activeDeadlineSeconds
    if (seconds === undefined) return
    this.#after(seconds * 1000, () => {
      const now = this.#now(job)
      if (now === undefined || isEnded(now)) return
      this.#finish(now, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline", {})
      for (const pod of this.#store.ownedBy(job.metadata.uid).filter(({ kind }) => kind === "Pod"))
        this.#store.delete(pod)
    })
  }

  #watchTtl(job: Thing): void {
    const seconds = job.spec?.ttlSecondsAfterFinished
    const at = endedAt(job)
    if (seconds === undefined || at === undefined) return
    this.#after(Math.max(0, at + seconds * this.#second - Date.now()), () => {
      const now = this.#now(job)
      // A time that was changed since has a timer of its own.
      if (now?.spec?.ttlSecondsAfterFinished === seconds) this.#store.delete(now)
    })
  }

  /** The garbage collector takes what was made for an owner that is gone already, too. */
  #collectOrphan(object: Thing): void {
    const { namespace, ownerReferences = [] } = object.metadata
    const lives = ownerReferences.some(({ kind, name, uid }) => {
      const owner = this.#store.get(kind, namespace, name)
      return owner?.metadata.uid === uid
    })
    if (ownerReferences.length > 0 && !lives) this.#store.delete(object)
  }

  #collect(owner: Thing): void {
    for (const owned of this.#store.ownedBy(owner.metadata.uid)) this.#store.delete(owned)
  }
}

/** What the store fills in. */
const blank = { uid: "", resourceVersion: "", creationTimestamp: "" }

const ownedBy = (thing: Thing, owner: Thing): boolean =>
  thing.metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) ?? false

const conditionOf = (job: Thing) =>
  job.status?.conditions?.find(({ type }) => type === "Complete" || type === "Failed")

const isEnded = (job: Thing): boolean => conditionOf(job) !== undefined

const endedAt = (job: Thing): number | undefined => {
  const time = conditionOf(job)?.lastTransitionTime
  return time === undefined ? undefined : new Date(time).getTime()
}
