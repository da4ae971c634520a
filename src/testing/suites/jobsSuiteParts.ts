/** What the suite of jobs is made of: a worker to start, the jobs that it submits, what its tool answers. */
import { Context, Effect, type Layer } from "effect"
import * as Failure from "../../domain/Failure.ts"
import { success, type ToolResult } from "../../domain/ToolResult.ts"
import type { JobRecord, JobsError, Submission } from "../../jobs/Jobs.ts"
import type { ToolCall } from "../../tools/Tool.ts"

/** Works the jobs of the backend until the scope closes. */
export class JobsWorker extends Context.Service<
  JobsWorker,
  {
    /** A worker whose tool `stub` does this, with so many slots. */
    readonly start: (
      answer: (call: ToolCall) => Effect.Effect<ToolResult>,
      concurrency: number
    ) => Layer.Layer<never>
  }
>()("noetl-worker/testing/JobsWorker") {}

export const stub = (
  args: Readonly<Record<string, unknown>>,
  more: Omit<Submission, "kind" | "payload"> = {}
): Submission => ({
  kind: "tool",
  payload: { tool: "stub", args: args as never },
  ...more
})

export const away = Failure.make("connection", "away")

export type Answer = (call: ToolCall) => Effect.Effect<ToolResult>

export const echo: Answer = ({ args }) => Effect.succeed(success(args))

export const recorded =
  (order: Array<unknown>): Answer =>
  ({ args }) =>
    Effect.sync(() => {
      order.push(args["n"])
      return success(null)
    })

/** Runs an effect while a worker works. */
export const working = <A, E>(answer: Answer, effect: Effect.Effect<A, E>, concurrency = 4) =>
  Effect.flatMap(JobsWorker, ({ start }) => Effect.provide(effect, start(answer, concurrency)))

export const reasonOf = (effect: Effect.Effect<JobRecord | string, JobsError>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason._tag)
