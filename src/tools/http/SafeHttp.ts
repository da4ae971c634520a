/**
 * HTTP requests that go only where they may, answer no more than they should and end when they are interrupted.
 * Every tool that fetches a URL a playbook names uses this one.
 */
import { Cause, Clock, Context, Duration, Effect, Layer, RcMap, type Scope, Stream } from "effect"
import * as Failure from "../../domain/Failure.ts"
import { shortened } from "../../domain/OutputMask.ts"
import { endAfter, ExecutionFailed, InvalidConfig, ToolError, Unavailable } from "../../domain/ToolError.ts"
import { guarded, verdictOfStatus } from "../breaker/Breakers.ts"
import * as Agents from "./agents.ts"
import { Egress, hostOf, portOf, Refused } from "./Egress.ts"
import { proxyOf } from "./proxy.ts"
import { retryAfterOf } from "./retryAfter.ts"
import { type Hop, nextHop, problemOf } from "./redirect.ts"
import { SafeHttpOptions, type SafeHttpSettings } from "./SafeHttpOptions.ts"
import * as Wire from "./wire.ts"

export interface Tls {
  /** `false` takes any certificate. */
  readonly verify?: boolean | undefined
  /** PEM text, trusted beside the usual ones. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

export interface Request {
  /** The kind of the tool, for errors. */
  readonly tool: string
  readonly method?: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string | undefined
  /** Headers beside `authorization` and `cookie` that a redirect to another origin must not carry. */
  readonly secretHeaders?: ReadonlyArray<string>
  /** Whether a redirect to another origin that asks for the body again is refused. */
  readonly secretBody?: boolean
  readonly tls?: Tls
  readonly timeouts?: {
    readonly connect?: Duration.Duration | undefined
    /** Between two pieces of the answer. */
    readonly read?: Duration.Duration | undefined
    readonly total?: Duration.Duration | undefined
  }
  /** How many redirects are followed; 10 unless said otherwise. */
  readonly maxRedirects?: number
  readonly maxResponseBytes?: number | undefined
}

interface Head {
  readonly status: number
  readonly statusText: string
  /** Lower-case names; a header that came more than once is one value with commas, cookies are a list. */
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string>>>
  /** Where the answer came from, redirects followed, without credentials. */
  readonly url: string
  readonly elapsedMs: number
}

export interface Response extends Head {
  readonly body: Uint8Array
}

export interface Opened extends Head {
  readonly body: Stream.Stream<Uint8Array, ToolError>
}

export class SafeHttp extends Context.Service<
  SafeHttp,
  {
    /** The whole answer, whatever its status. */
    readonly request: (request: Request) => Effect.Effect<Response, ToolError>
    /** The answer while it comes; it ends with the scope. `timeouts.total` counts to the first byte. */
    readonly open: (request: Request) => Effect.Effect<Opened, ToolError, Scope.Scope>
  }
>()("noetl-worker/tools/http/SafeHttp") {
  static readonly layerNoDeps = Layer.effect(
    SafeHttp,
    Effect.gen(function* () {
      const settings = yield* SafeHttpOptions
      const egress = yield* Egress
      const undici = yield* Effect.promise(() => import("undici"))
      const agents = yield* Agents.make(undici, egress, settings)
      const open = (request: Request) => openWith({ settings, egress, undici, agents }, request)
      return SafeHttp.of({
        request: (request) => {
          const total = request.timeouts?.total ?? settings.timeout
          return Effect.scoped(
            Effect.flatMap(open({ ...request, timeouts: { ...request.timeouts, total } }), (opened) =>
              collect(opened)
            )
          ).pipe(endAfter(request.tool, Duration.toSeconds(total)))
        },
        open: (request) =>
          endAfter(
            request.tool,
            Duration.toSeconds(request.timeouts?.total ?? settings.timeout)
          )(open(request))
      })
    })
  )
  static readonly layer = this.layerNoDeps.pipe(Layer.provide(Egress.layer))
}

interface Client {
  readonly settings: SafeHttpSettings
  readonly egress: Egress["Service"]
  readonly undici: Agents.Undici
  readonly agents: RcMap.RcMap<Agents.PoolKey, Wire.Dispatcher, Cause.ExceededCapacityError>
}

const openWith = Effect.fnUntraced(function* (client: Client, request: Request) {
  const started = yield* Clock.currentTimeMillis
  // Closing the scope aborts whatever is still under way: the connection, the request, the answer.
  const signal = yield* Effect.abortSignal
  const maxRedirects = request.maxRedirects ?? 10
  let hop = yield* firstHop(client, request)
  for (let redirects = 0; ; redirects++) {
    const answer = yield* send(client, request, hop, signal)
    const next =
      maxRedirects === 0
        ? undefined
        : nextHop(hop, answer.statusCode, Wire.locationOf(answer), request.secretHeaders ?? [])
    if (next === undefined) {
      return {
        status: answer.statusCode,
        statusText: answer.statusText,
        headers: Wire.headersOf(answer),
        url: shown(hop.url),
        elapsedMs: (yield* Clock.currentTimeMillis) - started,
        body: bodyOf(client, request, hop, answer)
      } satisfies Opened
    }
    if (redirects >= maxRedirects) {
      return yield* failed(
        request.tool,
        "client_error",
        "TOO_MANY_REDIRECTS",
        `more than ${maxRedirects} redirects`
      )
    }
    const problem = problemOf(hop, next, request.secretBody === true)
    if (problem !== undefined) return yield* failed(request.tool, "config", "EGRESS_REFUSED", problem)
    yield* Effect.promise(() => Wire.discard(answer))
    hop = next
  }
})

