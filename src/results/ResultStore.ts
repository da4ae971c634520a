/** Where results go that are too large for an event, and how they are got back. */
import { Context, Effect, Result, Schema } from "effect"
import { type Json, parse } from "../domain/Json.ts"

/** Where a stored value is. `ref` is what others ask for it by. */
export interface Stored {
  readonly ref: string
  /** `kv`, `object`, `db`, `memory`, `disk`: what the other side calls the place. */
  readonly store: string
  /** RFC 3339; undefined where it stays. */
  readonly expiresAt: string | undefined
}

export interface ResultKey {
  readonly executionId: string
  readonly step: string
}

/** The value and its JSON text. */
export interface Content {
  readonly value: Json
  readonly text: string
}

export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  detail: Schema.String
}) {
  readonly isRetryable = true
}

/** Nothing is kept under the reference: it expired, or was never there. */
export class ResultMissing extends Schema.TaggedError<ResultMissing>()("ResultMissing", {
  detail: Schema.String
}) {
  readonly isRetryable = true
}

export class ResultTooLarge extends Schema.TaggedError<ResultTooLarge>()("ResultTooLarge", {
  detail: Schema.String
}) {
  readonly isRetryable = false
}

export class ResultUnreadable extends Schema.TaggedError<ResultUnreadable>()("ResultUnreadable", {
  detail: Schema.String
}) {
  readonly isRetryable = false
}

export type Reason = StoreUnavailable | ResultMissing | ResultTooLarge | ResultUnreadable

export class ResultStoreError extends Schema.TaggedError<ResultStoreError>()("ResultStoreError", {
  ref: Schema.String,
  reason: Schema.Union([StoreUnavailable, ResultMissing, ResultTooLarge, ResultUnreadable])
}) {
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `result ${this.ref}: ${this.reason.detail}`
  }
}

export class ResultStore extends Context.Service<
  ResultStore,
  {
    /** `memory`, `nats`, `http`. */
    readonly name: string
    readonly put: (key: ResultKey, content: Content) => Effect.Effect<Stored, ResultStoreError>
    readonly get: (ref: string, store: string | undefined) => Effect.Effect<Json, ResultStoreError>
  }
>()("noetl-worker/results/ResultStore") {}

export const failed = (ref: string, reason: Reason): ResultStoreError => new ResultStoreError({ ref, reason })

/** The value of a text that was stored under `ref`. */
export const decoded = (
  ref: string,
  text: string,
  maxBytes: number
): Effect.Effect<Json, ResultStoreError> => {
  const value = parse(text, { maxBytes, maxDepth: 256 })
  return Result.isSuccess(value)
    ? Effect.succeed(value.success)
    : Effect.fail(failed(ref, new ResultUnreadable({ detail: value.failure.message })))
}
