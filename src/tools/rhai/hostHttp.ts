/** `http_get(url)` and its kin. The answer is a value with properties that also passes for its own text. */
import { Effect } from "effect"
import { parseJsonParts, toJson } from "./Json.ts"
import { HostRequest, type Natives } from "./machine/Natives.ts"
import { Custom, type Value } from "./language/Value.ts"
import { toText } from "./language/Format.ts"

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** Fails with the words for a request that got no answer. */
export type HttpFunction = (request: HttpRequest) => Effect.Effect<HttpAnswer, string>

/** The value of a body that is JSON, and else its text. A long one is read while others have their turn. */
const bodyValue = Effect.fnUntraced(function* (text: string) {
  const parts = parseJsonParts(text)
  const step = Effect.try(() => parts.next())
  for (;;) {
    const next = yield* Effect.result(step)
    if (next._tag === "Failure") return text
    if (next.success.done === true) return next.success.value
    yield* Effect.yieldNow
  }
})

const answered = Effect.fnUntraced(function* ({ body, status }: HttpAnswer) {
  const properties = new Map<string, Value>([
    ["status", status],
    ["status_str", String(status)],
    ["ok", status >= 200 && status < 300],
    ["body", yield* bodyValue(body)],
    ["body_raw", body]
  ])
  return new Custom("response", properties, body, false)
})

const unanswered = (error: string, absent: boolean): Value => {
  const properties = new Map<string, Value>([
    ["status", 0],
    ["status_str", "0"],
    ["ok", false],
    ["body", ""],
    ["body_raw", ""],
    ["error", error]
  ])
  return new Custom("response", properties, "", absent)
}

export const http = (natives: Natives, request: HttpFunction, absentOnFailure: boolean): void => {
  const send = (method: HttpRequest["method"], url: Value, body: Value, token: Value): HostRequest => {
    const text =
      body === undefined ? "" : typeof body === "object" && !isText(body) ? toJson(body) : toText(body)
    const headers = {
      ...(text === "" ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${toText(token)}` })
    }
    const sent = request({ method, url: url as string, headers, body: text === "" ? undefined : text })
    return new HostRequest(
      Effect.matchEffect(sent, {
        onSuccess: answered,
        onFailure: (error) => Effect.succeed(unanswered(error, absentOnFailure))
      })
    )
  }
  for (const method of ["GET", "DELETE"] as const) {
    const name = `http_${method.toLowerCase()}`
    natives
      .host(`${name}(string)`, ([url]) => send(method, url, undefined, undefined))
      .host(`${name}_auth(string, string)`, ([url, token]) => send(method, url, undefined, token))
  }
  for (const method of ["POST", "PUT", "PATCH"] as const) {
    const name = `http_${method.toLowerCase()}`
    natives
      .host(`${name}(string, any)`, ([url, body]) => send(method, url, body, undefined))
      .host(`${name}_auth(string, any, string)`, ([url, body, token]) => send(method, url, body, token))
  }
}

const isText = (value: Value): boolean => value instanceof Custom && value.text !== undefined
