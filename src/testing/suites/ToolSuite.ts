/** What every tool must do. Run it from the test of a tool, yours too. */
import { assert, layer as testLayer } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Schedule } from "effect"
import { noAuth } from "../../domain/Credential.ts"
import type { CommandId, EventId, ExecutionId } from "../../domain/Ids.ts"
import { isJson, type JsonObject } from "../../domain/Json.ts"
import type { ToolCall } from "../../tools/Tool.ts"
import { Toolbox, type ToolTag } from "../../tools/Toolbox.ts"
import { ToolError } from "../../domain/ToolError.ts"

export interface Options {
  readonly kind: string
  /** A configuration with which the tool succeeds; a function where it is known only when the test runs. */
  readonly works: JsonObject | (() => JsonObject)
  /** Configurations that do not fit, and the keys that the error must name. */
  readonly broken: ReadonlyArray<{ readonly config: JsonObject; readonly at: string }>
  /** A configuration with which the tool would run for minutes; absent for tools that cannot. */
  readonly endless?: JsonObject | (() => JsonObject)
  /** Whether the endless run has begun to do its work. */
  readonly begun?: () => boolean
  /** What the interrupted run left: processes, connections. Empty is right. */
  readonly leftBehind?: () => ReadonlyArray<unknown>
}

/** A call of a tool with what a test does not care about filled in. */
export const aCall = (kind: string, config: JsonObject, more: Partial<ToolCall> = {}): ToolCall => ({
  kind,
  config,
  args: {},
  variables: {},
  auth: noAuth,
  executionId: "613000000000000001" as ExecutionId,
  commandId: "613000000000000001:step:1" as CommandId,
  eventId: "613000000000000002" as EventId,
  step: "step",
  attempt: 1,
  serverUrl: undefined,
  traceparent: undefined,
  ...more
})

/** Runs a call as the worker does: in a scope of its own, by its kind. */
export const runTool = (call: ToolCall) =>
  Effect.scoped(Effect.flatMap(Toolbox, (toolbox) => toolbox.run(call)))

export const suite = <T extends ToolTag, E>(
  name: string,
  tag: T,
  layer: Layer.Layer<T["Identifier"], E>,
  options: Options
) => {
  const toolbox = Toolbox.layer(tag).pipe(Layer.provide(layer)) as Layer.Layer<Toolbox, E>
  const run = (config: JsonObject) => runTool(aCall(options.kind, config))

  testLayer(toolbox, { excludeTestServices: true })(`${name}, as a tool`, (it) => {
    it.effect("gives JSON back", () =>
      Effect.gen(function* () {
        const result = yield* run(settled(options.works))
        assert.strictEqual(result.status, "success", JSON.stringify(result.error))
        assert.isTrue(isJson(result.data ?? null))
      })
    )

    it.effect("does not mind keys that it does not know", () =>
      Effect.gen(function* () {
        const result = yield* run({ ...settled(options.works), no_such_key: { deep: [1] } })
        assert.strictEqual(result.status, "success", JSON.stringify(result.error))
      })
    )

    it.effect.each(options.broken)("says where a configuration is wrong: $at", ({ config, at }) =>
      Effect.gen(function* () {
        const reason = reasonOf(yield* Effect.exit(run(config)))
        assert.strictEqual(reason?._tag, "InvalidConfig")
        const places = reason?._tag === "InvalidConfig" ? reason.issues.map((issue) => issue.at) : []
        assert.include(places, at)
      })
    )

    if (options.endless === undefined) return
    const endless = options.endless
    it.effect("is gone when it is interrupted", () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(run(settled(endless)), { startImmediately: true })
        yield* until(() => options.begun?.() ?? true)
        yield* Fiber.interrupt(fiber)
        yield* until(() => (options.leftBehind?.() ?? []).length === 0)
        assert.deepStrictEqual(options.leftBehind?.() ?? [], [])
      })
    )
  })
}

// --- helpers ---

const settled = (config: JsonObject | (() => JsonObject)): JsonObject =>
  typeof config === "function" ? config() : config

const reasonOf = (exit: Exit.Exit<unknown, unknown>) => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause)
  return error instanceof ToolError ? error.reason : undefined
}

/** The world outside is asynchronous: polls for up to ten seconds. */
const until = (condition: () => boolean) =>
  Effect.repeat(Effect.sync(condition), {
    until: (holds) => holds,
    schedule: Schedule.max([Schedule.spaced("10 millis"), Schedule.recurs(1000)])
  })
