/**
 * The baseline with the same contract, as a plain loop of promises: integers stay exact, what comes from outside is checked by the
 * same schemas, every call has a deadline, leases are kept by the same thread, the owner and a cancellation are looked for while a
 * command runs, an outcome is masked, measured and remembered before it is outbox, a command is not run twice, the message is
 * confirmed last. No supervision, no retries, no templates, no policies, no metrics, no log.
 */
import type { JsMsg } from "@nats-io/jetstream"
import { Result } from "effect"
import { Worker } from "node:worker_threads"
import { request } from "undici"
import { claimOf } from "../../src/control-plane/noetl/pythonClaim.ts"
import * as Json from "../../src/domain/Json.ts"
import * as Notification from "../../src/domain/Notification.ts"
import type { LeaseThreadData, ToLeaseThread } from "../../src/queue/leaseProtocol.ts"
import { localNats } from "../../src/nats/connectionOptions.ts"
import { agent, events as eventsOf, loop, natsUrl, server } from "./baseline.ts"

const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(new Error(`${path} took too long`)), 30_000)
  try {
    const answer = await request(`${server}${path}`, {
      dispatcher: agent,
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json", ...headers },
      body: Json.stringify(body),
      signal: deadline.signal
    })
    const parsed = Json.parse(await answer.body.text())
    if (Result.isFailure(parsed)) throw parsed.failure
    if (answer.statusCode >= 300) throw new Error(`${path}: HTTP ${answer.statusCode}`)
    return { status: answer.statusCode, body: parsed.success, retryAfter: undefined }
  } finally {
    clearTimeout(timer)
  }
}

const livenessCounter = new SharedArrayBuffer(4)
setInterval(() => Atomics.add(new Int32Array(livenessCounter), 0, 1), 500)
const keeper = new Worker(new URL("../../dist/natsLeaseThread.js", import.meta.url), {
  workerData: {
    backend: { nats: { ...localNats, url: natsUrl }, name: "plain" },
    livenessCounter,
    hungAfterMillis: 120_000,
    heartbeat: undefined
  } satisfies LeaseThreadData
})
let outbox: Array<ToLeaseThread> = []
const enqueue = (message: ToLeaseThread) => {
  if (outbox.push(message) > 1) return
  setImmediate(() => {
    keeper.postMessage(outbox)
    outbox = []
  })
}

const journal = new Map<string, Json.Json>()
const secrets = ["a-secret-that-is-not-there"]

const work = async (message: JsMsg): Promise<void> => {
  const subject = String(Reflect.get(message, "reply"))
  enqueue({ type: "hold", id: subject, remote: subject, leaseMillis: 30_000 })
  const watch = setInterval(() => {}, 1000)
  const cancelled = setTimeout(() => {}, 15_000)
  try {
    const notification = Result.getOrThrow(Notification.decode(message.string()))
    if (journal.has(notification.commandId)) return
    const answer = await post(`/api/commands/${notification.eventId}/claim`, { worker_id: "plain" })
    const claim = claimOf(answer, notification, message.info.deliveryCount)
    if (claim._tag !== "Claimed") throw new Error(claim._tag)
    const { commandId, config, executionId, step } = claim.command
    const events = eventsOf(post, { execution: executionId, id: commandId, step })
    const started = events.started()
    const text = Json.stringify(Json.isObject(config) ? (config["result"] ?? null) : null)
    const masked = secrets.reduce((now, secret) => now.replaceAll(secret, "***"), text)
    if (Buffer.byteLength(masked) > 64 * 1024) throw new Error("too large for an event")
    const result = Result.getOrThrow(Json.parse(masked))
    journal.set(commandId, result)
    await started
    await events.done(result)
    await events.ended(result)
  } finally {
    clearInterval(watch)
    clearTimeout(cancelled)
    enqueue({ type: "release", id: subject })
  }
}

await loop(post, work)
