/**
 * Every decoder of text from outside, by what it reads. A target returns or refuses with the error that it is documented to
 * refuse with; anything else is a finding.
 */
import { Effect, Exit, Result, Schema } from "effect"
import { headers } from "@nats-io/transport-node"
import { load } from "../../src/config/load.ts"
import { childResult, childStatus } from "../../src/control-plane/noetl/children.ts"
import type { Endpoint } from "../../src/control-plane/noetl/Dialect.ts"
import { fromStart, normalizedUrl } from "../../src/control-plane/noetl/HttpJson.ts"
import { originOf } from "../../src/control-plane/noetl/identity.ts"
import { claimOf } from "../../src/control-plane/noetl/pythonClaim.ts"
import { findEvent, wentOn } from "../../src/control-plane/noetl/readBack.ts"
import { credential, keychain } from "../../src/control-plane/noetl/secrets.ts"
import { authShapeOf } from "../../src/credentials/authShapes.ts"
import { parseFile } from "../../src/credentials/CredentialSource.ts"
import { secretsOf } from "../../src/secrets/secretsOf.ts"
import * as Json from "../../src/domain/Json.ts"
import * as Notification from "../../src/domain/Notification.ts"
import { planOf } from "../../src/job/pipeline/Task.ts"
import { rulesOf } from "../../src/job/pipeline/Rule.ts"
import { messaging } from "../../src/tools/credentialFields.ts"
import { credentialFields as postgresFields } from "../../src/tools/postgres/credential.ts"
import { credentialFields as snowflakeFields } from "../../src/tools/snowflake/credential.ts"
import { traceParent } from "../../src/job/traced.ts"
import { shownUrl } from "../../src/domain/shownUrl.ts"
import { letterOf } from "../../src/queue/nats/deadLetters.ts"
import { externalised, pointerOf } from "../../src/results/reference.ts"
import { levelsOf } from "../../src/telemetry/levels.ts"
import { Fault } from "../../src/template/Fault.ts"
import { parseBare, parseTemplate } from "../../src/template/parseTemplate.ts"
import { Template } from "../../src/template/Template.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { classOf, isWithin } from "../../src/domain/addresses.ts"
import { valueOf } from "../../src/tools/http/content.ts"
import { Egress } from "../../src/tools/http/Egress.ts"
import { proxyOf } from "../../src/tools/http/proxy.ts"
import { nextHop } from "../../src/tools/http/redirect.ts"
import { retryAfterOf } from "../../src/tools/http/retryAfter.ts"
import { Engine } from "../../src/tools/rhai/Engine.ts"
import { RhaiError } from "../../src/tools/rhai/language/RhaiError.ts"
import { Config as ScriptConfig } from "../../src/tools/script/ScriptConfig.ts"
import { split } from "../../src/tools/sql/split.ts"
import { columnsOf } from "../../src/tools/transfer/copyText.ts"
import { valueAt } from "../../src/tools/transfer/path.ts"

export type Target = (text: string, pick: <A>(from: ReadonlyArray<A>) => A) => unknown

/** A refusal is an answer. */
const refusing =
  (isRefusal: (cause: unknown) => boolean, read: Target): Target =>
  (text, pick) => {
    try {
      return read(text, pick)
    } catch (cause) {
      if (isRefusal(cause)) return undefined
      throw cause
    }
  }

const decoded = Notification.decode(
  '{"execution_id":"9007199254740993","event_id":"2","command_id":"3","step":"s","server_url":"http://x/api"}'
)
if (decoded._tag === "Failure") throw new Error("the corpus does not read")
const notification = decoded.success

const jsonOf = (text: string): Json.Json => Result.getOrElse(Json.parse(text), () => text)
const objectOf = (text: string): Json.JsonObject => {
  const value = jsonOf(text)
  return Json.isObject(value) ? value : { value }
}
const sources = { flags: new Map<string, string>(), env: {}, dotenv: undefined, file: undefined }
const context = { a: [1, "x", null], b: { c: 2n ** 70n }, text: "é" }
const template = Effect.runSync(Effect.provide(Template, Template.layer))
const egress = Effect.runSync(Effect.provide(Egress, Egress.layerWith({})))
const rhai = new Engine({})

