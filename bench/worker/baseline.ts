/** What both baselines do: register, pull into a number of slots, tell what happened, acknowledge last. */
import { jetstream, jetstreamManager, type JsMsg } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { Agent } from "undici"

export const server = process.env["NOETL_SERVER_URL"] ?? ""
export const natsUrl = process.env["NATS_URL"] ?? ""
const concurrency = Number(process.env["WORKER_MAX_CONCURRENT"])

export const agent = new Agent({ connections: Math.max(16, concurrency * 2), keepAliveTimeout: 30_000 })

export type Post = (path: string, body: unknown, headers?: Record<string, string>) => Promise<unknown>

export interface Told {
  readonly execution: string
  readonly id: string
  readonly step: unknown
}

/** The three posts of a command that went well. */
export const events = (post: Post, { execution, id, step }: Told) => {
  const envelope = { execution_id: execution, worker_id: "plain" }
  const item = (name: string, payload: unknown) => ({
    step,
    name,
    payload,
    actionable: false,
    informative: true
  })
  const batch = (key: string, items: ReadonlyArray<unknown>) =>
    post("/api/events/batch", { ...envelope, events: items }, { "idempotency-key": `${id}:${key}` })
  return {
    started: () =>
      batch("start", [
        item("command.started", { command_id: id }),
        item("step.enter", { status: "started" })
      ]),
    done: (result: unknown) =>
      post("/api/events", {
        ...envelope,
        step,
        name: "call.done",
        payload: { response: result, command_id: id },
        actionable: true
      }),
    ended: (result: unknown) =>
      batch("end", [
        item("step.exit", { result, status: "completed", command_id: id }),
        item("command.completed", { command_id: id, worker_id: "plain", result })
      ])
  }
}

/** Works messages for ever, each in a slot, and acknowledges what was worked. */
export const loop = async (post: Post, work: (message: JsMsg) => Promise<void>): Promise<never> => {
  const nc = await connect({ servers: natsUrl })
  const jsm = await jetstreamManager(nc)
  const consumer = jetstream(nc).consumers.getConsumerFromInfo(
    await jsm.consumers.info(process.env["NATS_STREAM"] ?? "NOETL_COMMANDS", "worker-pool")
  )
  await post("/api/worker/pool/register", { name: "plain", component_type: "worker_pool", status: "ready" })
  process.on("SIGTERM", () => process.exit(0))
  let running = 0
  let wake: () => void = () => {}
  for (;;) {
    while (running >= concurrency) await new Promise<void>((resume) => (wake = resume))
    const messages = await consumer.fetch({ max_messages: concurrency - running, expires: 30_000 })
    for await (const message of messages) {
      running += 1
      void work(message)
        .then(() => message.ackAck())
        .finally(() => {
          running -= 1
          wake()
        })
    }
  }
}
