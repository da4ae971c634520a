/** How a script ended → the tool's result. Pure. */
import type { V1Job, V1Pod } from "@kubernetes/client-node"
import * as Failure from "../../domain/Failure.ts"
import type { JsonObject } from "../../domain/Json.ts"
import * as ToolResult from "../../domain/ToolResult.ts"
import type { Captured } from "../process/Output.ts"
import { containerName } from "./JobManifest.ts"
import { terminatedOf, type Why } from "./verdict.ts"
import type { Ended } from "./waitForJob.ts"

export interface Facts {
  readonly tool: string
  readonly job: V1Job
  readonly ended: Ended
  readonly log: Captured | undefined
  readonly durationMs: number
  /** Of the deadline that can have passed. */
  readonly seconds: number
}

export const resultOf = (facts: Facts): ToolResult.ToolResult => {
  const { durationMs, ended, job, log } = facts
  const pod = podOf(ended)
  const exitCode = ended._tag === "Succeeded" ? 0 : terminatedOf(pod, containerName)?.exitCode
  const failure = failureOf(facts)
  const data: JsonObject = {
    status: failure === undefined ? "completed" : isTimeout(failure) ? "timeout" : "failed",
    job_name: job.metadata?.name ?? "",
    namespace: job.metadata?.namespace ?? "",
    ...(pod?.metadata?.name === undefined ? {} : { pod_name: pod.metadata.name }),
    execution_time: durationMs / 1000,
    ...(log === undefined ? {} : { output: log.text }),
    ...(log?.truncated === true ? { output_truncated: true, output_bytes: log.bytes } : {}),
    succeeded: job.status?.succeeded ?? 0,
    failed: job.status?.failed ?? 0,
    ...(exitCode === undefined ? {} : { exit_code: exitCode }),
    ...(failure?.code === undefined ? {} : { reason: failure.code })
  }
  const more = {
    data,
    durationMs,
    ...(log === undefined ? {} : { stdout: log.text }),
    ...(exitCode === undefined ? {} : { exitCode })
  }
  return failure === undefined ? ToolResult.success(data, more) : ToolResult.failure(failure, more)
}

const podOf = (ended: Ended): V1Pod | undefined => ("pod" in ended ? ended.pod : undefined)

const isTimeout = (failure: Failure.Failure): boolean => failure.code === "TOOL_TIMEOUT"

const failureOf = ({ ended, job, log, seconds, tool }: Facts): Failure.Failure | undefined => {
  const make = (kind: Failure.FailureKind, code: string, message: string, retryable = false) =>
    Failure.make(kind, message, { code, retryable, source: tool })
  switch (ended._tag) {
    case "Succeeded":
      return undefined
    case "Late":
      return make(
        "timeout",
        "TOOL_TIMEOUT",
        withLog(
          `Execution timed out after ${seconds} seconds${ended.stuck === undefined ? "" : ` without having begun: ${ended.stuck.message}`}`,
          log
        ),
        true
      )
    case "Gone":
      return make("tool_error", "JOB_DELETED", `Job ${job.metadata?.name} was deleted while it ran`)
    case "Stuck":
      return ended.stuck.code === "IMAGE_PULL_FAILED" || ended.stuck.code === "CONTAINER_CONFIG"
        ? make("config", ended.stuck.code, ended.stuck.message)
        : make("limit", ended.stuck.code, ended.stuck.message, true)
    case "Failed":
      return failureFor(ended.why, log, seconds, make)
  }
}

const failureFor = (
  why: Why,
  log: Captured | undefined,
  seconds: number,
  make: (kind: Failure.FailureKind, code: string, message: string, retryable?: boolean) => Failure.Failure
): Failure.Failure => {
  switch (why._tag) {
    case "Exit":
      return make(
        "tool_error",
        `EXIT_${why.code}`,
        withLog(`Script exited with code ${why.code}`, log, why.message)
      )
    case "OutOfMemory": {
      const limit = why.limit === undefined ? "" : ` of ${why.limit}`
      return make(
        "limit",
        "OUT_OF_MEMORY",
        `The script needed more than its memory${limit} (exit code ${why.code}, OOMKilled)`
      )
    }
    case "Deadline":
      return make(
        "timeout",
        "TOOL_TIMEOUT",
        withLog(`Execution timed out after ${seconds} seconds`, log),
        true
      )
    case "Dependencies":
      return make(
        "config",
        "DEPENDENCIES_FAILED",
        withLog(`Installing the dependencies failed with code ${why.code}`, log, why.message)
      )
    case "NotStarted":
      return make("config", "START_ERROR", `The script's command cannot be started: ${why.message}`)
    case "Other":
      // The node's doing, not the script's.
      return make("tool_error", codeOf(why.reason), `Job failed: ${why.reason}: ${why.message}`, true)
  }
}

const codeOf = (reason: string): string => reason.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()

/** The last lines of a script say more than its exit code. */
const withLog = (message: string, log: Captured | undefined, termination?: string): string => {
  const text = (log?.text ?? wholeLines(termination ?? "")).trimEnd()
  if (text === "") return message
  const lines = text.split("\n").slice(-5).join("\n")
  // The log has no secrets any more, so it may be cut. The other one is masked later.
  return `${message}: ${log !== undefined && lines.length > 1000 ? `…${lines.slice(-1000)}` : lines}`
}

/** The node takes the last 2048 bytes of a log for a message: its first line may begin in the middle of a secret. */
const wholeLines = (text: string): string =>
  Buffer.byteLength(text) < 2048 ? text : text.slice(text.indexOf("\n") + 1)
