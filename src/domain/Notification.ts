/** What a message says: a command is waiting. The command itself is fetched with the claim. */
import { Result, Schema, SchemaIssue } from "effect"
import { CommandId, EventId, ExecutionId } from "./Ids.ts"
import * as Json from "./Json.ts"

/** A notification is five short fields; anything larger is not one. */
const limits: Json.Limits = { maxBytes: 256 * 1024, maxDepth: 16 }

const Wire = Schema.Struct({
  execution_id: ExecutionId,
  event_id: EventId,
  command_id: CommandId,
  step: Schema.String.check(Schema.isNonEmpty(), Schema.isMaxLength(1024)),
  server_url: Schema.optionalKey(Schema.NullOr(Schema.String.check(Schema.isMaxLength(2048)))),
  execution_pool: Schema.optionalKey(Schema.NullOr(Schema.String.check(Schema.isMaxLength(256)))),
  trace: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        traceparent: Schema.optionalKey(Schema.NullOr(Schema.String.check(Schema.isMaxLength(256)))),
        tracestate: Schema.optionalKey(Schema.NullOr(Schema.String.check(Schema.isMaxLength(2048))))
      })
    )
  )
})

export interface Notification {
  readonly executionId: ExecutionId
  readonly eventId: EventId
  readonly commandId: CommandId
  readonly step: string
  /** Base URL of the server that published it, as it wrote it. */
  readonly serverUrl: string | undefined
  readonly pool: string | undefined
  readonly traceparent: string | undefined
}

/** Why a message is not a notification, with every place that is wrong. */
export class Undecodable extends Schema.TaggedError<Undecodable>()("Undecodable", {
  issues: Schema.Array(Schema.Struct({ at: Schema.String, problem: Schema.String }))
}) {
  override get message(): string {
    return this.issues.map(({ at, problem }) => (at === "" ? problem : `${at}: ${problem}`)).join("; ")
  }
}

/** Message body → notification. */
export const decode = (body: string): Result.Result<Notification, Undecodable> => {
  const json = Json.parse(body, limits)
  if (Result.isFailure(json)) return Result.fail(undecodable("", json.failure.message))
  const wire = decodeWire(json.success)
  return Result.isFailure(wire) ? Result.fail(located(wire.failure)) : Result.succeed(fromWire(wire.success))
}

const decodeWire = Schema.decodeUnknownResult(Wire, { errors: "all" })
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const undecodable = (at: string, problem: string) => new Undecodable({ issues: [{ at, problem }] })

const located = (error: Schema.SchemaError) =>
  new Undecodable({
    issues: issuesOf(error.issue).issues.map((issue) => ({
      at: (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join("."),
      problem: issue.message
    }))
  })

const fromWire = (wire: typeof Wire.Type): Notification => ({
  executionId: wire.execution_id,
  eventId: wire.event_id,
  commandId: wire.command_id,
  step: wire.step,
  serverUrl: wire.server_url ?? undefined,
  pool: wire.execution_pool ?? undefined,
  traceparent: wire.trace?.traceparent ?? undefined
})
