/** The NoETL server over HTTP: one client for all generations, which differ in their `Dialect`. */
import { Duration, Effect, Layer, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { hostname } from "node:os"
import type { Command } from "../../domain/Command.ts"
import type { ExecutionId } from "../../domain/Ids.ts"
import * as Json from "../../domain/Json.ts"
import { shownUrl } from "../../domain/shownUrl.ts"
import type { Notification } from "../../domain/Notification.ts"
import { ControlPlane, type ControlPlaneError, Owner, type TlsFiles } from "../ControlPlane.ts"
import { childResult, childStatus, startChild } from "./children.ts"
import type { Dialect, WorkerIdentity } from "./Dialect.ts"
import {
  type Answer,
  authorizationFor,
  HttpJson,
  normalizedUrl,
  objectOf,
  originOf,
  type Token
} from "./HttpJson.ts"
import { isEmpty, tokenReader } from "./identity.ts"
import { playbook } from "./catalog.ts"
import { credential, keychain } from "./secrets.ts"
import { python2 } from "./python2.ts"
import { sendOk } from "./readBack.ts"

export interface Settings {
  /** Where to register, and where to report when a message names no server or is not believed. */
  readonly serverUrl: string
  /** Whether the server that a message names is the one to talk to about its command. */
  readonly honourMessageUrl: boolean
  readonly workerId: string
  /** A worker id that nobody chose is an incarnation already. */
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
        timeoutMillis: Duration.toMillis(settings.timeout),
        connections: Math.max(16, settings.capacity * 2)
      })
    )
  )

const make = Effect.fnUntraced(function* (settings: Settings) {
  const http = yield* HttpJson
  const dialect: Dialect = python2
  const home = normalizedUrl(settings.serverUrl)
  const worker = identityOf(settings)
  const seen = { repairs: false }
  const baseOf = baseReader(settings.honourMessageUrl, home)
  const registration = dialect.registration(worker)
  const post = (operation: string, url: string, body: Json.JsonObject) =>
    sendOk(http, { operation, method: "POST", url, body })
  const register = post("register", `${home}/api/worker/pool/register`, registration)

  const askToClaim = (where: { readonly eventId: string; readonly serverUrl: string | undefined }) =>
    http
      .send({
        operation: "claim",
        method: "POST",
        url: `${baseOf(where)}/api/commands/${where.eventId}/claim`,
        body: { worker_id: worker.name }
      })
      .pipe(
        Effect.tap((answer) =>
          Effect.sync(() => {
            // Only servers that publish again when an owner dies answer claims from a cache.
            // A granted claim is not looked through: it carries the whole context.
            if (answer.status === 409 && Json.stringify(answer.body).includes("cache_fast_path"))
              seen.repairs = true
          })
        )
      )

  return ControlPlane.of({
    name: "noetl",
    address: shownUrl(home),
    workerName: worker.name,
    republishesOrphans: Effect.sync(() => seen.repairs),
    register: Effect.andThen(register, dropEarlierLives(http, home, settings, worker)).pipe(Effect.asVoid),
    deregister: Effect.asVoid(
      post("deregister", `${home}/api/worker/pool/deregister`, { name: worker.name })
    ),
    heartbeat: Effect.asVoid(register),
    heartbeatRequest: {
      url: `${home}/api/worker/pool/register`,
      headers: {
        "content-type": "application/json",
        ...(settings.tokenFile === undefined ? authorizationFor({ token: tokenOf(settings) }, home) : {})
      },
      tokenFile: settings.tokenFile,
      tls: tlsOf(settings)?.files,
      body: Json.stringify(registration)
    },
    claimPatience: (serverUrl) => (baseOf({ serverUrl }) === home ? Duration.infinity : strangerPatience),
    claim: (notification, attempt) => claim(askToClaim, dialect, notification, attempt),
    owner: (command) =>
      Effect.map(askToClaim(command), (answer) => ownerOf(dialect, answer, command, worker.name)),
    report: (command, event, { mayBeThere }) =>
      dialect.report(http, baseOf(command), worker.name, command, event, mayBeThere),
    cancelled: (command) =>
      http
        .send({
          operation: "ask for a cancellation",
          method: "GET",
          url: `${baseOf(command)}/api/executions/${command.executionId}/cancellation-check`
        })
        .pipe(Effect.map((answer) => objectOf(answer)["cancelled"] === true)),
    credential: (name, scope) => credential(http, baseOf(scope), name),
    keychain: (name, scope) => keychain(http, baseOf(scope), name, scope),
    playbook: (scope) => playbook(http, baseOf(scope), scope),
    startChild: (options) => startChild(http, baseOf(options.parent), options),
    childStatus: (parent, child: ExecutionId) => childStatus(http, baseOf(parent), child),
    childResult: (parent, child: ExecutionId, step) => childResult(http, baseOf(parent), child, step)
  })
})

