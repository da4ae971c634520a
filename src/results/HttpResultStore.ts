/** Results on a server of the Rust generation: `PUT /api/result/{execution}` and `GET /api/result/resolve?ref=`. */
import { Duration, Effect, Layer } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { isObject } from "../domain/Json.ts"
import {
  type Content,
  decoded,
  failed,
  type Reason,
  type ResultKey,
  ResultMissing,
  ResultStore,
  ResultTooLarge,
  ResultUnreadable,
  StoreUnavailable
} from "./ResultStore.ts"

export interface Options {
  /** Base URL of the server, without `/api`. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly timeout?: Duration.Input
  /** What the server takes in one request. */
  readonly maxBytes?: number
}

export const layer = (options: Options): Layer.Layer<ResultStore, never, HttpClient.HttpClient> =>
  Layer.effect(ResultStore, make(options))

const make = Effect.fnUntraced(function* (options: Options) {
  const client = yield* HttpClient.HttpClient
  const base = options.url.replace(/\/+$/, "").replace(/\/api$/, "")
  const maxBytes = options.maxBytes ?? 64 * 1024 * 1024

  const call = (ref: string, request: HttpClientRequest.HttpClientRequest) =>
    client.execute(request.pipe(HttpClientRequest.setHeaders(options.headers ?? {}))).pipe(
      Effect.flatMap((response) => Effect.map(response.text, (text) => ({ status: response.status, text }))),
      Effect.mapError((error) => failed(ref, new StoreUnavailable({ detail: error.message }))),
      Effect.timeoutOrElse({
        duration: options.timeout ?? "30 seconds",
        orElse: () => Effect.fail(failed(ref, new StoreUnavailable({ detail: "the server does not answer" })))
      }),
      Effect.flatMap(({ status, text }) => {
        const reason = reasonOf(status, text)
        return reason === undefined ? Effect.succeed(text) : Effect.fail(failed(ref, reason))
      })
    )

  const put = Effect.fn("HttpResultStore.put")(function* (key: ResultKey, { text }: Content) {
    const name = `${key.executionId}/${key.step}`
    const bytes = Buffer.byteLength(text)
    if (bytes > maxBytes) {
      return yield* Effect.fail(
        failed(name, new ResultTooLarge({ detail: `${bytes} bytes, more than ${maxBytes}` }))
      )
    }
    // The data is text already, and is not read again to be written again.
    const step = JSON.stringify(key.step)
    const body = `{"name":${step},"source_step":${step},"scope":"execution","data":${text}}`
    const answer = yield* call(
      name,
      HttpClientRequest.put(`${base}/api/result/${encodeURIComponent(key.executionId)}`).pipe(
        HttpClientRequest.bodyText(body, "application/json")
      )
    )
    const stored = yield* decoded(name, answer, maxAnswer)
    if (!isObject(stored) || typeof stored["ref"] !== "string") {
      return yield* Effect.fail(
        failed(name, new ResultUnreadable({ detail: "the server gave no reference" }))
      )
    }
    const { ref, store, expires_at: expiresAt } = stored
    return {
      ref,
      store: typeof store === "string" ? store : "db",
      expiresAt: typeof expiresAt === "string" ? expiresAt : undefined
    }
  })

  const get = Effect.fn("HttpResultStore.get")(function* (ref: string) {
    return yield* decoded(
      ref,
      yield* call(ref, HttpClientRequest.get(`${base}/api/result/resolve?ref=${encodeURIComponent(ref)}`)),
      maxAnswer
    )
  })

  return ResultStore.of({ name: "http", put, get })
})

const maxAnswer = 256 * 1024 * 1024

const reasonOf = (status: number, text: string): Reason | undefined => {
  const detail = `HTTP ${status}: ${text.slice(0, 200)}`
  if (status >= 200 && status < 300) return undefined
  if (status === 404) return new ResultMissing({ detail })
  if (status === 413) return new ResultTooLarge({ detail })
  return status === 408 || status === 429 || status >= 500
    ? new StoreUnavailable({ detail })
    : new ResultUnreadable({ detail })
}
