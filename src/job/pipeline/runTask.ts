/** One attempt at one task: bind the input, render the settings, find the credentials, call the tool within its time. */
import { Clock, Duration, Effect, Option, Schema } from "effect"
import type { CredentialScope } from "../../control-plane/ControlPlane.ts"
import { authVariable, Credentials } from "../../credentials/Credentials.ts"
import { authKeys } from "../../credentials/authShapes.ts"
import type { Command } from "../../domain/Command.ts"
import { noAuth } from "../../domain/Credential.ts"
import { isObject, type JsonObject } from "../../domain/Json.ts"
import { Results } from "../../results/Results.ts"
import * as ToolResult from "../../domain/ToolResult.ts"
import * as Coerced from "../../tools/Coerced.ts"
import { Toolbox } from "../../tools/Toolbox.ts"
import { endAfter } from "../../domain/ToolError.ts"
import { WorkerConfig } from "../../WorkerConfig.ts"
import { fetchArtifact, isArtifact } from "./artifact.ts"
import { attemptOf, type Attempt } from "./output.ts"
import { withOwnStatus } from "./ownStatus.ts"
import type { Renderer } from "./Renderer.ts"
import { flattened, layersOf, type State } from "./State.ts"
import type { Plan, Task } from "./Task.ts"

export interface Running {
  readonly command: Command
  readonly plan: Plan
  readonly renderer: Renderer
  readonly scope: CredentialScope
}

/** An error ends up in the attempt, so that rules see it; a defect and an interruption go their own way. */
export const runTask = Effect.fnUntraced(function* (
  running: Running,
  task: Task,
  state: State,
  attempt: number
) {
  const started = yield* Clock.currentTimeMillis
  const { statusInData } = yield* WorkerConfig
  const [result, thrown] = yield* callTool(running, task, state, attempt).pipe(
    Effect.scoped,
    Effect.map((answer) => [statusInData ? withOwnStatus(task.kind, answer) : answer, false] as const),
    Effect.catchTag("ToolError", (error) =>
      Effect.succeed([ToolResult.failure(error.failure), true] as const)
    )
  )
  return attemptOf(result, (yield* Clock.currentTimeMillis) - started, thrown) satisfies Attempt
})

const callTool = Effect.fnUntraced(function* (running: Running, task: Task, state: State, attempt: number) {
  const { command } = running
  const args = yield* inputOf(running, task, state, attempt)
  const layers = layersOf(state, task.label, attempt, args)
  const { auth, config } = yield* configOf(running, task, layers)
  const toolbox = yield* Toolbox
  const call = isArtifact(task.kind)
    ? fetchArtifact(yield* Results, task.kind, config, args)
    : toolbox.run({
        kind: task.kind,
        config,
        args,
        variables: flattened(layers),
        auth,
        executionId: command.executionId,
        commandId: command.commandId,
        step: running.plan.step,
        attempt: command.attempt,
        serverUrl: command.serverUrl,
        traceparent: command.traceparent
      })
  const deadline = yield* deadlineOf(config)
  return yield* endAfter(task.kind, deadline)(call)
})

/** An argument that came to nothing is null: a program that names it must find it. */
const named = (written: JsonObject, rendered: JsonObject): JsonObject => ({
  ...Object.fromEntries(Object.keys(written).map((name) => [name, null])),
  ...rendered
})

/** All of it is rendered against the state before any of it. A single tool's arguments yield to the command's. */
const inputOf = Effect.fnUntraced(function* (running: Running, task: Task, state: State, attempt: number) {
  const { command, plan, renderer } = running
  const layers = layersOf(state, task.label, attempt, {})
  const given = yield* renderer.secretsOnly(command.input, layers, task)
  const step = named(plan.input, yield* renderer.mapping(plan.input, layers, task, "input"))
  const own = named(task.input, yield* renderer.mapping(task.input, layers, task, "input"))
  return plan.isList ? { ...given, ...step, ...own } : { ...own, ...given }
})

const configOf = Effect.fnUntraced(function* (
  running: Running,
  task: Task,
  layers: ReadonlyArray<JsonObject>
) {
  const { renderer, scope } = running
  const named = Object.fromEntries(
    authKeys.flatMap((key) => (task.config[key] === undefined ? [] : [[key, task.config[key]]]))
  )
  const others = Object.fromEntries(Object.entries(task.config).filter(([key]) => named[key] === undefined))
  const names = yield* renderer.mapping(named, layers, task, "")
  const credentials = yield* Credentials
  if (Object.keys(names).length === 0 && task.kind !== "transfer") {
    return { auth: noAuth, config: yield* renderer.mapping(others, layers, task, "") }
  }
  const before = yield* credentials.resolve(task.kind, names, scope)
  const withAuth = [{ auth: authVariable(before.auth) }, ...layers]
  const rendered = yield* renderer.mapping(others, withAuth, task, "")
  // Again over all settings: what the author wrote wins over the credential, and both ends of a transfer have their own.
  return yield* credentials.resolve(task.kind, { ...rendered, ...names }, scope)
})

const seconds = Schema.decodeUnknownOption(Coerced.Seconds)

/** `timeout: {total: 30}` is meant as well; a `connect` alone is the tool's own affair. */
const deadlineOf = Effect.fnUntraced(function* (config: JsonObject) {
  const { commandTimeout } = yield* WorkerConfig
  const timeout = config["timeout"] ?? config["timeout_seconds"]
  const written = seconds(isObject(timeout) ? timeout["total"] : timeout)
  return Option.isSome(written) && written.value > 0 ? written.value : Duration.toSeconds(commandTimeout)
})
