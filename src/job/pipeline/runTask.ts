/** One attempt at one task: bind the input, render the settings, find the credentials, call the tool within its time. */
import { Clock, Effect, Option, Schema } from "effect"
import { withinOrElse } from "../../async/within.ts"
import { authVariable, type Credentials } from "../../credentials/Credentials.ts"
import { authKeys } from "../../credentials/authShapes.ts"
import type { Command } from "../../domain/Command.ts"
import type { CredentialScope } from "../../domain/CredentialScope.ts"
import { noAuth } from "../../domain/Credential.ts"
import { isObject, type JsonObject } from "../../domain/Json.ts"
import { TimedOut, ToolError } from "../../domain/ToolError.ts"
import * as ToolResult from "../../domain/ToolResult.ts"
import * as Coerced from "../../tools/Coerced.ts"
import type { Toolbox } from "../../tools/Toolbox.ts"
import type { WorkerConfig } from "../../WorkerConfig.ts"
import { authorized } from "./authorized.ts"
import { attemptOf } from "./output.ts"
import { withOwnStatus } from "./ownStatus.ts"
import { isRendered, type Renderer } from "./Renderer.ts"
import { flattened, layersOf, type State } from "./State.ts"
import type { Plan, Task } from "./Task.ts"
import type { TimeBudget } from "./timeBudget.ts"

export interface Running {
  readonly command: Command
  readonly plan: Plan
  readonly renderer: Renderer
  readonly scope: CredentialScope
  readonly budget: TimeBudget
  readonly services: {
    readonly toolbox: Toolbox["Service"]
    readonly credentials: Credentials["Service"]
    readonly config: WorkerConfig["Service"]
  }
}

/** An error ends up in the attempt, so that rules see it; a defect and an interruption go their own way. */
export const runTask = Effect.fnUntraced(function* (
  running: Running,
  task: Task,
  state: State,
  attempt: number
) {
  const clock = yield* Clock.Clock
  const started = clock.currentTimeMillisUnsafe()
  const { config, toolbox } = running.services
  const readsStatus = config.statusInData && toolbox.declarationOf(task.kind).statusIsData !== true
  const [result, thrown] = yield* callTool(running, task, state, attempt).pipe(
    Effect.scoped,
    Effect.map((answer) => [readsStatus ? withOwnStatus(task.kind, answer) : answer, false] as const),
    Effect.catchTag("ToolError", (error) =>
      Effect.succeed([ToolResult.failure(error.failure), true] as const)
    )
  )
  return attemptOf(result, clock.currentTimeMillisUnsafe() - started, thrown)
})

const callTool = Effect.fnUntraced(function* (running: Running, task: Task, state: State, attempt: number) {
  const { command, plan, services } = running
  const args = yield* inputOf(running, task, state, attempt)
  const layers = layersOf(state, task.label, attempt, args)
  const { auth, config } = yield* configOf(running, task, layers)
  yield* services.credentials.register(task.kind, config)
  const own = deadlineOf(config)
  if (own !== undefined) running.budget.allow(task.label, own)
  const left = running.budget.left((yield* Clock.Clock).currentTimeMillisUnsafe())
  const seconds = Math.max(0.001, Math.min(own ?? Infinity, left))
  const { endsAtDeadline } = services.toolbox.declarationOf(task.kind)
  const call = services.toolbox.run({
    kind: task.kind,
    deadline: seconds,
    config,
    args,
    // Only tools that hand them to a program read them.
    get variables() {
      return flattened(layers)
    },
    auth,
    executionId: command.executionId,
    commandId: command.commandId,
    eventId: command.eventId,
    step: plan.step,
    attempt: command.attempt,
    serverUrl: command.serverUrl,
    traceparent: command.traceparent
  })
  const late = () => Effect.fail(new ToolError({ tool: task.kind, reason: new TimedOut({ seconds }) }))
  return yield* withinOrElse((endsAtDeadline === true ? seconds + toEnd : seconds) * 1000, late)(call)
})

/** An argument that came to nothing is null: a program that names it must find it. */
const named = (written: JsonObject, rendered: JsonObject): JsonObject => ({
  ...Object.fromEntries(Object.keys(written).map((name) => [name, null])),
  ...rendered
})

/** A single tool's arguments yield to the command's. */
const inputOf = (running: Running, task: Task, state: State, attempt: number) => {
  const { command, plan } = running
  const together = (given: JsonObject, step: JsonObject, own: JsonObject): JsonObject =>
    plan.isList ? { ...given, ...step, ...own } : { ...own, ...given }
  return isRendered(command.input) || isRendered(plan.input) || isRendered(task.input)
    ? renderedInput(running, task, layersOf(state, task.label, attempt, {}), together)
    : Effect.succeed(together(command.input, plan.input, task.input))
}

/** All of it is rendered against the state before any of it. */
const renderedInput = Effect.fnUntraced(function* (
  { command, plan, renderer }: Running,
  task: Task,
  layers: ReadonlyArray<JsonObject>,
  together: (given: JsonObject, step: JsonObject, own: JsonObject) => JsonObject
) {
  const given = yield* renderer.secretsOnly(command.input, layers, task)
  const step = named(plan.input, yield* renderer.mapping(plan.input, layers, task, "input"))
  const own = named(task.input, yield* renderer.mapping(task.input, layers, task, "input"))
  return together(given, step, own)
})

const configOf = (running: Running, task: Task, layers: ReadonlyArray<JsonObject>) =>
  running.services.toolbox.declarationOf(task.kind).connections === undefined &&
  authKeys.every((key) => task.config[key] === undefined)
    ? Effect.map(running.renderer.mapping(task.config, layers, task, ""), (config) => ({
        auth: noAuth,
        config
      }))
    : authorizedConfig(running, task, layers)

const authorizedConfig = Effect.fnUntraced(function* (
  { renderer, scope, services }: Running,
  task: Task,
  layers: ReadonlyArray<JsonObject>
) {
  const named = Object.fromEntries(
    authKeys.flatMap((key) => (task.config[key] === undefined ? [] : [[key, task.config[key]]]))
  )
  const others = Object.fromEntries(Object.entries(task.config).filter(([key]) => named[key] === undefined))
  const names = yield* renderer.mapping(named, layers, task, "")
  const { connections } = services.toolbox.declarationOf(task.kind)
  if (Object.keys(names).length === 0 && connections === undefined) {
    return { auth: noAuth, config: yield* renderer.mapping(others, layers, task, "") }
  }
  const before = yield* authorized(services, task.kind, names, scope)
  const withAuth = [...layers, { auth: authVariable(before.auth) }]
  const rendered = yield* renderer.mapping(others, withAuth, task, "")
  // Again over all settings: what the author wrote wins over the credential, and each connection has a credential of its own.
  return yield* authorized(services, task.kind, { ...rendered, ...names }, scope)
})

/** Seconds for a tool that ends at its deadline: programs have a time to stop in, and their output is read. */
const toEnd = 60

const secondsOf = Schema.decodeUnknownOption(Coerced.Seconds)

/** `timeout: {total: 30}` is meant as well; a `connect` alone is the tool's own affair. */
const deadlineOf = (config: JsonObject): number | undefined => {
  const timeout = config["timeout"] ?? config["timeout_seconds"]
  if (timeout === undefined || timeout === null) return undefined
  const written = secondsOf(isObject(timeout) ? timeout["total"] : timeout)
  return Option.isSome(written) && written.value > 0 ? written.value : undefined
}
