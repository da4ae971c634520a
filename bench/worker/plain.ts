/**
 * The baseline: the same calls, the same HTTP client and the same queue as a plain loop of promises, with nothing around
 * them. No supervision, no journal, no leases, no retries, no templates, no limits.
 */
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { Agent, request } from "undici"

const server = process.env["NOETL_SERVER_URL"] ?? ""
const concurrency = Number(process.env["WORKER_MAX_CONCURRENT"])
const agent = new Agent({ connections: Math.max(16, concurrency * 2), keepAliveTimeout: 30_000 })

const post = async (
  path: string,
  body: unknown,
  headers: Record<string, string> = {}
): Promise<Record<string, unknown>> => {
  const answer = await request(`${server}${path}`, {
    dispatcher: agent,
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json", ...headers },
    body: JSON.stringify(body)
  })
  return JSON.parse(await answer.body.text()) as Record<string, unknown>
}

const nc = await connect({ servers: process.env["NATS_URL"] ?? "" })
const jsm = await jetstreamManager(nc)
const consumer = jetstream(nc).consumers.getConsumerFromInfo(
  await jsm.consumers.info("NOETL_COMMANDS", "worker-pool")
)
await post("/api/worker/pool/register", { name: "plain", component_type: "worker_pool", status: "ready" })

const work = async (text: string): Promise<void> => {
  const [, execution = "", event = ""] = /"execution_id":(\d+),"event_id":(\d+)/.exec(text) ?? []
  const claim = await post(`/api/commands/${event}/claim`, { worker_id: "plain" })
  const { tool_config } = claim["context"] as { readonly tool_config: { readonly result: unknown } }
  const id = (claim["meta"] as { readonly command_id: string }).command_id
  const step = claim["node_name"]
  const envelope = { execution_id: execution, worker_id: "plain" }
  const item = (name: string, payload: unknown) => ({
    step,
    name,
    payload,
    actionable: false,
    informative: true
  })
  const started = post(
    "/api/events/batch",
    {
      ...envelope,
      events: [item("command.started", { command_id: id }), item("step.enter", { status: "started" })]
    },
    { "idempotency-key": `${id}:start` }
  )
  const result = tool_config.result
  await started
  await post("/api/events", {
    ...envelope,
    step,
    name: "call.done",
    payload: { response: result, command_id: id },
    actionable: true
  })
  await post(
    "/api/events/batch",
    {
      ...envelope,
      events: [
        item("step.exit", { result, status: "completed", command_id: id }),
        item("command.completed", { command_id: id, worker_id: "plain", result })
      ]
    },
    { "idempotency-key": `${id}:end` }
  )
}

process.on("SIGTERM", () => process.exit(0))
console.error("registered as plain")
let running = 0
let wake: () => void = () => {}
for (;;) {
  while (running >= concurrency) await new Promise<void>((resume) => (wake = resume))
  const messages = await consumer.fetch({ max_messages: concurrency - running, expires: 30_000 })
  for await (const message of messages) {
    running += 1
    void work(message.string())
      .then(() => message.ackAck())
      .finally(() => {
        running -= 1
        wake()
      })
  }
}
