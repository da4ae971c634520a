/** How the Python servers answer a claim, all generations of them. */
import { Duration, Schema } from "effect"
import { AlreadyDone, type Claim, Claimed, HeldElsewhere, Rejected, RetryLater } from "../../domain/Claim.ts"
import type { EventId } from "../../domain/Ids.ts"
import { isObject, type Json, type JsonObject, numberOf, stringify } from "../../domain/Json.ts"
import type { Command } from "../../domain/Command.ts"
import type { Notification } from "../../domain/Notification.ts"
import { type Answer, objectOf, type Request } from "./HttpJson.ts"
import { errorOf } from "./answers.ts"

/** An answer's body was made by our own parser: its values need no second walk. */
const ParsedValue = Schema.declare((_value): _value is Json => true, { expected: "a JSON value" })
const ParsedObject = Schema.declare((value): value is JsonObject => isObject(value), {
  expected: "a JSON object"
})

const Granted = Schema.Struct({
  node_name: Schema.NonEmptyString,
  action: Schema.NonEmptyString,
  context: Schema.Union([
    // From 2.10.21 on a large context is kept elsewhere as a whole, and this says where.
    Schema.Struct({
      kind: Schema.Literals(["result_ref", "temp_ref"]),
      ref: Schema.String,
      store: ParsedValue
    }),
    Schema.Struct({
      tool_config: ParsedValue,
      args: Schema.optionalKey(Schema.NullOr(ParsedObject)),
      input: Schema.optionalKey(Schema.NullOr(ParsedObject)),
      render_context: Schema.optionalKey(Schema.NullOr(ParsedObject))
    })
  ]),
  meta: Schema.optionalKey(Schema.NullOr(ParsedObject))
})
const decodeGranted = Schema.decodeUnknownOption(Granted, { onExcessProperty: "ignore" })

export const claimRequest = (base: string, eventId: EventId, workerName: string): Request => ({
  operation: "claim",
  method: "POST",
  url: `${base}/api/commands/${eventId}/claim`,
  body: { worker_id: workerName }
})

/**
 * Only servers that publish again when an owner dies answer claims from a cache. A granted claim is not searched: it carries
 * the whole context.
 */
export const republishesOrphans = (answer: Answer): boolean =>
  answer.status === 409 && stringify(answer.body).includes("cache_fast_path")

/** The answer to a claim, as every Python generation gives it. */
export const claimOf = (answer: Answer, notification: Notification, attempt: number): Claim => {
  if (answer.status === 200 || answer.status === 201) return granted(answer, notification, attempt)
  const after = answer.retryAfter === undefined ? undefined : Duration.millis(answer.retryAfter)
  if (answer.status === 409) return conflict(answer, after)
  if (answer.status === 429 || answer.status === 408 || answer.status === 425 || answer.status >= 500) {
    const away = answer.status !== 500
    return RetryLater({ after, reason: errorOf("claim", answer).reason.detail, away })
  }
  return Rejected({ reason: errorOf("claim", answer).reason.detail })
}

const granted = (answer: Answer, notification: Notification, attempt: number): Claim => {
  const decoded = decodeGranted(answer.body)
  if (decoded._tag === "None") {
    return RetryLater({ after: undefined, reason: "the claim was granted with an answer that does not read" })
  }
  const { action, context, meta, node_name } = decoded.value
  const counted = numberOf(meta?.["attempt"])
  return Claimed({
    command: {
      executionId: notification.executionId,
      eventId: notification.eventId,
      commandId: notification.commandId,
      step: node_name,
      kind: action,
      ...partsOf(context),
      meta: meta ?? {},
      attempt: counted === undefined ? attempt : Math.max(attempt, counted),
      serverUrl: notification.serverUrl,
      traceparent: notification.traceparent
    }
  })
}

/** A reference stands for all three parts; the pipeline fetches them. */
const partsOf = (context: (typeof Granted.Type)["context"]): Pick<Command, "config" | "input" | "context"> =>
  "ref" in context
    ? { config: null, input: {}, context }
    : {
        config: context.tool_config,
        input: context.input ?? context.args ?? {},
        context: context.render_context ?? {}
      }

/** Only `already_terminal` and `execution_cancelled` are an end; after every other answer another worker may have it. */
const conflict = (answer: Answer, after: Duration.Duration | undefined): Claim => {
  const { detail } = objectOf(answer)
  const { code, worker_id } = isObject(detail) ? detail : {}
  if (code === "already_terminal" || code === "execution_cancelled") return AlreadyDone({ reason: code })
  return HeldElsewhere({ owner: typeof worker_id === "string" ? worker_id : undefined, retryAfter: after })
}
