/**
 * Jobs of the embedder's own, typed from the submission to the result:
 *
 *     const SendMail = JobType.make({ name: "mail.send", payload: Schema.Struct({ to: Schema.String }), result: Schema.Void, run })
 *     yield* SendMail.submit({ to: "a@example.com" }, { priority: 8 })
 *
 * A type is also the tool that works it: `Toolbox.layerLive(SendMail)`.
 */
import { Context, Effect, Layer, Option, Result, Schema } from "effect"
import * as Failure from "../domain/Failure.ts"
import * as Json from "../domain/Json.ts"
import { messageOf } from "../domain/messageOf.ts"
import { issuesOf } from "../domain/QueuedJob.ts"
import { invalid, ToolError } from "../domain/ToolError.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import * as Tool from "../tools/Tool.ts"
import {
  invalidJob,
  type JobOptions,
  Jobs,
  type JobRecord,
  type JobsError,
  type Submission,
  type Submitted
} from "./Jobs.ts"

export interface Options<
  Name extends string,
  Payload extends Schema.Codec<unknown, unknown>,
  Value extends Schema.Codec<unknown, unknown>,
  E,
  R
> {
  /** Its kind: not one of `tool`, `pipeline`, `provider`, `playbook`. */
  readonly name: Name
  readonly payload: Payload
  readonly result: Value
  /**
   * Works one attempt. An error with `isRetryable: true` is tried again; any other fails the job.
   */
  readonly run: (payload: Payload["Type"], job: RunningJob) => Effect.Effect<Value["Type"], E, R>
  /** What submissions take that name nothing else. */
  readonly defaults?: JobOptions
}

export interface RunningJob {
  readonly id: string
  /** From 1. */
  readonly attempt: number
}

const reserved: ReadonlySet<string> = new Set(["tool", "pipeline", "provider", "playbook", "task_sequence"])

export const make = <
  const Name extends string,
  Payload extends Schema.Codec<unknown, unknown>,
  Value extends Schema.Codec<unknown, unknown>,
  E = never,
  R = never
>(
  options: Options<Name, Payload, Value, E, R>
) => {
  const { defaults, name, payload, result, run } = options
  if (reserved.has(name))
    throw new Error(`${name} is a kind of the worker's own: give the job's type another name`)
  const tag = Context.Service<JobTypeOf<Name>, Tool.Tool>()(`noetl-worker/jobs/${name}`)
  const encode = Schema.encodeUnknownEffect(payload, { errors: "all" })
  const decodeResult = Schema.decodeUnknownEffect(result)

  /** The job as each backend takes it, for `submitMany` and for transactions. */
  const submission = (value: Payload["Type"], more: JobOptions = {}): Effect.Effect<Submission, JobsError> =>
    encode(value).pipe(
      Effect.mapError((error) =>
        invalidJob(issuesOf(error).map((issue) => ({ ...issue, at: under("payload", issue.at) })))
      ),
      Effect.map((encoded) => ({ ...defaults, ...more, kind: name, payload: encoded as Json.Json }))
    )

  return Object.assign(tag, {
    kind: name,
    payload,
    result,
    submission,
    submit: (value: Payload["Type"], more: JobOptions = {}): Effect.Effect<Submitted, JobsError, Jobs> =>
      Effect.flatMap(submission(value, more), (job) => Effect.flatMap(Jobs, (jobs) => jobs.submit(job))),
    /** The value of a job that succeeded; none where it has not. */
    valueOf: (job: JobRecord): Effect.Effect<Option.Option<Value["Type"]>, Schema.SchemaError> =>
      job.status === "succeeded"
        ? Effect.map(decodeResult(job.result), Option.some)
        : Effect.succeed(Option.none()),
    /** The payload's JSON Schema, for producers in other languages. */
    jsonSchema: Schema.toJsonSchemaDocument(payload),
    layer: Layer.effect(
      tag,
      Effect.map(Effect.context<R>(), (context) =>
        toolOf(options, (value, job) => Effect.provideContext(run(value, job), context))
      )
    )
  })
}

/** Tells the types of jobs apart. */
export interface JobTypeOf<Name extends string> {
  readonly jobType: Name
}

const Config = Schema.Struct({ payload: Schema.String })

const toolOf = <
  Payload extends Schema.Codec<unknown, unknown>,
  Value extends Schema.Codec<unknown, unknown>,
  E
>(
  { name, payload, result }: Pick<Options<string, Payload, Value, E, unknown>, "name" | "payload" | "result">,
  run: (value: Payload["Type"], job: RunningJob) => Effect.Effect<Value["Type"], E>
): Tool.Tool => {
  const decode = Schema.decodeUnknownEffect(payload, { errors: "all" })
  const encode = Schema.encodeUnknownEffect(result, { errors: "all" })
  return Tool.make({
    kind: name,
    config: Config,
    statusIsData: true,
    run: (config, call) =>
      Effect.gen(function* () {
        const json = Json.parse(config.payload)
        if (Result.isFailure(json)) return yield* invalid(call, "payload", json.failure.message)
        const value = yield* decode(json.success).pipe(
          Effect.mapError((error) => {
            const first = issuesOf(error)
            return invalid(
              call,
              under("payload", first[0]?.at ?? ""),
              first.map(({ at, problem }) => `${under("payload", at)}: ${problem}`).join("; ")
            )
          })
        )
        const answer = yield* Effect.result(run(value, { id: call.executionId, attempt: call.attempt }))
        if (Result.isFailure(answer)) return ToolResult.failure(failureOf(answer.failure))
        const encoded = yield* encode(answer.success).pipe(
          Effect.mapError((error) => invalid(call, "result", error.message))
        )
        return ToolResult.success(Json.isJson(encoded) ? encoded : null)
      })
  })
}

const under = (at: string, path: string) => (path === "" ? at : `${at}.${path}`)

const failureOf = (error: unknown): Failure.Failure => {
  if (error instanceof ToolError) return error.failure
  const isRetryable =
    typeof error === "object" && error !== null && "isRetryable" in error && error.isRetryable === true
  const tag = typeof error === "object" && error !== null && "_tag" in error ? error._tag : undefined
  return Failure.make("tool_error", messageOf(error), {
    retryable: isRetryable,
    ...(typeof tag === "string" ? { exception: tag } : {})
  })
}
