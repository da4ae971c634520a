/** The jobs of one process, with the rules that the database's functions keep. Times in milliseconds of the Clock. */
import { randomUUID } from "node:crypto"
import type { Json, JsonObject } from "../../domain/Json.ts"
import { defaultPriority } from "../../domain/QueuedJob.ts"
import type { JobRecord, JobStatus } from "../Jobs.ts"
import type { Row } from "../submission.ts"

export interface Job extends Omit<JobRecord, "payload"> {
  readonly payload: Json
  readonly row: Row
  readonly key: string | undefined
  readonly expiresAt: number | undefined
  status: JobStatus
  attempt: number
  failures: number
  crashes: number
  deliveries: number
  worker: string | undefined
  result: Json | undefined
  error: JsonObject | undefined
  runAt: number
  startedAt: number | undefined
  endedAt: number | undefined
  lease: string
  leaseUntil: number
  cancelRequested: boolean
}

export type Table = ReturnType<typeof make>

export type Answer =
  | { readonly action: "succeed"; readonly result: Json }
  | { readonly action: "fail"; readonly error: JsonObject }
  | { readonly action: "retry"; readonly error: JsonObject; readonly after: number }
  | { readonly action: "back"; readonly after: number }
  | { readonly action: "ack" }
  | { readonly action: "extend"; readonly millis: number }

/** What an answer makes of a job. */
const endsOf: Readonly<Record<Answer["action"], ReadonlyArray<JobStatus>>> = {
  succeed: ["succeeded"],
  fail: ["failed"],
  retry: ["queued", "cancelled"],
  back: ["queued", "cancelled"],
  ack: ["succeeded", "cancelled"],
  extend: []
}

