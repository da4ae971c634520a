/** Job → command: what its kind means. */
import { Result } from "effect"
import type { Command } from "../../domain/Command.ts"
import type { CommandId, EventId, ExecutionId } from "../../domain/Ids.ts"
import * as Json from "../../domain/Json.ts"
import type { QueuedJob } from "../../domain/QueuedJob.ts"

/** The command of a job, or a sentence that says why this worker does not run it. */
export const commandOf = (job: QueuedJob): Result.Result<Command, string> =>
  Result.map(workOf(job), (work) => ({
    executionId: job.id as ExecutionId,
    eventId: job.id as EventId,
    commandId: `${job.id}:${job.attempt}` as CommandId,
    step: work.name ?? job.kind,
    kind: work.kind,
    config: work.config,
    input: work.input,
    context: { job: { id: job.id, attempt: job.attempt, tenant: job.tenant ?? null } },
    meta: metaOf(job),
    attempt: job.attempt,
    serverUrl: undefined,
    traceparent: job.traceparent
  }))

interface Work {
  readonly name: string | undefined
  readonly kind: string
  readonly config: Json.Json
  readonly input: Json.JsonObject
}

const workOf = (job: QueuedJob): Result.Result<Work, string> => {
  switch (job.kind) {
    case "tool":
      return toolOf(job)
    case "pipeline":
      return pipelineOf(job)
    case "provider":
      return Result.fail(
        "a job of the kind provider needs a worker with providers, and this one has none: submit it to a queue that such a worker works"
      )
    case "playbook":
      return Result.fail(
        "a job of the kind playbook needs a worker that runs playbooks by itself, and this one does not: execute it at a NoETL server"
      )
    default:
      return Result.succeed({ name: undefined, kind: job.kind, config: typedConfig(job), input: {} })
  }
}

/** `{tool, config?, args?, name?}` */
const toolOf = ({ payload, timeout }: QueuedJob): Result.Result<Work, string> => {
  if (!Json.isObject(payload)) return Result.fail("payload: expected {tool, config, args}")
  const { args = {}, config = {}, name, tool } = payload
  if (typeof tool !== "string" || tool === "") return Result.fail("payload.tool: expected the kind of a tool")
  if (!Json.isObject(config)) return Result.fail("payload.config: expected a mapping")
  if (!Json.isObject(args)) return Result.fail("payload.args: expected a mapping")
  return Result.succeed({
    name: nameOf(name),
    kind: tool,
    config: { ...config, ...(timeout === undefined ? {} : { timeout }) },
    input: args
  })
}

/** `{tasks, args?, name?}` */
const pipelineOf = ({ payload, timeout }: QueuedJob): Result.Result<Work, string> => {
  if (!Json.isObject(payload)) return Result.fail("payload: expected {tasks, args}")
  const { args = {}, name, tasks } = payload
  if (!Array.isArray(tasks)) return Result.fail("payload.tasks: expected a list of tasks")
  if (!Json.isObject(args)) return Result.fail("payload.args: expected a mapping")
  return Result.succeed({
    name: nameOf(name),
    kind: "task_sequence",
    config: {
      tasks: timeout === undefined ? tasks : tasks.map((task: Json.Json) => withTimeout(task, timeout))
    },
    input: args
  })
}

/** A task's own time wins. */
const withTimeout = (task: Json.Json, timeout: number): Json.Json =>
  Json.isObject(task) && typeof task["kind"] === "string" && task["timeout"] === undefined
    ? { ...task, timeout }
    : task

const nameOf = (name: Json.Json | undefined) => (typeof name === "string" && name !== "" ? name : undefined)

/**
 * The payload of a type of the embedder's own goes to its tool as one text, so that none of its keys means anything to the
 * pipeline. What opens a template can stand inside of a JSON string only, and is written there as an escape: a payload is data.
 */
const typedConfig = ({ payload, timeout }: QueuedJob): Json.JsonObject => ({
  payload: Json.stringify(payload).replaceAll(/\{(?=[{%#])/g, "\\u007b"),
  ...(timeout === undefined ? {} : { timeout })
})

/** What a report needs of the job. The journal keeps it. */
const metaOf = ({ lease, retry }: QueuedJob): Json.JsonObject => ({
  lease,
  failures: retry.failures,
  ...(retry.maxRetries === undefined ? {} : { max_retries: retry.maxRetries }),
  ...(retry.backoff === undefined ? {} : { backoff: retry.backoff }),
  ...(retry.backoffMax === undefined ? {} : { backoff_max: retry.backoffMax })
})
