/**
 * The lease keeper's thread: a connection and timers of its own, so that nothing a tool does to the main thread can
 * cost a lease or a heartbeat. It needs no Effect runtime, and starts in a few milliseconds.
 *
 * It watches the main thread by a counter in shared memory. When that stands still for too long the main thread hangs
 * for good, and keeping its work from others would be wrong: the keeper lets go until the counter moves again.
 */
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { parentPort, workerData } from "node:worker_threads"
import { sendBeat } from "./sendHeartbeat.ts"
import { connectionOptions } from "../../nats/connectionOptions.ts"
import type { FromKeeper, KeeperData, ToKeeper } from "./leaseProtocol.ts"

interface Held {
  readonly subject: string
  readonly leaseMillis: number
  /** The last confirmed extension, or when it was handed to us. Monotonic milliseconds. */
  safeAt: number
  triedAt: number
  lapsed: boolean
}

const renewAfter = 0.4

const start = (
  data: KeeperData,
  say: (message: FromKeeper) => void,
  onMessage: (f: (m: ToKeeper) => void) => void
) => {
  const held = new Map<string, Held>()
  const pulse = new Int32Array(data.pulse)
  const main = { beats: Atomics.load(pulse, 0), movedAt: performance.now() }
  let nats: NatsConnection | undefined

  const mainHangs = (now: number): boolean => {
    const beats = Atomics.load(pulse, 0)
    if (beats !== main.beats) {
      main.beats = beats
      main.movedAt = now
    }
    return now - main.movedAt > data.hungAfterMillis
  }

  /** The server answers an extension that asks for it, so a silent connection is noticed. */
  const extend = (id: string, entry: Held, now: number) => {
    entry.triedAt = now
    nats?.request(entry.subject, "+WPI", { timeout: entry.leaseMillis * renewAfter }).then(
      () => {
        entry.safeAt = now
      },
      (cause: unknown) => say({ say: "warning", detail: `lease of ${id}: ${text(cause)}` })
    )
  }

  const keepAll = () => {
    const now = performance.now()
    const hangs = mainHangs(now)
    for (const [id, entry] of held) {
      if (now - entry.safeAt > entry.leaseMillis && !entry.lapsed) {
        entry.lapsed = true
        say({ say: "lapsed", id })
      }
      if (!hangs && now - entry.triedAt >= entry.leaseMillis * renewAfter) extend(id, entry, now)
    }
  }

  const beat = async (request: NonNullable<KeeperData["beat"]>) => {
    if (mainHangs(performance.now())) return
    try {
      const status = await sendBeat(request)
      say({ say: "beat", ok: status < 300, detail: `HTTP ${status}` })
    } catch (cause) {
      say({ say: "beat", ok: false, detail: text(cause) })
    }
  }

  const timers = [setInterval(keepAll, 100)]
  if (data.beat !== undefined) {
    const request = data.beat
    timers.push(setInterval(() => void beat(request), request.everyMillis))
  }

  const open = async () => {
    while (nats === undefined) {
      try {
        nats = await connect(connectionOptions(data.nats, `${data.name}-leases`))
      } catch (cause) {
        say({ say: "warning", detail: `NATS: ${text(cause)}` })
        await new Promise((resume) => setTimeout(resume, 500))
      }
    }
    say({ say: "ready" })
  }
  void open()

  onMessage((message) => {
    switch (message.say) {
      case "keep": {
        const now = performance.now()
        const { subject, leaseMillis } = message
        held.set(message.id, { subject, leaseMillis, safeAt: now, triedAt: now, lapsed: false })
        return
      }
      case "release":
        held.delete(message.id)
        return
      case "stop":
        for (const timer of timers) clearInterval(timer)
        void nats?.close().finally(() => process.exit(0))
        if (nats === undefined) process.exit(0)
    }
  })
}

const text = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

const port = parentPort
if (port !== null) {
  start(
    workerData as KeeperData,
    (message) => port.postMessage(message),
    (f) => port.on("message", (messages: ReadonlyArray<ToKeeper>) => messages.forEach(f))
  )
}
