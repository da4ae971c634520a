/** A command of a run as a worker gets it, and what its worker reports as the run takes it. */
import type { Command } from "../../domain/Command.ts"
import type { Failure } from "../../domain/Failure.ts"
import type { CommandId, EventId, ExecutionId } from "../../domain/Ids.ts"
import type { JsonObject } from "../../domain/Json.ts"
import type { EndingEvent } from "../../domain/WorkerEvent.ts"
import type { CommandResult, IssuedCommand, RunError } from "../../playbook/engine/Event.ts"
import { withCopies } from "../../results/copies.ts"

export const commandOf = (executionId: string, eventId: string, issued: IssuedCommand): Command => ({
  executionId: executionId as ExecutionId,
  eventId: eventId as EventId,
  commandId: commandIdOf(executionId, issued.id),
  step: issued.step,
  kind: issued.kind,
  config: issued.config,
  input: {},
  context: issued.context,
  meta: {},
  attempt: 1,
  serverUrl: undefined,
  traceparent: undefined
})

/** The message that announces a command. */
export const bodyOf = ({ commandId, eventId, executionId, step }: Command): string =>
  `{"execution_id":${executionId},"event_id":${eventId},"command_id":${JSON.stringify(commandId)},"step":${JSON.stringify(step)}}`

export const commandIdOf = (executionId: string, id: string): CommandId => `${executionId}:${id}` as CommandId

export const resultOf = (event: EndingEvent): CommandResult => {
  if (event._tag === "Succeeded")
    return { ok: true, data: withCopies(event.value), updates: event.contextUpdates }
  const { contextUpdates = {}, data } = event.result
  return {
    ok: false,
    data: data === undefined ? undefined : withCopies(data),
    updates: contextUpdates,
    error: errorOf(event.error, event.result.failedAt)
  }
}

/** A failure in the words that guards read. */
export const errorOf = (
  failure: Failure,
  at?: { readonly task: string; readonly attempt: number }
): RunError => ({
  kind: failure.kind,
  message: failure.message,
  retryable: failure.retryable,
  ...present({ code: failure.code, source: failure.source, sqlstate: failure.sqlstate }),
  ...(failure.status === undefined ? {} : { status: failure.status, status_code: failure.status }),
  ...present({ exception: failure.exception, traceback: failure.traceback }),
  ...(at === undefined ? {} : { task: at.task, attempt: at.attempt })
})

const present = (values: Readonly<Record<string, string | undefined>>): JsonObject =>
  Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined)
  )
