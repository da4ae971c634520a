/** A failure as a person needs it: where, with what, what came out, and what to try. */
import type { Command } from "../domain/Command.ts"
import { isObject, type Json, type JsonObject, stringify } from "../domain/Json.ts"
import type { RunError } from "../playbook/engine/Event.ts"
import type { Playbook } from "../playbook/Playbook.ts"
import { Memory } from "../template/Memory.ts"
import * as Evaluator from "../template/evaluator.ts"
import { masked, maskedObject, shortened } from "./masking.ts"

export interface FailureDetail {
  readonly step: string
  readonly error: RunError
  /** Undefined where no command failed. */
  readonly command: Command | undefined
  /** What the tool wrote last. */
  readonly output: string | undefined
}

export const failureText = (playbook: Playbook, failure: FailureDetail): string => {
  const { command, error, output, step } = failure
  const line = playbook.steps.get(step)?.line ?? 0
  const task = typeof error["task"] === "string" && error["task"] !== step ? `, task ${error["task"]}` : ""
  const attempt =
    typeof error["attempt"] === "number" && error["attempt"] > 1 ? `, attempt ${error["attempt"]}` : ""
  const input = command === undefined ? undefined : inputOf(command, error)
  const tail = output === undefined ? "" : lastLines(output, 8)
  return [
    `${step}${task}${attempt}: ${error.kind}: ${error.message}`,
    `  at ${playbook.file}${line === 0 ? "" : `:${line}`}`,
    ...(input === undefined || Object.keys(input).length === 0
      ? []
      : [`  input: ${shortened(stringify(input), 400)}`]),
    ...(tail === "" ? [] : ["  last output:", ...tail.split("\n").map((one) => `    ${one}`)]),
    `  try: ${advice(error, step)}`
  ].join("\n")
}

const lastLines = (text: string, most: number): string =>
  text
    .trimEnd()
    .split("\n")
    .slice(-most)
    .map((line) => shortened(line, 200))
    .join("\n")

/** The input of the task that failed, worked out again and masked. What cannot be worked out stays a template. */
const inputOf = ({ config, context }: Command, error: RunError): JsonObject | undefined => {
  if (!isObject(config)) return undefined
  const tasks = Array.isArray(config["tasks"]) ? (config["tasks"] as ReadonlyArray<Json>) : undefined
  const task = tasks?.filter(isObject).find((one, i) => (one["name"] ?? `task_${i}`) === error["task"])
  const own = isObject(task?.["input"]) ? task["input"] : {}
  const shared = isObject(config["input"]) ? config["input"] : {}
  const evaluator = Evaluator.make()
  const entries = Object.entries({ ...shared, ...own }).map(([key, value]) => {
    try {
      const scope = { layers: [context], memory: new Memory(false), now: 0 }
      return [key, evaluator.render(value, scope, key) ?? null] as const
    } catch {
      return [key, value] as const
    }
  })
  return maskedObject(Object.fromEntries(entries.map(([key, value]) => [key, masked(value)])))
}

const cures: Readonly<Record<string, string>> = {
  credential: "give the credential with --credentials FILE, or as JSON in NOETL_CREDENTIAL_<NAME>",
  auth: "check the credential that the task names: the server refused it",
  connection:
    "check that the server runs and that its address is right; a rule {do: retry} helps where it comes and goes",
  timeout: "raise timeout of the task or the step, or add a rule {do: retry}",
  rate_limit:
    "add a rule {when: output.error.kind == 'rate_limit', then: {do: retry, attempts: 5, delay: 1}}",
  server_error:
    "add a rule {when: output.error.retryable, then: {do: retry, attempts: 3, backoff: exponential, delay: 0.5}}",
  not_found: "check the address that the task asks",
  template: "check the names in the template: noetl run --verbose shows what each step gave",
  config: "check the settings of the task: noetl validate shows what the language allows",
  unsupported_tool: "run it where the tool is, or take another tool",
  child_failed: "read the failure of the child above, or run the child by itself",
  loop: "iterations failed: add rules to the task, or an arc with event.name == 'loop.done' that goes on",
  no_next: "add an arc without a condition, or remove no_next_is_error",
  db_error: "run the statement by itself: the message says where it is wrong"
}

const advice = (error: RunError, step: string): string =>
  cures[error.kind] ??
  (error["retryable"] === true
    ? "run it again, or add a rule {do: retry}"
    : `see what ${step} printed above, or let an arc with event.name == 'step.failed' take it up`)
