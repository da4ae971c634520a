/**
 * JSON over HTTP to one or more NoETL servers: one pool, lossless integers, answers as values.
 *
 * An answer of any status is an answer; only no answer is an error, and it says whether the request may have arrived.
 */
import { Clock, Context, Effect, Exit, Layer, Result } from "effect"
import { Agent, type Dispatcher } from "undici"
import { KnownSecrets, OutputMask } from "../../domain/OutputMask.ts"
import * as Json from "../../domain/Json.ts"
import {
  ControlPlaneError,
  type ServerAway,
  type TlsFiles,
  Unreachable,
  Unreadable
} from "../ControlPlane.ts"
import { errorOf, withShown } from "./answers.ts"
import * as AdaptiveLimit from "../../async/AdaptiveLimit.ts"
import { AnswerTooLarge, exchange, type Received, type Sent } from "./exchange.ts"
import { makeAnswering, type Resolve, strangerConnector } from "./strangers.ts"
import {
  authorizationFor,
  connectorOf,
  isFor,
  originOf,
  remembered,
  type Remember,
  type Token
} from "./identity.ts"

export interface Request {
  /** What is being done, for errors and logs: `claim`, `report call.done`, … */
  readonly operation: string
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  readonly url: string
  readonly body?: unknown
  readonly idempotencyKey?: string
  /** The answer's body is not read when the status says success: then it is not parsed, and null. */
  readonly isBodyUnread?: boolean
}

export interface Answer {
  readonly status: number
  readonly body: Json.Json
  /** Milliseconds, from a Retry-After header. */
  readonly retryAfter: number | undefined
  /** Of an answer that is no success: the beginning of its body without secrets, for an error. */
  readonly shown?: string
}

export interface Settings {
  /** Sent to servers of this origin only: a message must not be able to send it elsewhere. */
  readonly token: Token | undefined
  /** For servers of this origin only as well: every other server is met without them. */
  readonly tls: { readonly origin: string; readonly files: TlsFiles } | undefined
  /** The servers that are known from the start, the configured one first; each has a limit of requests of its own. */
  readonly origins: ReadonlyArray<string>
  /** How the names of the other ones are resolved. */
  readonly resolve?: Resolve
  readonly timeoutMillis: number
  readonly connections: number
}

export type Answered = Exit.Exit<Answer, ControlPlaneError>

export class HttpJson extends Context.Service<
  HttpJson,
  {
    readonly send: (request: Request) => Effect.Effect<Answer, ControlPlaneError>
    /** As `send`, without a fiber: calls `done` once, unless the returned function cancels the request before. */
    readonly start: (request: Request, done: (answered: Answered) => void) => () => void
    /** Servers other than the configured one that gave no answer lately. */
    readonly away: Effect.Effect<ReadonlyArray<ServerAway>>
  }
>()("noetl-worker/control-plane/noetl/HttpJson") {
  static readonly layer = (given: Settings): Layer.Layer<HttpJson> =>
    Layer.effect(
      HttpJson,
      Effect.gen(function* () {
        const remember = yield* KnownSecrets
        const settings = { ...given, token: remembered(given.token, remember) }
        const agents = yield* Effect.acquireRelease(
          Effect.sync(() => agentsOf(settings, remember)),
          // A request that still runs has no caller any more.
          (agents) =>
            Effect.promise(() =>
              Promise.all([...new Set(Object.values(agents))].map((agent) => agent.destroy()))
            )
        )
        const [homeOrigin, ...strangers] = settings.origins
        const answering = makeAnswering(strangers.filter((origin) => origin !== homeOrigin))
        const agentFor = (url: string): Dispatcher => {
          if (isFor(settings.tls, url)) return agents.withTls
          const origin = originOf(url)
          return origin !== homeOrigin && strangers.includes(origin ?? "") ? agents.strangers : agents.home
        }
        const clock = yield* Clock.Clock
        const maskOf = yield* OutputMask
        const startOn = (limit: AdaptiveLimit.AdaptiveLimit) =>
          startWithin(limit, clock, (request, done) =>
            startNow(agentFor(request.url), settings, request, (answered) => {
              answering.ended(splitUrl(request.url)[0], answered, clock.currentTimeMillisUnsafe())
              done(withShown(answered, maskOf))
            })
          )
        // One server that is busy must not slow the requests to another one. Their number is bounded by the settings.
        const starts = new Map<string, HttpJson["Service"]["start"]>()
        for (const origin of new Set(settings.origins))
          starts.set(origin, startOn(yield* AdaptiveLimit.make(settings.connections)))
        const anyOther = startOn(yield* AdaptiveLimit.make(settings.connections))
        const start: HttpJson["Service"]["start"] = (request, done) =>
          (starts.get(splitUrl(request.url)[0]) ?? anyOther)(request, done)
        return HttpJson.of({ ...fromStart(start), away: Effect.sync(answering.away) })
      })
    )
}

