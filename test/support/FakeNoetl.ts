/**
 * A NoETL 2.10 server's worker endpoints over real HTTP, as far as a worker sees them: claims with leases and owners,
 * single events that drive, batches with idempotency keys, event read-back. Answers can be spoiled on purpose.
 */
import { Context, Effect, Layer, Result } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { Command } from "../../src/domain/Command.ts"
import * as Json from "../../src/domain/Json.ts"
import { bodyOf } from "../../src/control-plane/MemoryControlPlane.ts"

export interface StoredEvent {
  readonly name: string
  readonly step: string
  readonly payload: Json.JsonObject
  readonly commandId: string | undefined
  readonly single: boolean
  readonly actionable: boolean
}

/** What happens to a request instead of its answer: the event may be stored or not. */
export type Spoiled =
  | {
      readonly status: number
      readonly stored: boolean
      readonly headers?: Record<string, string>
      readonly body?: Json.Json
    }
  | "reset before"
  | "reset after"

export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage["headers"]
  readonly body: Json.Json
}

export class FakeNoetl extends Context.Service<
  FakeNoetl,
  {
    readonly url: string
    readonly issue: (command: Command) => Effect.Effect<string>
    readonly takeAway: (command: Command, by: string) => Effect.Effect<void>
    readonly cancel: (executionId: string) => Effect.Effect<void>
    readonly events: Effect.Effect<ReadonlyArray<StoredEvent>>
    readonly workers: Effect.Effect<ReadonlyArray<string>>
    readonly requests: Effect.Effect<ReadonlyArray<Seen>>
    /** Called for every request first; an answer of its replaces the server's. */
    readonly spoil: (rule: (seen: Seen) => Spoiled | undefined) => Effect.Effect<void>
    /** Makes an error handled: its call.error answers with a generated command. */
    readonly handleErrors: Effect.Effect<void>
    /** Forgets nothing, answers nothing: as a server that is down. */
    readonly down: (yes: boolean) => Effect.Effect<void>
    /** From now on the engine stores events and does nothing more. */
    readonly breakEngine: Effect.Effect<void>
    readonly addWorker: (name: string, hostname: string) => Effect.Effect<void>
  }
>()("test/support/FakeNoetl") {
  static readonly layer: Layer.Layer<FakeNoetl> = Layer.effect(
    FakeNoetl,
    Effect.acquireRelease(
      Effect.suspend(() => open),
      ({ close }) => Effect.sync(close)
    ).pipe(
      Effect.map(({ url, world }) => {
        return FakeNoetl.of({
          url,
          issue: (command) =>
            Effect.sync(() => {
              world.rows.set(command.eventId, { command, owner: undefined, started: false, ended: false })
              return bodyOf({ ...command, serverUrl: url })
            }),
          takeAway: (command, by) =>
            Effect.sync(() => {
              const row = world.rows.get(command.eventId)
              if (row !== undefined) row.owner = by
              world.workers.set(by, { name: by })
            }),
          cancel: (id) => Effect.sync(() => void world.cancelled.add(id)),
          events: Effect.sync(() => [...world.events]),
          workers: Effect.sync(() => [...world.workers.keys()]),
          requests: Effect.sync(() => [...world.requests]),
          spoil: (rule) => Effect.sync(() => void (world.spoil = rule)),
          handleErrors: Effect.sync(() => void (world.errorsAreHandled = true)),
          down: (yes) => Effect.sync(() => void (world.down = yes)),
          breakEngine: Effect.sync(() => void (world.broken = true)),
          addWorker: (name, hostname) => Effect.sync(() => void world.workers.set(name, { name, hostname }))
        })
      })
    )
  )
}

const open = Effect.callback<{ readonly world: World; readonly url: string; readonly close: () => void }>(
  (resume) => {
    const world = state()
    const server = createServer((request, response) => void handle(world, request, response))
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const close = () => {
        server.closeAllConnections()
        server.close()
      }
      resume(Effect.succeed({ world, url: `http://127.0.0.1:${port}`, close }))
    })
  }
)

interface Row {
  readonly command: Command
  owner: string | undefined
  started: boolean
  ended: boolean
}

interface World {
  readonly rows: Map<string, Row>
  readonly events: Array<StoredEvent>
  readonly workers: Map<string, Json.JsonObject>
  readonly requests: Array<Seen>
  readonly cancelled: Set<string>
  readonly keys: Set<string>
  spoil: (seen: Seen) => Spoiled | undefined
  errorsAreHandled: boolean
  down: boolean
  /** Stores events and does nothing with them. */
  broken: boolean
}

const state = (): World => ({
  rows: new Map(),
  events: [],
  workers: new Map(),
  requests: [],
  cancelled: new Set(),
  keys: new Set(),
  spoil: () => undefined,
  errorsAreHandled: false,
  down: false,
  broken: false
})

const handle = async (world: World, request: IncomingMessage, response: ServerResponse) => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const parsed = Json.parse(Buffer.concat(chunks).toString() || "null")
  const seen: Seen = {
    method: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
    body: Result.getOrElse(parsed, () => null)
  }
  if (world.down) return void request.socket.destroy()
  world.requests.push(seen)
  const spoiled = world.spoil(seen)
  if (spoiled === "reset before") return void request.socket.destroy()
  const answer =
    spoiled === undefined || spoiled === "reset after" || spoiled.stored ? route(world, seen) : undefined
  if (spoiled === "reset after") return void request.socket.destroy()
  const {
    body,
    headers = {},
    status
  } = spoiled === undefined ? (answer as Reply) : { body: null, ...spoiled }
  response.writeHead(status, { "content-type": "application/json", ...headers })
  response.end(Json.stringify(body))
}

