/** Makes one HTTP request. An answer that is not 2xx is a result with status error; no answer at all is a ToolError. */
import { Duration, Effect, Schema } from "effect"
import * as Failure from "../domain/Failure.ts"
import { type JsonObject, JsonValue } from "../domain/Json.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import * as Coerced from "./Coerced.ts"
import { authenticationOf } from "./http/authentication.ts"
import { bodyOf, BodyProblem, withQuery } from "./http/body.ts"
import { valueOf } from "./http/content.ts"
import { pemOf } from "./http/pem.ts"
import { retryAfterOf } from "./http/retryAfter.ts"
import { type Response, SafeHttp } from "./http/SafeHttp.ts"
import { SafeHttpOptions, type SafeHttpSettings } from "./http/SafeHttpOptions.ts"
import { view } from "./http/view.ts"
import * as Tool from "./Tool.ts"
import { invalid, CredentialMissing, ToolError } from "../domain/ToolError.ts"

const Timeouts = Schema.Struct({
  connect: Coerced.optional(Coerced.Seconds),
  read: Coerced.optional(Coerced.Seconds),
  total: Coerced.optional(Coerced.Seconds)
})

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]

const Config = Schema.Struct({
  url: Coerced.optional(Coerced.Text),
  endpoint: Coerced.optional(Coerced.Text),
  uri: Coerced.optional(Coerced.Text),
  method: Coerced.optional(Coerced.Text),
  headers: Coerced.optional(Coerced.TextMap),
  params: Coerced.optional(Coerced.JsonMap),
  json: Schema.optionalKey(JsonValue),
  payload: Schema.optionalKey(JsonValue),
  body: Schema.optionalKey(JsonValue),
  data: Schema.optionalKey(JsonValue),
  form: Schema.optionalKey(JsonValue),
  multipart: Schema.optionalKey(JsonValue),
  files: Schema.optionalKey(JsonValue),
  timeout: Coerced.optional(Schema.Union([Coerced.Seconds, Timeouts])),
  timeout_seconds: Coerced.optional(Coerced.Seconds),
  follow_redirects: Coerced.optional(Coerced.Boolean),
  max_redirects: Coerced.optional(Coerced.Integer),
  verify_ssl: Coerced.optional(Coerced.Boolean),
  verify: Coerced.optional(Coerced.Boolean),
  ca_cert: Coerced.optional(Schema.String),
  client_cert: Coerced.optional(Schema.String),
  client_key: Coerced.optional(Schema.String),
  response_type: Coerced.optional(Schema.Literals(["auto", "json", "text", "binary"])),
  max_response_bytes: Coerced.optional(Coerced.Bytes),
  auth: Schema.optionalKey(JsonValue)
})
type Config = typeof Config.Type

const uses = Effect.all({ http: SafeHttp, settings: SafeHttpOptions })

export class HttpTool extends Tool.Service<HttpTool>()("noetl-worker/tools/HttpTool", {
  kind: "http",
  credentials: { googleTokens: true },
  view,
  config: Config,
  uses,
  run: (made, config, call) => run(made, config, call),
  deps: SafeHttp.layer
}) {}

const run = Effect.fnUntraced(function* (
  { http, settings }: Effect.Success<typeof uses>,
  config: Config,
  call: Tool.ToolCall
) {
  const url = config.url ?? config.endpoint ?? config.uri ?? ""
  if (url === "") return yield* invalid(call, "url", "Missing: one of url, endpoint, uri")
  const method = (config.method ?? "GET").trim().toUpperCase()
  if (!methods.includes(method))
    return yield* invalid(call, "method", `Expected one of ${methods.join(", ")}`)
  const own = yield* ownHeaders(config, call)
  const body = bodyOf(config, method, own["content-type"])
  if (body instanceof BodyProblem) return yield* invalid(call, body.at, body.problem)
  const authentication = yield* authenticate(config, call)
  const tls = yield* tlsOf(settings, config, call)
  const response = yield* http.request({
    tool: call.kind,
    method,
    url: withQuery(url.trim(), { ...body.params, ...config.params }),
    headers: {
      ...(body.contentType === undefined || isWritten(own["content-type"])
        ? {}
        : { "content-type": body.contentType }),
      ...(call.traceparent === undefined ? {} : { traceparent: call.traceparent }),
      ...authentication.headers,
      ...own,
      // Its boundary is in our header, not in the author's.
      ...(body.contentType?.startsWith("multipart/") === true ? { "content-type": body.contentType } : {})
    },
    body: body.bytes,
    secretHeaders: Object.keys(authentication.headers),
    tls,
    timeouts: timeoutsOf(config),
    maxRedirects: config.follow_redirects === false ? 0 : (config.max_redirects ?? 10),
    maxResponseBytes: config.max_response_bytes ?? undefined
  })
  return resultOf(response, config.response_type ?? "auto", call.kind)
})