/** Both ways of sending by the one that takes a callback. */
export const fromStart = (start: HttpJson["Service"]["start"]): HttpJson["Service"] => ({
  start,
  away: Effect.succeed([]),
  send: (request) => asEffect((done) => start(request, done))
})

/** As `send`; an answer that is no success is an error. */
export const sendOk = (
  http: HttpJson["Service"],
  request: Request
): Effect.Effect<Answer, ControlPlaneError> => asEffect((done) => startOk(http, request, done))

/** As `start`; an answer that is no success is an error. */
export const startOk = (
  http: HttpJson["Service"],
  request: Request,
  done: (answered: Answered) => void
): (() => void) =>
  http.start(request, (answered) =>
    done(
      Exit.isSuccess(answered) && answered.value.status >= 300
        ? Exit.fail(errorOf(request.operation, answered.value))
        : answered
    )
  )

/** The answer's body as an object, for reading members; an empty one when it is none. */
export const objectOf = (answer: Answer): Json.JsonObject => (Json.isObject(answer.body) ? answer.body : {})

/** Base URL of a server as it wrote it → without trailing slashes and `/api` segments. */
export const normalizedUrl = (url: string): string => {
  const parts = url.trim().split("/")
  // A host may be called api. The address comes with messages: no expression that repeats a repetition reads it.
  const kept = url.includes("://") ? 3 : 1
  while (parts.length > kept && /^(api)?$/i.test(parts.at(-1) ?? "")) parts.pop()
  return parts.join("/")
}

const loadOf = ({ retryAfter, status }: Answer): AdaptiveLimit.Load =>
  status === 429 || status === 503 ? { busy: true, retryAfter } : { busy: false }

// --- the driver's edge ---

/** Connections with our certificate, for the server that it is meant for, without it, and to other servers. */
const agentsOf = (settings: Settings, remember: Remember) => {
  const options = {
    connections: settings.connections,
    keepAliveTimeout: 30_000,
    headersTimeout: settings.timeoutMillis,
    bodyTimeout: settings.timeoutMillis
  }
  const home = new Agent(options)
  const { tls } = settings
  return {
    home,
    withTls: tls === undefined ? home : new Agent({ ...options, connect: connectorOf(tls.files, remember) }),
    strangers: new Agent({ ...options, connect: strangerConnector(10_000, settings.resolve) })
  }
}

const maxAnswerBytes = 128 * 1024 * 1024

type Start = HttpJson["Service"]["start"]

const asEffect = (
  start: (done: (answered: Answered) => void) => () => void
): Effect.Effect<Answer, ControlPlaneError> => Effect.callback((resume) => Effect.sync(start(resume)))