/** `changed` is called after each change of a job's status. */
export const make = (changed: (job: Job) => void) => {
  const jobs = new Map<string, Job>()
  const keys = new Map<string, Job>()
  const state = { serial: 0, lastTenant: "" }

  const add = (row: Row, now: number): { readonly job: Job; readonly created: boolean } => {
    const queue = row.queue ?? "default"
    const period = row.unique_seconds === undefined ? "" : `@${Math.floor(now / 1000 / row.unique_seconds)}`
    const key = row.idempotency_key === undefined ? undefined : `${queue} ${row.idempotency_key}${period}`
    const known = key === undefined ? undefined : keys.get(key)
    if (known !== undefined) return { job: known, created: false }
    state.serial += 1
    const runAt =
      row.run_at === undefined ? now + (row.delay_seconds ?? 0) * 1000 : new Date(row.run_at).getTime()
    const job: Job = {
      id: String(state.serial),
      queue,
      tenant: row.tenant ?? "default",
      kind: row.kind,
      payload: row.payload,
      priority: row.priority ?? defaultPriority,
      row,
      key,
      expiresAt: row.ttl_seconds === undefined ? undefined : runAt + row.ttl_seconds * 1000,
      status: "queued",
      attempt: 1,
      failures: 0,
      crashes: 0,
      deliveries: 0,
      worker: undefined,
      result: undefined,
      error: undefined,
      runAt,
      createdAt: now,
      startedAt: undefined,
      endedAt: undefined,
      lease: "",
      leaseUntil: 0,
      cancelRequested: false
    }
    jobs.set(job.id, job)
    if (key !== undefined) keys.set(key, job)
    changed(job)
    return { job, created: true }
  }

  const end = (
    job: Job,
    status: JobStatus,
    now: number,
    more: Pick<Partial<Job>, "result" | "error"> = {}
  ) => {
    Object.assign(job, more, { status, endedAt: now })
    changed(job)
  }
  const queueAgain = (job: Job, now: number, after: number) => {
    if (job.cancelRequested) return end(job, "cancelled", now)
    job.status = "queued"
    if (after > 0) job.runAt = now + after
    changed(job)
  }

  /** Leases that ran out, and jobs that were not started in time. */
  const upkeep = (now: number) => {
    for (const job of jobs.values()) {
      if (job.status === "running" && job.leaseUntil < now) {
        job.crashes += 1
        if (job.crashes < 2 || job.cancelRequested) queueAgain(job, now, 0)
        else
          end(job, "failed", now, {
            error: {
              code: "POISON_MESSAGE",
              message: "the lease of this job ran out twice: its worker ended"
            }
          })
      } else if (job.status === "queued" && job.expiresAt !== undefined && job.expiresAt <= now)
        end(job, "cancelled", now, {
          error: {
            code: "EXPIRED",
            message: `the job was not started before ${new Date(job.expiresAt).toISOString()}`
          }
        })
    }
  }

  /** Tenants take turns; a tenant's own jobs come by priority and age. */
  const next = (now: number): Job | undefined => {
    upkeep(now)
    const ready = [...jobs.values()].filter(({ runAt, status }) => status === "queued" && runAt <= now)
    const tenants = [...new Set(ready.map(({ tenant }) => tenant))].toSorted()
    const tenant = tenants.find((name) => name > state.lastTenant) ?? tenants[0]
    return ready
      .filter((job) => job.tenant === tenant)
      .toSorted((a, b) => b.priority - a.priority || a.runAt - b.runAt || Number(a.id) - Number(b.id))[0]
  }

  const claim = (worker: string, now: number, leaseMillis: number): Job | undefined => {
    const job = next(now)
    if (job === undefined) return undefined
    state.lastTenant = job.tenant
    Object.assign(job, {
      status: "running",
      worker,
      lease: randomUUID(),
      leaseUntil: now + leaseMillis,
      startedAt: now,
      deliveries: job.deliveries + 1
    } satisfies Partial<Job>)
    changed(job)
    return job
  }

  /** False when the lease is another's. */
  const settle = (id: string, lease: string, answer: Answer, now: number): boolean => {
    const job = jobs.get(id)
    if (job === undefined || job.lease !== lease) return false
    // The same answer came before: a call whose answer was lost is repeated.
    if (job.status !== "running") return endsOf[answer.action].includes(job.status)
    switch (answer.action) {
      case "extend":
        job.leaseUntil = now + answer.millis
        return true
      case "succeed":
        end(job, "succeeded", now, { result: answer.result, error: undefined })
        return true
      case "ack":
        end(job, job.cancelRequested ? "cancelled" : "succeeded", now)
        return true
      case "fail":
        job.failures += 1
        end(job, "failed", now, { error: answer.error })
        return true
      case "retry":
        Object.assign(job, {
          attempt: job.attempt + 1,
          failures: job.failures + 1,
          crashes: 0,
          error: answer.error
        })
        queueAgain(job, now, answer.after)
        return true
      case "back":
        queueAgain(job, now, answer.after)
        return true
    }
  }

  const cancel = (job: Job, now: number): JobStatus => {
    if (job.status === "queued") end(job, "cancelled", now)
    else if (job.status === "running") job.cancelRequested = true
    return job.status
  }

  const retry = (job: Job, now: number) => {
    Object.assign(job, {
      attempt: job.attempt + 1,
      failures: 0,
      crashes: 0,
      endedAt: undefined,
      cancelRequested: false
    })
    job.runAt = now
    queueAgain(job, now, 0)
  }

  const remove = (job: Job) => {
    jobs.delete(job.id)
    if (job.key !== undefined) keys.delete(job.key)
  }

  /** When the next job can start; infinite when none waits. */
  const nextAt = (): number => {
    let at = Number.POSITIVE_INFINITY
    for (const job of jobs.values())
      if (job.status === "queued") at = Math.min(at, job.runAt)
      else if (job.status === "running") at = Math.min(at, job.leaseUntil + 1)
    return at
  }
  return { jobs, add, claim, settle, cancel, retry, remove, nextAt, upkeep }
}
