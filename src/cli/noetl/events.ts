/** Events of a run as lines of JSON. */
import { closeSync, openSync, writeSync } from "node:fs"
import type { RunEvent } from "../../control-plane/local/Run.ts"
import { isObject, type JsonObject, stringify } from "../../domain/Json.ts"
import { masked } from "../../local/masking.ts"

export interface EventFile {
  readonly write: (event: RunEvent) => void
  readonly close: () => void
}

/** `-` is stdout. What an earlier process wrote is not written again. Throws where the file cannot be written. */
export const open = (path: string | undefined): EventFile => {
  if (path === undefined) return { write: () => {}, close: () => {} }
  const file = path === "-" ? 1 : openSync(path, "a", 0o600)
  return {
    write: (event) => {
      if (!event.isReplayed) writeSync(file, `${stringify(documentOf(event))}\n`)
    },
    close: () => {
      if (path !== "-") closeSync(file)
    }
  }
}

const statuses: Readonly<Record<string, string>> = {
  "step.exit": "completed",
  "step.failed": "failed",
  "step.denied": "skipped",
  "call.done": "completed",
  "call.error": "failed",
  "command.completed": "completed",
  "command.failed": "failed",
  "playbook.completed": "completed",
  "playbook.failed": "failed",
  "playbook.cancelled": "cancelled"
}

const documentOf = (event: RunEvent): JsonObject => ({
  event_id: event.eventId,
  execution_id: event.executionId,
  parent_execution_id: event.parent?.executionId ?? null,
  event_type: event.type,
  node_id: event.step ?? null,
  node_name: event.step ?? null,
  status: statuses[event.type] ?? "started",
  created_at: new Date(event.at).toISOString(),
  context: event.command === undefined ? {} : { command_id: event.command },
  result: event.data === undefined ? null : resultOf(event),
  error: event.error === undefined ? null : masked(event.error),
  meta: event.meta ?? {}
})

/** A large value stands in the event as what is readable of it without the rest. */
const resultOf = ({ command, data = null, type }: RunEvent): JsonObject => {
  const reference = isObject(data) && typeof data["_ref"] === "string" ? { reference: data["_ref"] } : {}
  return {
    status: type === "call.error" ? "error" : "success",
    ...reference,
    data: masked(data),
    ...(command === undefined ? {} : { context: { command_id: command } })
  }
}