const firstHop = (client: Client, request: Request): Effect.Effect<Hop, ToolError> =>
  Effect.suspend(() => {
    if (!URL.canParse(request.url)) {
      return Effect.flatMap(shortened(request.url, 200), (text) => {
        const problem = `not an absolute URL: ${text}`
        return Effect.fail(
          new ToolError({
            tool: request.tool,
            reason: new InvalidConfig({ issues: [{ at: "url", problem }] })
          })
        )
      })
    }
    const url = new URL(request.url)
    const given = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])
    const headers = {
      "user-agent": client.settings.userAgent,
      accept: "*/*",
      "accept-encoding": "gzip, deflate, br",
      // A name and a password in the URL travel as a header, so that no log and no result shows them.
      ...(url.username === "" && url.password === "" ? {} : { authorization: Wire.basicOf(url) }),
      ...Object.fromEntries(given)
    }
    url.username = ""
    url.password = ""
    url.hash = ""
    return Effect.succeed({
      method: (request.method ?? "GET").toUpperCase(),
      url,
      headers,
      body: request.body
    })
  })

const send = Effect.fnUntraced(function* (client: Client, request: Request, hop: Hop, signal: AbortSignal) {
  const { egress, settings } = client
  const refused = egress.checkUrl(hop.url)
  if (refused !== undefined) return yield* failed(request.tool, "config", refused.code, refused.message)
  const proxy = proxyOf(settings.proxy, hop.url)
  if (proxy !== undefined) yield* checkBehindProxy(egress, request.tool, hop.url)
  const dispatcher = yield* RcMap.get(client.agents, {
    verify: request.tls?.verify ?? true,
    ca: request.tls?.ca,
    cert: request.tls?.cert,
    key: request.tls?.key,
    proxy,
    connectTimeoutMs: Duration.toMillis(request.timeouts?.connect ?? settings.connectTimeout)
  }).pipe(
    Effect.catchIf(Cause.isExceededCapacityError, () =>
      Effect.fail(
        unavailable(
          request.tool,
          Failure.make("connection", "too many different TLS settings at a time", { code: "POOLS_EXHAUSTED" })
        )
      )
    )
  )
  const readMs = Duration.toMillis(request.timeouts?.read ?? request.timeouts?.total ?? settings.timeout)
  return yield* Effect.tryPromise({
    try: () => Wire.send(client.undici, dispatcher, hop, signal, readMs),
    catch: (cause) => transportError(request.tool, hop.url, cause)
  }).pipe(guarded({ tool: request.tool, name: hop.url.origin }, verdictOf))
})

const verdictOf = ({ headers, statusCode }: Wire.Answer) =>
  verdictOfStatus(statusCode, retryAfterOf(headers["retry-after"], headers["date"]))

/** A proxy resolves the name itself. What can be known here is checked here; what cannot is the proxy's to refuse. */
const checkBehindProxy = (
  egress: Egress["Service"],
  tool: string,
  url: URL
): Effect.Effect<void, ToolError> =>
  Effect.callback((resume) => {
    egress.lookup(portOf(url))(hostOf(url), { all: true }, (error) =>
      resume(error instanceof Refused ? failed(tool, "config", error.code, error.message) : Effect.void)
    )
  })

const bodyOf = (
  client: Client,
  request: Request,
  hop: Hop,
  answer: Wire.Answer
): Stream.Stream<Uint8Array, ToolError> => {
  const max = request.maxResponseBytes ?? client.settings.maxResponseBytes
  return Stream.fromAsyncIterable(Wire.bytesOf(answer, hop.method, max), (cause) =>
    cause instanceof Wire.TooLarge
      ? new ToolError({
          tool: request.tool,
          reason: new ExecutionFailed({
            failure: Failure.make("storage_quota", `the response is larger than ${max} bytes`, {
              code: "RESPONSE_TOO_LARGE",
              source: request.tool
            })
          })
        })
      : transportError(request.tool, hop.url, cause)
  )
}

const collect = (opened: Opened): Effect.Effect<Response, ToolError> =>
  Effect.map(Stream.runCollect(opened.body), (chunks) => ({ ...opened, body: Buffer.concat([...chunks]) }))

// --- errors ---

const transportError = (tool: string, url: URL, cause: unknown): ToolError => {
  const { code, message } = Wire.causeOf(cause)
  const text = `HTTP error: ${url.origin}${url.pathname}: ${message}`
  if (code === "EGRESS_REFUSED") return refusedError(tool, "config", code, message)
  const failure = Failure.ofSocketCode(code, text, tool)
  // A certificate does not get better by trying again.
  return ToolError.ofFailure(tool, Wire.isCertificateError(code) ? { ...failure, retryable: false } : failure)
}

const unavailable = (tool: string, failure: Failure.Failure): ToolError =>
  new ToolError({ tool, reason: new Unavailable({ detail: failure.message, failure }) })

const refusedError = (tool: string, kind: Failure.FailureKind, code: string, message: string): ToolError =>
  new ToolError({
    tool,
    reason: new ExecutionFailed({
      failure: Failure.make(kind, `HTTP error: ${message}`, { code, source: tool })
    })
  })

const failed = (tool: string, kind: Failure.FailureKind, code: string, message: string) =>
  Effect.fail(refusedError(tool, kind, code, message))

const shown = (url: URL): string => {
  const copy = new URL(url)
  copy.username = ""
  copy.password = ""
  return copy.href
}
