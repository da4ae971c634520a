/** The NoETL server: reached, one that we speak with, its clock ours. */
import { Effect, Redacted } from "effect"
import { Agent, request } from "undici"
import type { Values } from "../config/settings.ts"
import { redacted } from "../config/load.ts"
import { connectorOf, tokenReader } from "../control-plane/noetl/identity.ts"
import { isObject, parse } from "../domain/Json.ts"
import { type Check, type Facts, type Finding, fullMessageOf, ok, problem, warning } from "./Finding.ts"

export const server: Check = (facts) =>
  facts.values.controlPlane !== "noetl" ? Effect.succeed([]) : Effect.promise(() => look(facts))

const look = async ({ now, values }: Facts): Promise<ReadonlyArray<Finding>> => {
  const agent = new Agent({
    connect: connectorOf({ caFile: values.serverCa, certFile: values.serverCert, keyFile: values.serverKey }),
    headersTimeout: 10_000
  })
  try {
    const answer = await ask(agent, values, "/api/worker/pools")
    return [await judge(agent, values, answer), ...clock(answer.date, now)]
  } catch (cause) {
    return [unreached(values, fullMessageOf(cause))]
  } finally {
    await agent.destroy()
  }
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly date: string | undefined
}

const ask = async (agent: Agent, values: Values, path: string): Promise<Answer> => {
  const token = tokenReader(values.serverTokenFile, redacted(values.serverToken))()
  const url = `${values.serverUrl.replace(/(\/+(api)?)+$/i, "")}${path}`
  const { body, headers, statusCode } = await request(url, {
    dispatcher: agent,
    signal: AbortSignal.timeout(10_000),
    headers: token === undefined ? {} : { authorization: `Bearer ${Redacted.value(token)}` }
  })
  const date = headers["date"]
  return { status: statusCode, text: await body.text(), date: typeof date === "string" ? date : undefined }
}

const judge = async (agent: Agent, values: Values, answer: Answer): Promise<Finding> => {
  const about = "server"
  const { serverUrl } = values
  if (answer.status === 401 || answer.status === 403)
    return problem(
      about,
      `${serverUrl} does not let us in (HTTP ${answer.status})`,
      "correct NOETL_SERVER_TOKEN or NOETL_SERVER_TOKEN_FILE"
    )
  if (answer.status === 429 || answer.status === 503)
    return warning(
      about,
      `${serverUrl} has too much to do (HTTP ${answer.status})`,
      "wait, or give the server more"
    )
  if (answer.status >= 500)
    return problem(
      about,
      `${serverUrl} fails (HTTP ${answer.status})`,
      "see the server's log; its database may be away"
    )
  const parsed = parse(answer.text)
  const listed =
    parsed._tag === "Success" && isObject(parsed.success) && Array.isArray(parsed.success["items"])
  if (answer.status === 200 && listed) return ok(about, `${serverUrl} is a NoETL server`)
  const health = await ask(agent, values, "/api/health")
  return health.status === 200
    ? problem(
        about,
        `${serverUrl} is a server of another generation: it lists no workers (HTTP ${answer.status})`,
        "use a server of 2.8 to 2.10, or the worker that belongs to this one"
      )
    : problem(
        about,
        `${serverUrl} is no NoETL server (HTTP ${answer.status})`,
        "correct NOETL_SERVER_URL: a proxy or another program answers there"
      )
}

const unreached = (values: Values, cause: string): Finding => {
  const about = "server"
  const where = values.serverUrl
  if (/ENOTFOUND|EAI_AGAIN/.test(cause))
    return problem(
      about,
      `the host of ${where} is not known (${cause})`,
      "correct NOETL_SERVER_URL, or the cluster's DNS"
    )
  if (/certificate|tls|ssl|self.signed|issuer|alert|PEM/i.test(cause))
    return problem(
      about,
      `no TLS with ${where} (${cause})`,
      "set NOETL_TLS_CA to the server's authority, and NOETL_TLS_CLIENT_CERT and _KEY where it asks for a certificate"
    )
  return problem(
    about,
    `${where} cannot be reached (${cause})`,
    "start the server, correct NOETL_SERVER_URL, or open the network between"
  )
}

const clock = (date: string | undefined, now: number): ReadonlyArray<Finding> => {
  const theirs = date === undefined ? Number.NaN : Date.parse(date)
  const seconds = Math.round(Math.abs(theirs - now) / 1000)
  return seconds > 5
    ? [
        problem(
          "clock",
          `the server's clock and ours are ${seconds} s apart`,
          "let both keep their time by NTP: leases and tokens go by it"
        )
      ]
    : []
}