/** A server that answers everything with this. */
const serverThatSays = (text: string, status: number): Endpoint => ({
  base: "http://s",
  http: fromStart((_, done) => {
    done(Exit.succeed({ status, body: jsonOf(text), retryAfter: undefined }))
    return () => {}
  })
})
/** Fails or succeeds, but breaks nothing. */
const ends = (effect: Effect.Effect<unknown, unknown>): unknown => {
  const exit = Effect.runSyncExit(Effect.result(effect))
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  return exit.value
}
/** The same for what imports a library on first use. */
const endsLater = async (effect: Effect.Effect<unknown, unknown>): Promise<void> => {
  const exit = await Effect.runPromiseExit(Effect.result(effect))
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
}
const scriptConfig = Schema.decodeUnknownResult(ScriptConfig)

export const targets: Readonly<Record<string, Target>> = {
  notification: (text) => Notification.decode(text),
  json: (text) => Json.parse(text),
  "json, written and read again": (text) => {
    const value = Json.parse(text)
    if (value._tag === "Failure") return
    const again = Result.getOrThrow(Json.parse(Json.stringify(value.success)))
    if (Json.stringify(again) !== Json.stringify(value.success)) throw new Error("it is another value")
  },
  toml: (text) => load({ ...sources, file: { path: "fuzz.toml", text } }),
  dotenv: (text) => load({ ...sources, dotenv: { path: ".env", text } }),
  environment: (text) =>
    load({
      ...sources,
      env: { WORKER_KIND_LIMITS: text, NATS_URL: text, WORKER_GRACE_SECONDS: text, WORKER_EGRESS_ALLOW: text }
    }),
  "log level": (text) => levelsOf(text),
  claim: (text, pick) =>
    claimOf(
      { status: pick([200, 201, 404, 409, 429, 500, 503]), body: jsonOf(text), retryAfter: undefined },
      notification,
      1
    ),
  "server's URL": (text) => [originOf(text), normalizedUrl(text)],
  "broker's URL": (text) => shownUrl(text),
  traceparent: (text) => traceParent(text),
  "result reference": (text) => [pointerOf(jsonOf(text)), externalised(jsonOf(text))],
  tasks: (text) => planOf(aCommand(1, { kind: "task_sequence", config: jsonOf(text) })),
  rules: (text) => rulesOf(objectOf(text), "spec"),
  credentials: (text, pick) => {
    const value = objectOf(text)
    authShapeOf(value)
    secretsOf(value)
    return pick([postgresFields, snowflakeFields, messaging])(value)
  },
  "credentials file": (text) => endsLater(parseFile("fuzz.yaml", text)),
  "server's answer": (text, pick) => {
    const server = serverThatSays(text, pick([200, 200, 200, 404, 409, 422, 500]))
    const command = aCommand()
    for (const asked of [
      findEvent(server, command, "call.done"),
      wentOn(server, command, "1"),
      childStatus(server, command.executionId),
      childResult(server, command.executionId, "end"),
      credential(server, "pg"),
      keychain(server, "k", { ...command, catalogId: undefined })
    ])
      ends(asked)
    return undefined
  },
  "dead letter": (text, pick) => {
    const header = headers()
    try {
      header.set(pick(["Noetl-Reason", "Noetl-Attempts", "Noetl-At"]), text)
    } catch {
      // Nor does a server store a header with a line break.
      return undefined
    }
    return letterOf({ seq: 1, data: Buffer.from(text), string: () => text, header })
  },
  script: (text) => scriptConfig(objectOf(text)),
  template: refusing((cause) => cause instanceof Fault, parseTemplate),
  condition: refusing((cause) => cause instanceof Fault, parseBare),
  "template, rendered": (text) => Effect.runSync(Effect.result(template.render(text, { layers: [context] }))),
  rhai: refusing(
    (cause) => cause instanceof RhaiError,
    (text) => rhai.compile(text)
  ),
  sql: (text) => split(text),
  "copied line": (text) => columnsOf(text),
  path: (text) => valueAt(objectOf(text), text.slice(0, 40)),
  "retry-after": (text) => retryAfterOf(text, text),
  "answer's body": (text, pick) =>
    valueOf(
      Buffer.from(text),
      pick([undefined, "application/json", text, `text/x; charset=${text}`]),
      "auto"
    ),
  redirect: (text) =>
    nextHop({ method: "POST", url: new URL("http://a/b?c"), headers: {}, body: undefined }, 302, text, []),
  "address and proxy": (text) => {
    const url = URL.canParse(text) ? new URL(text) : new URL("http://a/")
    return [
      egress.checkUrl(url),
      classOf(text),
      isWithin("10.0.0.1", text),
      proxyOf({ http: text, https: text, no: text }, url)
    ]
  }
}