/** Where the limit has no place, a fiber waits for one. */
const startWithin =
  (limit: AdaptiveLimit.AdaptiveLimit, clock: Clock.Clock, start: Start): Start =>
  (request, done) => {
    if (!limit.enter(clock.currentTimeMillisUnsafe())) {
      const sent = asEffect((done) => start(request, done))
      const waiting = Effect.runFork(Effect.provideService(limit.run(sent, loadOf), Clock.Clock, clock))
      const state = { isCancelled: false }
      waiting.addObserver((exit) => {
        if (!state.isCancelled) done(exit)
      })
      return () => {
        state.isCancelled = true
        waiting.interruptUnsafe()
      }
    }
    const leave = (load: AdaptiveLimit.Load | undefined) => limit.leave(load, clock.currentTimeMillisUnsafe())
    const state = { isOver: false }
    const cancel = start(request, (answered) => {
      state.isOver = true
      leave(Exit.isSuccess(answered) ? loadOf(answered.value) : undefined)
      done(answered)
    })
    return () => {
      if (state.isOver) return
      state.isOver = true
      cancel()
      leave(undefined)
    }
  }

const startNow = (
  agent: Dispatcher,
  settings: Settings,
  request: Request,
  done: (answered: Answered) => void
): (() => void) => {
  try {
    return exchange(agent, sentOf(settings, request), maxAnswerBytes, {
      onAnswer: (received) => done(answerOf(request, received)),
      onError: (cause) => done(Exit.fail(noAnswer(request.operation, cause)))
    })
  } catch (cause) {
    // A body that cannot be written is a defect of its caller, who may be a callback and not a fiber.
    done(Exit.die(cause))
    return () => {}
  }
}

const sentOf = (settings: Settings, request: Request): Sent => {
  const [origin, path] = splitUrl(request.url)
  return {
    origin,
    path,
    method: request.method,
    headers: headersOf(settings, request),
    body: request.body === undefined ? null : Json.stringify(request.body)
  }
}

const noAnswer = (operation: string, cause: unknown) =>
  new ControlPlaneError({
    operation,
    reason:
      cause instanceof AnswerTooLarge
        ? new Unreadable({ detail: `an answer that is too large: ${cause.message}` })
        : new Unreachable({ detail: reasonOf(cause) })
  })

const needsEncoding = /[^\x21-\x7e]/

/** What the dispatcher asks for: scheme with host, and the rest. */
const splitUrl = (written: string): readonly [origin: string, path: string] => {
  // A message may name a server with letters that a request line cannot have.
  const url = needsEncoding.test(written) && URL.canParse(written) ? new URL(written).href : written
  const end = url.indexOf("/", url.indexOf("://") + 3)
  return end === -1 ? [url, "/"] : [url.slice(0, end), url.slice(end)]
}

const answerOf = (request: Request, { retryAfter, status, text }: Received): Answered => {
  const answer = (body: Json.Json) => Exit.succeed({ status, body, retryAfter: retryAfterOf(retryAfter) })
  // A page of a proxy that answers in the server's place must not pass for its consent.
  if (text === "" || (request.isBodyUnread === true && status < 300 && text.startsWith("{")))
    return answer(null)
  const parsed = Json.parse(text, { maxBytes: maxAnswerBytes, maxDepth: 500 })
  if (Result.isSuccess(parsed)) return answer(parsed.success)
  // An error page of a proxy is an answer too: its status says what it is.
  if (status >= 400) return answer(text)
  const detail = `an answer that is not JSON: ${parsed.failure.message}`
  return Exit.fail(
    new ControlPlaneError({ operation: request.operation, reason: new Unreadable({ detail }) })
  )
}

const headersOf = (settings: Settings, request: Request): Record<string, string> => ({
  accept: "application/json",
  ...(request.body === undefined ? {} : { "content-type": "application/json" }),
  ...(request.idempotencyKey === undefined ? {} : { "idempotency-key": request.idempotencyKey }),
  ...authorizationFor(settings, request.url)
})

const retryAfterOf = (header: string | undefined): number | undefined => {
  const seconds = Number(header)
  return header !== undefined && Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
}

const reasonOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const inner = cause.cause instanceof Error ? `: ${cause.cause.message}` : ""
  return `${cause.message}${inner}`
}
