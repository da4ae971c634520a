/**
 * Large results travel as references: what an event carries stays small, and a template that reads into a reference
 * gets the value.
 */
import { Context, Effect, Layer } from "effect"
import * as Failure from "../domain/Failure.ts"
import { isObject, type Json, type JsonObject, stringify } from "../domain/Json.ts"
import { ExecutionFailed, ToolError } from "../domain/ToolError.ts"
import { besideOf } from "./beside.ts"
import { memberAt, withCopies, withoutCopies } from "./copies.ts"
import { partReference, pointerOf, referenceOf } from "./reference.ts"
import { type ResultKey, ResultStore, type ResultStoreError } from "./ResultStore.ts"
import { noOutputSpec, selectedOf, type OutputSpec } from "./select.ts"

export interface Options {
  /** Bytes of JSON that go into an event. */
  readonly inlineMaxBytes: number
  readonly previewBytes: number
  /** The shape of `_ref`: an object for the Python servers, a text for all others. */
  readonly refStyle: "object" | "text"
}

export const defaults: Options = { inlineMaxBytes: 64 * 1024, previewBytes: 1024, refStyle: "object" }

/** A value for an event. With a reference the value is only what stays readable without it. */
export interface Outgoing {
  readonly value: Json
  readonly reference: JsonObject | undefined
}

export class Results extends Context.Service<
  Results,
  {
    /** The value itself, or a reference to it when it is too large to be sent. */
    readonly externalize: (
      value: Json,
      key: ResultKey,
      spec?: OutputSpec
    ) => Effect.Effect<Outgoing, ResultStoreError>
    /** The value that something stands for; itself when it stands for nothing. */
    readonly resolve: (value: Json) => Effect.Effect<Json, ResultStoreError>
  }
>()("noetl-worker/results/Results") {
  static readonly layerWith = (options: Partial<Options> = {}): Layer.Layer<Results, never, ResultStore> =>
    Layer.effect(
      Results,
      Effect.map(ResultStore, (store) => make(store, { ...defaults, ...options }))
    )

  static readonly layer = Results.layerWith()
}

/** A result that cannot be had, in the words of a tool's error. */
export const toolErrorOf = (tool: string, error: ResultStoreError): ToolError => {
  const { reason } = error
  const kind =
    reason._tag === "ResultMissing"
      ? "missing_reference"
      : reason._tag === "StoreUnavailable"
        ? "connection"
        : reason._tag === "ResultTooLarge"
          ? "storage_quota"
          : "parse"
  const failure = { ...Failure.make(kind, error.message, { retryable: reason.isRetryable }), source: tool }
  return new ToolError({ tool, reason: new ExecutionFailed({ failure }) })
}

const make = (store: ResultStore["Service"], options: Options): Results["Service"] => {
  const resolve = (value: Json): Effect.Effect<Json, ResultStoreError> => {
    const pointer = pointerOf(value)
    return pointer === undefined
      ? Effect.succeed(value)
      : Effect.map(
          store.get(pointer.ref, pointer.store),
          (stored) => memberAt(withCopies(stored), pointer.path) ?? null
        )
  }

  const externalize = Effect.fnUntraced(function* (
    value: Json,
    key: ResultKey,
    spec: OutputSpec = noOutputSpec
  ) {
    const budget = spec.inlineMaxBytes ?? (spec.store === "inline" ? maxInline : options.inlineMaxBytes)
    const wanted = spec.store !== undefined && spec.store !== "inline"
    const whole = contentOf(value)
    if (!wanted) {
      const inline = inlineOf(whole, budget)
      if (inline !== undefined) return { value: inline, reference: undefined }
    }
    // It is a reference already: what it stands for was stored when it was made.
    if (isObject(value) && value["_ref"] !== undefined && whole.bytes <= maxInline)
      return { value, reference: undefined }
    const kept = contentOf(withoutCopies(value, "worker"))
    const stored = yield* store.put(key, kept)
    const reference = referenceOf(stored, kept.text)
    const small: JsonObject = {
      ...besideOf(kept.value, (path) => partReference(stored, path)),
      ...selectedOf(value, spec),
      _ref: options.refStyle === "object" ? reference : stored.ref,
      _store: stored.store,
      _size_bytes: kept.bytes,
      _preview: kept.text.slice(0, options.previewBytes)
    }
    return { value: small, reference }
  })

  return Results.of({ resolve, externalize })
}

interface Measured {
  readonly value: Json
  readonly text: string
  readonly bytes: number
}

const contentOf = (value: Json): Measured => {
  const text = stringify(value)
  return { value, text, bytes: Buffer.byteLength(text) }
}

/** The value as it fits into an event: with its copies while they are small, without them, with every value once. */
const inlineOf = (whole: Measured, budget: number): Json | undefined => {
  if (whole.bytes <= Math.min(budget, maxWithCopies)) return whole.value
  for (const which of ["worker", "all"] as const) {
    const lean = withoutCopies(whole.value, which)
    if ((lean === whole.value ? whole : contentOf(lean)).bytes <= budget) return lean
  }
  return undefined
}

/** Copies for playbooks of other workers travel in results of no more bytes, so that events are no larger than theirs. */
const maxWithCopies = 4 * 1024

/** A batch of events may be 2 MiB. */
const maxInline = 1024 * 1024
