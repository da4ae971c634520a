/** What the comparison asks of a NoETL server. */
import { setTimeout as delay } from "node:timers/promises"

const base = (process.env["NOETL_SERVER_URL"] ?? "http://localhost:8082").replace(/\/+$/, "")

export type Document = Readonly<Record<string, unknown>>

export const call = async (path: string, body?: unknown): Promise<Document> => {
  const response = await fetch(`${base}${path}`, {
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    headers: { "content-type": "application/json" }
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}: ${text.slice(0, 300)}`)
  // Ids are above 2^53: they are kept as text.
  return JSON.parse(text.replaceAll(/([:[,]\s*)(\d{16,})(?=\s*[,}\]])/g, '$1"$2"')) as Document
}

export const register = (yaml: string) =>
  call("/api/catalog/register", { content: yaml, resource_type: "Playbook" })

/** The status at the end, or after so many seconds; what is not at its end by then is cancelled. */
export const ended = async (id: string, seconds: number): Promise<Document> => {
  const until = performance.now() + seconds * 1000
  for (;;) {
    const status = await call(`/api/executions/${id}/status`)
    // A guess of the server is believed at the end only.
    if ((status["completed"] === true || status["failed"] === true) && status["completion_inferred"] !== true)
      return status
    if (performance.now() > until) {
      await call(`/api/executions/${id}/cancel`, { reason: "compared", cascade: true }).catch(() => undefined)
      return status
    }
    await delay(250)
  }
}

/** A run whose status is failed may go on for a while: it is over when nothing has come for two seconds. */
export const quiet = async (id: string, seconds: number): Promise<void> => {
  const until = performance.now() + seconds * 1000
  const count = async () =>
    ((await call(`/api/executions/${id}?page=1&page_size=10`))["pagination"] as Document)["total_events"]
  for (let before = await count(); performance.now() < until;) {
    await delay(2000)
    const now = await count()
    if (now === before) return
    before = now
  }
}

export interface Event {
  readonly id: bigint
  readonly step: string
  readonly type: string
  readonly result: unknown
  readonly error: unknown
}

/** All events of an execution in their order. A pipeline's command has its step's name. */
export const eventsOf = async (id: string): Promise<ReadonlyArray<Event>> => {
  const events: Array<Event> = []
  for (let page = 1; ; page++) {
    const answer = await call(`/api/executions/${id}?page=${page}&page_size=100`)
    for (const event of answer["events"] as ReadonlyArray<Document>) {
      events.push({
        id: BigInt(String(event["event_id"])),
        step: String(event["node_name"]),
        type: String(event["event_type"]),
        result: event["result"],
        error: event["error"]
      })
    }
    if ((answer["pagination"] as Document | undefined)?.["has_next"] !== true) break
  }
  return events.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

export const wordsOf = (status: Document): string =>
  status["failed"] === true ? "failed" : status["completed"] === true ? "completed" : "not ended"
