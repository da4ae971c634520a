/**
 * The loop of a lease thread. It needs no Effect runtime and starts in a few milliseconds.
 *
 * It watches the main thread by a counter in shared memory. When the counter stands still for too long the main thread
 * hangs for good; keeping its commands from other workers would be wrong, so the thread lets go until the counter moves.
 */
import { parentPort, workerData } from "node:worker_threads"
import {
  extendAfter,
  type FromLeaseThread,
  type LeaseThreadData,
  type TimedHeartbeat,
  type ToLeaseThread
} from "./leaseProtocol.ts"
import { awayLines, type Outage } from "../async/awayLines.ts"
import { shownUrl } from "../domain/shownUrl.ts"
import { heartbeatOutage, leaseOutage } from "./leaseOutages.ts"
import { sendHeartbeat } from "./sendHeartbeat.ts"
import { messageOf } from "../domain/messageOf.ts"

/** What a backend brings: a connection of its own and one extension. */
export interface Extender {
  /** Where the queue is, as logs show it: without credentials. */
  readonly address: string
  /** Connects, and tries again until it is connected. */
  readonly open: (warn: (detail: string) => void) => Promise<void>
  /**
   * Resolves when the queue answered, so that a silent connection is noticed: "lost" where the delivery belongs to another
   * worker by now.
   */
  readonly extend: (remote: unknown, timeoutMillis: number) => Promise<void | "lost">
  readonly close: () => Promise<void>
}

interface Held {
  readonly remote: unknown
  readonly leaseMillis: number
  /** The last confirmed extension, or when the lease was handed over. Monotonic milliseconds. */
  safeAt: number
  triedAt: number
  expired: boolean
}

/** Called by the entry file of a backend's thread. Does nothing outside a thread. */
export const runLeaseThread = (extenderOf: (backend: unknown) => Extender): void => {
  const port = parentPort
  if (port === null) return
  const data = workerData as LeaseThreadData
  const loop = start(data, extenderOf(data.backend), (message) => port.postMessage(message))
  port.on("message", (messages: ReadonlyArray<ToLeaseThread>) => messages.forEach(loop))
}

const start = (data: LeaseThreadData, extender: Extender, post: (message: FromLeaseThread) => void) => {
  const held = new Map<string, Held>()
  const mainHangs = livenessOf(data)
  let open = false

  const { answered, warn } = warner(leaseOutage(`the queue at ${extender.address}`), post)

  const expire = (id: string, lease: Held) => {
    if (lease.expired) return
    lease.expired = true
    post({ type: "expired", id })
  }

  const extend = (id: string, lease: Held, now: number) => {
    if (!open) return
    lease.triedAt = now
    extender.extend(lease.remote, lease.leaseMillis * extendAfter).then(
      (answer) => {
        answered()
        if (answer === "lost") expire(id, lease)
        else lease.safeAt = now
      },
      (cause: unknown) => warn(messageOf(cause))
    )
  }

  const extendDue = () => {
    const now = performance.now()
    const hangs = mainHangs(now)
    for (const [id, lease] of held) {
      if (now - lease.safeAt > lease.leaseMillis) expire(id, lease)
      if (!hangs && now - lease.triedAt >= lease.leaseMillis * extendAfter) extend(id, lease, now)
    }
  }

  // The timer runs only while leases are held: an idle worker wakes for nothing.
  let extending: NodeJS.Timeout | undefined
  const heartbeats =
    data.heartbeat === undefined ? undefined : heartbeatTimer(data.heartbeat, mainHangs, post)
  void extender.open(warn).then(() => {
    answered()
    open = true
    post({ type: "ready" })
  })

  return (message: ToLeaseThread) => {
    switch (message.type) {
      case "hold": {
        const now = performance.now()
        const { leaseMillis, remote } = message
        held.set(message.id, { remote, leaseMillis, safeAt: now, triedAt: now, expired: false })
        extending ??= setInterval(extendDue, 100)
        return
      }
      case "release":
        held.delete(message.id)
        if (held.size > 0) return
        clearInterval(extending)
        extending = undefined
        return
      case "stop":
        clearInterval(extending)
        clearInterval(heartbeats)
        void extender.close().finally(() => process.exit(0))
    }
  }
}

/** Whether the main thread has not run for too long. */
const livenessOf = (data: LeaseThreadData) => {
  const counter = new Int32Array(data.livenessCounter)
  const seen = { count: Atomics.load(counter, 0), movedAt: performance.now() }
  return (now: number): boolean => {
    const count = Atomics.load(counter, 0)
    if (count !== seen.count) {
      seen.count = count
      seen.movedAt = now
    }
    return now - seen.movedAt > data.hungAfterMillis
  }
}

/** Warnings of one outage, which the main thread writes. */
const warner = (outage: Outage, post: (message: FromLeaseThread) => void) => {
  const away = awayLines(outage)
  return {
    answered: away.answered,
    warn: (detail: string) => {
      const line = away.failed(detail, performance.now())
      if (line !== undefined) post({ type: "warning", detail: line })
    }
  }
}

const heartbeatTimer = (
  heartbeat: TimedHeartbeat,
  mainHangs: (now: number) => boolean,
  post: (message: FromLeaseThread) => void
) => {
  const { answered, warn } = warner(heartbeatOutage(shownUrl(heartbeat.url)), post)
  const send = async () => {
    if (mainHangs(performance.now())) return
    try {
      const status = await sendHeartbeat(heartbeat)
      if (status >= 300) return warn(`heartbeat: HTTP ${status}`)
      answered()
    } catch (cause) {
      warn(`heartbeat: ${messageOf(cause)}`)
    }
  }
  return setInterval(() => void send(), heartbeat.everyMillis)
}