// --- the request ---

const ownHeaders = Effect.fnUntraced(function* (config: Config, call: Tool.ToolCall) {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(config.headers ?? {})) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
      return yield* invalid(call, "headers", `not a header name: ${name}`)
    // A line break would let a value write headers of its own. Undici refuses it too, but does not name the header.
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value.trim())) {
      return yield* invalid(call, `headers.${name}`, "contains a character that a header cannot have")
    }
    if (!hopByHop.has(name.toLowerCase())) headers[name.toLowerCase()] = value.trim()
  }
  return headers
})

/** They belong to the connection, which is not the author's. */
const hopByHop = new Set([
  "content-length",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "expect"
])

const isWritten = (header: string | undefined): boolean => header !== undefined && header !== ""

const authenticate = Effect.fnUntraced(function* (config: Config, call: Tool.ToolCall) {
  const authentication = authenticationOf(config.auth, call.auth)
  for (const type of authentication.unused) {
    yield* Effect.logWarning(`http makes no header of credentials of type ${type}`)
  }
  if (authentication.problem !== undefined) {
    const reason = new CredentialMissing({ ...authentication.problem, retryable: false })
    return yield* new ToolError({ tool: call.kind, reason })
  }
  return authentication
})

const tlsOf = Effect.fnUntraced(function* (settings: SafeHttpSettings, config: Config, call: Tool.ToolCall) {
  const read = (at: "ca_cert" | "client_cert" | "client_key") =>
    Effect.mapError(pemOf(config[at] ?? undefined, settings.filesRoot), (problem) =>
      invalid(call, at, problem)
    )
  return {
    verify: config.verify_ssl ?? config.verify ?? true,
    ca: yield* read("ca_cert"),
    cert: yield* read("client_cert"),
    key: yield* read("client_key")
  }
})

const timeoutsOf = ({ timeout, timeout_seconds }: Config) => {
  const given = timeout ?? timeout_seconds ?? undefined
  const { connect, read, total } =
    typeof given === "object" ? given : { connect: undefined, read: undefined, total: given }
  return { connect: durationOf(connect), read: durationOf(read), total: durationOf(total) }
}

const durationOf = (seconds: number | null | undefined): Duration.Duration | undefined =>
  seconds === null || seconds === undefined || seconds === 0 ? undefined : Duration.seconds(seconds)

// --- the result ---

const resultOf = (response: Response, type: "auto" | "json" | "text" | "binary", source: string) => {
  const { status, statusText, headers, url, elapsedMs } = response
  const contentType = headers["content-type"]
  const value = valueOf(response.body, typeof contentType === "string" ? contentType : undefined, type)
  const data: JsonObject = {
    status_code: status,
    status_text: statusText,
    headers,
    url,
    elapsed_ms: elapsedMs,
    // Playbooks read either place. Both hold the same object, so that it is serialized once.
    data: value,
    body: value
  }
  const retryAfter = retryAfterOf(headers["retry-after"], headers["date"])
  return status >= 200 && status < 300
    ? ToolResult.success(data, { durationMs: elapsedMs })
    : ToolResult.failure(Failure.ofHttpStatus(status, source, retryAfter), { data, durationMs: elapsedMs })
}