interface Reply {
  readonly status: number
  readonly body: Json.Json
  readonly headers?: Record<string, string>
}

const route = (world: World, { body, headers, method, path }: Seen): Reply => {
  const object = Json.isObject(body) ? body : {}
  const claim = /^\/api\/commands\/(\d+)\/claim$/.exec(path)
  if (claim !== null) return claimed(world, claim[1] ?? "", String(object["worker_id"]))
  if (path === "/api/worker/pool/register") {
    world.workers.set(String(object["name"]), object)
    return { status: 200, body: { status: "ok", name: object["name"] ?? null, runtime_id: "1" } }
  }
  if (path === "/api/worker/pool/deregister") {
    world.workers.delete(String(object["name"]))
    return { status: 200, body: { status: "ok" } }
  }
  if (path === "/api/worker/pools") return { status: 200, body: { items: [...world.workers.values()] } }
  if (path === "/api/events" && method === "POST") {
    if (typeof object["execution_id"] !== "string") return { status: 422, body: { detail: [] } }
    return {
      status: 200,
      body: { status: "ok", event_id: 1n, commands_generated: store(world, object, object, true) }
    }
  }
  if (path === "/api/events/batch") return batch(world, object, headers["idempotency-key"])
  const cancellation = /^\/api\/executions\/(\d+)\/cancellation-check$/.exec(path)
  if (cancellation !== null)
    return { status: 200, body: { cancelled: world.cancelled.has(cancellation[1] ?? "") } }
  const readBack = /^\/api\/executions\/(\d+)\?event_type=([\w.]+)/.exec(path)
  if (readBack !== null) {
    const events = world.events
      .filter((event) => event.name === readBack[2])
      .map(({ name, payload, step }) => ({
        event_id: 1n,
        event_type: name,
        node_name: step,
        result: { kind: "data", data: payload }
      }))
    return { status: 200, body: { events, pagination: { has_next: false } } }
  }
  if (/^\/api\/executions\/\d+\?since_event_id=/.test(path)) {
    const drove = world.broken ? [] : [{ event_type: "command.issued", node_name: "next", event_id: 2n }]
    return { status: 200, body: { events: drove, pagination: { has_next: false } } }
  }
  if (path.startsWith("/api/credentials/pg?")) {
    return { status: 200, body: { id: 1, name: "pg", type: "postgres", data: { password: "pencil" } } }
  }
  return { status: 404, body: { detail: "Not Found" } }
}

const claimed = (world: World, eventId: string, worker: string): Reply => {
  const row = world.rows.get(eventId)
  if (row === undefined) return { status: 404, body: { detail: "command not found" } }
  const refused = (code: string, more: Json.JsonObject = {}): Reply => ({
    status: 409,
    headers: { "retry-after": "2" },
    body: { detail: { code, message: code, ...more } }
  })
  if (row.ended) return refused("already_terminal")
  if (world.cancelled.has(row.command.executionId)) return refused("execution_cancelled")
  // A claim is free at once when its owner is not registered any more.
  const held = row.owner !== undefined && (row.owner === worker || world.workers.has(row.owner))
  if (held && (row.owner !== worker || row.started)) {
    return refused("active_claim", { worker_id: row.owner ?? null, claim_policy: "lease" })
  }
  row.owner = worker
  const { command } = row
  return {
    status: 200,
    body: {
      status: "ok",
      event_id: BigInt(command.eventId),
      execution_id: BigInt(command.executionId),
      node_id: command.step,
      node_name: command.step,
      action: command.kind,
      context: {
        tool_config: command.config,
        args: command.input,
        render_context: command.context,
        next_targets: null,
        pipeline: null
      },
      meta: { command_id: command.commandId, attempt: 1, ...command.meta }
    }
  }
}

const batch = (world: World, object: Json.JsonObject, key: string | Array<string> | undefined): Reply => {
  const items = Array.isArray(object["events"]) ? object["events"].filter(Json.isObject) : []
  const duplicate = typeof key === "string" && world.keys.has(key)
  if (typeof key === "string") world.keys.add(key)
  if (!duplicate) for (const item of items) store(world, object, item, false)
  return {
    status: 202,
    body: { status: "accepted", request_id: "1", event_ids: [], commands_generated: 0, duplicate }
  }
}

const store = (world: World, envelope: Json.JsonObject, item: Json.JsonObject, single: boolean): number => {
  const payload = Json.isObject(item["payload"]) ? item["payload"] : {}
  const id = payload["command_id"]
  const commandId = typeof id === "string" ? id : undefined
  const name = String(item["name"])
  world.events.push({
    name,
    step: String(item["step"]),
    payload,
    commandId,
    single,
    actionable: item["actionable"] === true
  })
  const row = [...world.rows.values()].find(({ command }) => command.commandId === commandId)
  if (row !== undefined && name === "command.started") row.started = true
  if (row !== undefined && (name === "command.completed" || name === "command.failed")) row.ended = true
  void envelope
  return name === "call.done" || (name === "call.error" && world.errorsAreHandled) ? 1 : 0
}