// --- helpers ---

/** Where to talk about a command. Its messages name the same server again and again. */
const baseReader = (honourMessageUrl: boolean, home: string) => {
  let last = { named: "", base: home }
  return ({ serverUrl }: { readonly serverUrl: string | undefined }): string => {
    if (!honourMessageUrl || serverUrl === undefined) return home
    if (serverUrl !== last.named) {
      const base = originOf(serverUrl) === undefined ? home : normalizedUrl(serverUrl)
      last = { named: serverUrl, base }
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
 * from everybody, us included, for half an hour.
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

/** Deregisters earlier incarnations of this worker on this host, which frees their claims at once. */
const dropEarlierLives = Effect.fnUntraced(
  function* (http: HttpJson["Service"], home: string, settings: Settings, worker: WorkerIdentity) {
    if (settings.workerIdIsGenerated) return
    const answer = yield* sendOk(http, {
      operation: "list workers",
      method: "GET",
      url: `${home}/api/worker/pools`
    })
    const items = objectOf(answer)["items"]
    const isMine = (name: string) =>
      name.startsWith(`${settings.workerId}-`) &&
      /^[0-9a-f]{6}$/.test(name.slice(settings.workerId.length + 1))
    for (const item of Array.isArray(items) ? items.filter(Json.isObject) : []) {
      const name = typeof item["name"] === "string" ? item["name"] : ""
      const host =
        item["hostname"] ?? (Json.isObject(item["runtime"]) ? item["runtime"]["hostname"] : undefined)
      if (
        name === worker.name ||
        !isMine(name) ||
        (host !== undefined && host !== null && host !== worker.hostname)
      ) {
        continue
      }
      yield* Effect.logInfo(`deregistering ${name}, an earlier life of this worker on this host`)
      yield* sendOk(http, {
        operation: "deregister an earlier life",
        method: "POST",
        url: `${home}/api/worker/pool/deregister`,
        body: { name }
      })
    }
  },
  Effect.catch((error) => Effect.logWarning(`earlier lives stay registered: ${error.message}`))
)

/** A command that is not there yet may be on its way: a message can be faster than its row. */
const claim = Effect.fnUntraced(function* (
  ask: (notification: Notification) => Effect.Effect<Answer, ControlPlaneError>,
  dialect: Dialect,
  notification: Notification,
  attempt: number
) {
  for (let more = 2; ; more--) {
    const answer = yield* ask(notification)
    if (answer.status !== 404 || more === 0) return dialect.claimOf(answer, notification, attempt)
    yield* Effect.sleep("1 second")
  }
})

const ownerOf = (dialect: Dialect, answer: Answer, command: Command, name: string): Owner => {
  const said = dialect.claimOf(
    answer,
    {
      executionId: command.executionId,
      eventId: command.eventId,
      commandId: command.commandId,
      step: command.step,
      serverUrl: command.serverUrl,
      pool: undefined,
      traceparent: undefined
    },
    command.attempt
  )
  switch (said._tag) {
    case "Claimed":
      return Owner.Ours()
    case "HeldElsewhere":
      return said.owner === name
        ? Owner.Ours()
        : said.owner === undefined
          ? Owner.Unknown()
          : Owner.Other({ name: said.owner })
    case "AlreadyDone":
    case "Rejected":
      return Owner.Ended()
    case "RetryLater":
      return Owner.Unknown()
  }
}
