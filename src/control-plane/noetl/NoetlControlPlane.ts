/** The NoETL server over HTTP: one client for all generations, which differ in their `Dialect`. */
import { Duration, Effect, Exit, Layer, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { hostname } from "node:os"
import { BoundedMap } from "../../async/BoundedMap.ts"
import type { Claim } from "../../domain/Claim.ts"
import type { Command } from "../../domain/Command.ts"
import type { EventId } from "../../domain/Ids.ts"
import * as Json from "../../domain/Json.ts"
import { shownUrl } from "../../domain/shownUrl.ts"
import { decode, type Notification } from "../../domain/Notification.ts"
import { ControlPlane, ControlPlaneError, Owner, type TlsFiles, Unsupported } from "../ControlPlane.ts"
import type { Dialect, Endpoint, WorkerIdentity } from "./Dialect.ts"
import { dialectOf, type Protocol } from "./dialects.ts"
import { generationAt, generationNames } from "./generation.ts"
import { type Answer, HttpJson, normalizedUrl, type Request, sendOk } from "./HttpJson.ts"
import { isEmpty, tokenReader, authorizationFor, originOf, type Token } from "./identity.ts"

export interface Settings {
  /** The generation of the server. */
  readonly protocol: Protocol
  /** Where to register, and where to report when a message names no server or is not believed. */
  readonly serverUrl: string
  /** Servers that messages may name besides `serverUrl`, by their URLs. Commands of all others are asked for at `serverUrl`. */
  readonly allowedServers: ReadonlyArray<string>
  readonly workerId: string
  /** A generated worker id is an incarnation already. */
  readonly workerIdIsGenerated: boolean
  readonly pool: string
  readonly capacity: number
  readonly token: Redacted.Redacted | undefined
  /** File with the token; it wins over `token` and is read again for every request. */
  readonly tokenFile?: string | undefined
  /** For `serverUrl` only. */
  readonly tls?: TlsFiles | undefined
  readonly timeout: Duration.Duration
}

export const layer = (settings: Settings): Layer.Layer<ControlPlane> =>
  Layer.effect(ControlPlane, make(settings)).pipe(
    Layer.provide(
      HttpJson.layer({
        token: tokenOf(settings),
        tls: tlsOf(settings),
        origins: [settings.serverUrl, ...settings.allowedServers].flatMap((url) => originOf(url) ?? []),
        timeoutMillis: Duration.toMillis(settings.timeout),
        connections: Math.max(16, settings.capacity * 2)
      })
    )
  )

const make = Effect.fnUntraced(function* (settings: Settings) {
  const http = yield* HttpJson
  const dialect = dialectOf(settings.protocol)
  const home: Endpoint = { http, base: normalizedUrl(settings.serverUrl) }
  const worker = identityOf(settings)
  const seen = { republishes: false }
  const baseOf = baseReader(settings.allowedServers, home.base)
  const serverOf = (where: Where): Endpoint => ({ http, base: baseOf(where) })
  const children = new BoundedMap<string, true>({ maxEntries: 10_000 })
  const registration = dialect.registration(home.base, worker)
  const register = sendOk(http, registration)

  const claimRequest = (where: Where & { readonly eventId: EventId }) =>
    dialect.claimRequest(baseOf(where), where.eventId, worker.name)
  const readClaim = (answer: Answer, notification: Notification, attempt: number) => {
    if (!seen.republishes) seen.republishes = dialect.republishesOrphans(answer)
    return dialect.claimOf(answer, notification, attempt)
  }

  return ControlPlane.of({
    name: "noetl",
    address: shownUrl(home.base),
    workerName: worker.name,
    republishesOrphans: Effect.sync(() => seen.republishes),
    register: Effect.suspend(() => (settings.protocol === "auto" ? refuseOthers(home) : Effect.void)).pipe(
      Effect.andThen(register),
      Effect.andThen(deregisterPreviousIncarnations(dialect, home, settings, worker))
    ),
    deregister: Effect.asVoid(sendOk(http, dialect.deregistration(home.base, worker.name))),
    heartbeat: Effect.asVoid(register),
    notificationOf: (body) => Effect.fromResult(decode(body)),
    heartbeatRequest: {
      url: registration.url,
      headers: {
        "content-type": "application/json",
        ...(settings.tokenFile === undefined ? authorizationFor({ token: tokenOf(settings) }, home.base) : {})
      },
      tokenFile: settings.tokenFile,
      tls: tlsOf(settings)?.files,
      body: Json.stringify(registration.body)
    },
    serversAway: http.away,
    claimPatience: (serverUrl) =>
      baseOf({ serverUrl }) === home.base ? Duration.infinity : strangerPatience,
    claim: (notification, attempt) => {
      const request = claimRequest(notification)
      return askUntilThere(http, request, (answer) => readClaim(answer, notification, attempt))
    },
    owner: (command) =>
      Effect.map(http.send(claimRequest(command)), (answer) =>
        ownerOf(readClaim(answer, notificationOf(command), command.attempt), worker.name)
      ),
    report: (command, event, { mayBeThere }) =>
      dialect.report(serverOf(command), { command, event, workerName: worker.name, mayBeThere }),
    cancelled: (command) => dialect.isCancelled(serverOf(command), command.executionId),
    credential: (name, scope) => dialect.credential(serverOf(scope), name),
    keychain: (name, scope) => dialect.keychain(serverOf(scope), name, scope),
    playbook: (scope) => dialect.playbook(serverOf(scope), scope),
    startChild: (options) =>
      Effect.tap(
        dialect.startChild(serverOf(options.parent), {
          ...options,
          isKnown: (child) => children.get(child) === true
        }),
        ({ executionId }) => Effect.sync(() => children.set(executionId, true))
      ),
    childStatus: (parent, child) => dialect.childStatus(serverOf(parent), child),
    childResult: (parent, child, step) => dialect.childResult(serverOf(parent), child, step)
  })
})

// --- helpers ---

interface Where {
  readonly serverUrl: string | undefined
}

/**
 * Where to talk about a command: the configured server, or the one that its message names where the operator allows it. A
 * message must not be able to choose where this worker sends requests and whose commands it runs.
 */
const baseReader = (allowed: ReadonlyArray<string>, home: string) => {
  const origins = new Set(allowed.map(originOf))
  // Messages name the same server again and again.
  let last = { named: "", base: home }
  return ({ serverUrl }: Where): string => {
    if (origins.size === 0 || serverUrl === undefined) return home
    if (serverUrl !== last.named) {
      const origin = originOf(serverUrl)
      const isAllowed = origin !== undefined && origins.has(origin)
      last = { named: serverUrl, base: isAllowed ? normalizedUrl(serverUrl) : home }
    }
    return last.base
  }
}

const tokenOf = ({ serverUrl, token, tokenFile }: Settings): Token | undefined => {
  const origin = originOf(serverUrl)
  return (token === undefined && tokenFile === undefined) || origin === undefined
    ? undefined
    : { origin, read: tokenReader(tokenFile, token) }
}

const tlsOf = ({ serverUrl, tls }: Settings) => {
  const origin = originOf(serverUrl)
  return tls === undefined || isEmpty(tls) || origin === undefined ? undefined : { origin, files: tls }
}

/** How long a server that only messages name may leave a claim without an answer. */
const strangerPatience = Duration.minutes(10)

/**
 * The name on the wire is an incarnation: under a name that a crashed process had, the server would keep its claims
 * from all workers, this one included, for half an hour.
 */
const identityOf = (settings: Settings): WorkerIdentity => ({
  name: settings.workerIdIsGenerated
    ? settings.workerId
    : `${settings.workerId}-${randomBytes(3).toString("hex")}`,
  pool: settings.pool,
  capacity: settings.capacity,
  hostname: hostname(),
  pid: process.pid
})

/** A worker without the right dialect would take commands from a pool that works, and hold them. */
const refuseOthers = (home: Endpoint) =>
  Effect.flatMap(generationAt(home), (generation) =>
    generation === "python2" || generation === "unknown"
      ? Effect.void
      : Effect.fail(
          new ControlPlaneError({
            operation: "register",
            reason: new Unsupported({
              detail:
                `${shownUrl(home.base)} is ${generationNames[generation]}, and this worker speaks with Python servers of 2.8 to 2.10: ` +
                "use the worker of that server, or set NOETL_PROTOCOL=python2 if this is wrong"
            })
          })
        )
  )

/** Deregisters earlier incarnations of this worker on this host, which frees their claims at once. */
const deregisterPreviousIncarnations = Effect.fnUntraced(
  function* (dialect: Dialect, home: Endpoint, settings: Settings, worker: WorkerIdentity) {
    if (settings.workerIdIsGenerated) return
    const isMine = (name: string) =>
      name !== worker.name &&
      name.startsWith(`${settings.workerId}-`) &&
      /^[0-9a-f]{6}$/.test(name.slice(settings.workerId.length + 1))
    for (const { hostname: host, name } of yield* dialect.registeredWorkers(home)) {
      if (!isMine(name) || (host !== undefined && host !== worker.hostname)) continue
      yield* Effect.logInfo(`deregistering ${name}, an earlier incarnation of this worker on this host`)
      const operation = "deregister an earlier incarnation"
      yield* sendOk(home.http, { ...dialect.deregistration(home.base, name), operation })
    }
  },
  Effect.catch((error) => Effect.logWarning(`earlier incarnations stay registered: ${error.message}`))
)

/** A command that is not there yet may be on its way: a message can be faster than its row. */
const askUntilThere = <A>(
  http: HttpJson["Service"],
  request: Request,
  read: (answer: Answer) => A
): Effect.Effect<A, ControlPlaneError> => {
  const ask = (asksAgain: number): Effect.Effect<A, ControlPlaneError> =>
    Effect.callback((resume) =>
      Effect.sync(
        http.start(request, (answered) => {
          if (Exit.isFailure(answered)) return resume(Exit.failCause(answered.cause))
          const answer = answered.value
          if (answer.status !== 404 || asksAgain === 0) return resume(Effect.sync(() => read(answer)))
          resume(Effect.delay(ask(asksAgain - 1), "1 second"))
        })
      )
    )
  return ask(2)
}

const notificationOf = (command: Command): Notification => ({
  executionId: command.executionId,
  eventId: command.eventId,
  commandId: command.commandId,
  step: command.step,
  serverUrl: command.serverUrl,
  pool: undefined,
  traceparent: undefined
})

const ownerOf = (claim: Claim, name: string): Owner => {
  switch (claim._tag) {
    case "Claimed":
      return Owner.Ours()
    case "HeldElsewhere":
      return claim.owner === name
        ? Owner.Ours()
        : claim.owner === undefined
          ? Owner.Unknown()
          : Owner.Other({ name: claim.owner })
    case "AlreadyDone":
    case "Rejected":
      return Owner.Ended()
    case "RetryLater":
      return Owner.Unknown()
  }
}
