/** A world for pipelines: a tool whose settings say what it answers, and a journal of its calls. */
import { assert, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Layer, Redacted, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import { ControlPlane } from "../../src/control-plane/ControlPlane.ts"
import { Credentials } from "../../src/credentials/Credentials.ts"
import type { Command } from "../../src/domain/Command.ts"
import * as Failure from "../../src/domain/Failure.ts"
import { CommandId, EventId, ExecutionId } from "../../src/domain/Ids.ts"
import { isObject, type Json, type JsonObject } from "../../src/domain/Json.ts"
import * as ToolResult from "../../src/domain/ToolResult.ts"
import { run, type Services } from "../../src/job/pipeline/pipeline.ts"
import { layer as memory } from "../../src/results/MemoryResultStore.ts"
import { Results } from "../../src/results/Results.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"
import { aCommand as aStubCommand } from "../../src/testing/aCommand.ts"
import { Template } from "../../src/template/Template.ts"
import type { ToolCall } from "../../src/tools/Tool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { ExecutionFailed, ToolError, UnknownTool } from "../../src/domain/ToolError.ts"
import { declarationOf } from "../support/declarations.ts"
import { WorkerConfig } from "../../src/WorkerConfig.ts"

export interface Call extends ToolCall {
  readonly at: number
}

export interface World {
  readonly calls: Array<Call>
  readonly layer: Layer.Layer<Services | Redactor | ControlPlane>
}

const kinds = ["stub", "http", "python", "postgres", "noop", "agent"]

/** `answers` are given one after the other, the last one again and again; without any the tool answers its arguments. */
export const world = (commandTimeout: Duration.Input = "30 minutes"): World => {
  const calls: Array<Call> = []
  const toolbox = Layer.succeed(Toolbox, {
    kinds,
    declarationOf,
    maintenance: [],
    run: (call) =>
      Effect.gen(function* () {
        if (!kinds.includes(call.kind)) {
          return yield* Effect.fail(
            new ToolError({ tool: call.kind, reason: new UnknownTool({ known: kinds }) })
          )
        }
        const { id, answers } = call.config
        const before = calls.filter(({ config }) => config["id"] === id).length
        calls.push({ ...call, at: yield* Clock.currentTimeMillis })
        const list = Array.isArray(answers) ? (answers as ReadonlyArray<Json>) : []
        return yield* answer(list[Math.min(before, list.length - 1)], call)
      })
  })
  const plane = Layer.mock(ControlPlane, {
    name: "test",
    workerName: "test",
    heartbeatRequest: undefined,
    address: "test",
    claimPatience: () => Duration.infinity,
    credential: (name) => {
      const data = secrets[name]
      return Effect.succeed(
        data === undefined ? undefined : { name, type: "postgres", data: Redacted.make(data) }
      )
    },
    keychain: (name) => Effect.succeed(name === "api" ? { token: "keychain-token" } : undefined)
  })
  return {
    calls,
    layer: Layer.mergeAll(
      toolbox,
      Template.layer,
      Results.layer.pipe(Layer.provide(memory())),
      WorkerConfig.layer({ commandTimeout: Duration.fromInputUnsafe(commandTimeout) }),
      Credentials.layer.pipe(Layer.provideMerge(Layer.mergeAll(Redactor.layer, plane)))
    )
  }
}

const secrets: Readonly<Record<string, JsonObject>> = {
  pg_local: { db_host: "db", db_port: "5432", db_user: "u", db_password: "pg-password", db_name: "d" }
}

const decodeFailure = Schema.decodeUnknownResult(Failure.Failure)

/** `{data}`, `{error}`, `{throw}`, `{sleep}`, `{die}`, or the data itself. */
const answer = (
  wanted: Json | undefined,
  call: ToolCall
): Effect.Effect<ToolResult.ToolResult, ToolError> => {
  if (wanted === undefined) return Effect.succeed(ToolResult.success(call.args))
  if (!isObject(wanted)) return Effect.succeed(ToolResult.success(wanted))
  if (wanted["die"] !== undefined) return Effect.die(new Error("a bug"))
  if (typeof wanted["sleep"] === "number")
    return Effect.as(Effect.sleep(wanted["sleep"] * 1000), ToolResult.success("slept"))
  if (wanted["throw"] !== undefined) {
    const failure = failureOf(wanted["throw"], call.kind)
    return Effect.fail(new ToolError({ tool: call.kind, reason: new ExecutionFailed({ failure }) }))
  }
  const data =
    "data" in wanted && Object.keys(wanted).every((key) => key === "data" || key === "error")
      ? wanted["data"]
      : wanted
  if (wanted["error"] !== undefined) {
    const failure = failureOf(wanted["error"], call.kind)
    return Effect.succeed(
      ToolResult.failure(failure, wanted["data"] === undefined ? {} : { data: wanted["data"] })
    )
  }
  return Effect.succeed(ToolResult.success(data))
}

/** A status, or a failure. */
const failureOf = (wanted: Json, source: string): Failure.Failure => {
  if (typeof wanted === "number") return Failure.ofHttpStatus(wanted, source)
  const decoded = decodeFailure({
    retryable: false,
    message: "it failed",
    source,
    kind: "unknown",
    ...(wanted as JsonObject)
  })
  return Result.getOrThrow(decoded)
}

export const aCommand = (config: Json, more: Partial<Command> = {}): Command =>
  aStubCommand(1, {
    executionId: ExecutionId.make("7670000000000000123"),
    eventId: EventId.make("7670000000000000124"),
    commandId: CommandId.make("7670000000000000125"),
    step: "work",
    kind:
      Array.isArray(config) || (isObject(config) && config["tasks"] !== undefined) ? "task_sequence" : "stub",
    config,
    ...more
  })

/** Works a command while time passes by itself. */
export const work = Effect.fnUntraced(function* (command: Command, hours = 24) {
  const fiber = yield* Effect.forkChild(Effect.scoped(run(command)), { startImmediately: true })
  for (let i = 0; i < 3; i++) yield* TestClock.adjust(`${hours} hours`)
  return yield* Fiber.join(fiber)
})

// --- tables ---

export interface Run {
  readonly result: ToolResult.ToolResult
  readonly calls: ReadonlyArray<Call>
}

export type Row = readonly [rule: string, command: Command, look: (run: Run) => void]

export const ids = (calls: ReadonlyArray<Call>) => calls.map(({ config }) => config["id"]).join(" ")
export const gaps = (calls: ReadonlyArray<Call>) =>
  calls.slice(1).map(({ at }, i) => (at - (calls[i]?.at ?? 0)) / 1000)

/** One task with these rules and answers. */
export const task = (rules: Json, answers: Json, more: JsonObject = {}): JsonObject => ({
  kind: "stub",
  id: "a",
  answers,
  spec: { policy: { rules } },
  ...more
})
export const single = (rules: Json, answers: Json, more: JsonObject = {}) =>
  aCommand(task(rules, answers, more))
export const two = (first: JsonObject) =>
  aCommand([
    { name: "a", ...first },
    { name: "b", kind: "stub", id: "b", answers: ["done"] }
  ])

export const failing = [{ error: { kind: "unknown", message: "bad" } }]
export const onError = (then: JsonObject) => [{ when: "{{ output.status == 'error' }}", then }]

export const seenByRule = (...rules: ReadonlyArray<Json>) => single(rules, [1])
export const wasSet =
  (expected: JsonObject | undefined) =>
  ({ result }: Run) =>
    assert.deepStrictEqual(result.contextUpdates, expected)

export const always = (then: JsonObject) => onError({ do: "retry", ...then })
export const retried =
  (count: number, ...delays: ReadonlyArray<number>) =>
  ({ calls, result }: Run) => {
    assert.strictEqual(calls.length, count)
    assert.deepStrictEqual(gaps(calls), delays)
    assert.strictEqual(result.status, "error")
  }

/** Works every row of a table. */
export const table = (rows: ReadonlyArray<Row>): void =>
  it.effect.each(rows)("%s", ([, command, look]) => {
    const { calls, layer } = world()
    return Effect.gen(function* () {
      look({ result: yield* work(command), calls })
    }).pipe(Effect.provide(layer))
  })
