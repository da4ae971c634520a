/** The NoETL server: reached, one that we speak with, its clock like ours. */
import { Effect, Redacted } from "effect"
import { Agent, request } from "undici"
import { type Check, type Finding, fullMessageOf, ok, problem, warning } from "../../domain/Finding.ts"
import { isObject, parse } from "../../domain/Json.ts"
import { shownUrl } from "../../domain/shownUrl.ts"
import type { TlsFiles } from "../ControlPlane.ts"
import { generationNames, isRust, pythonGeneration } from "./generation.ts"
import { connectorOf, tokenReader } from "./identity.ts"

export interface Checked {
  readonly serverUrl: string
  readonly token: Redacted.Redacted | undefined
  readonly tokenFile: string | undefined
  readonly tls: TlsFiles
}

export const check =
  (checked: Checked): Check =>
  (now) =>
    Effect.promise(() => examine(checked, now))

const examine = async (checked: Checked, now: number): Promise<ReadonlyArray<Finding>> => {
  const agent = new Agent({
    connect: connectorOf(checked.tls),
    headersTimeout: 10_000
  })
  try {
    const answer = await ask(agent, checked, "/api/worker/pools")
    return [await judge(agent, checked, answer), ...clock(answer.date, now)]
  } catch (cause) {
    return [unreached(checked, fullMessageOf(cause))]
  } finally {
    await agent.destroy()
  }
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly date: string | undefined
}

const ask = async (agent: Agent, checked: Checked, path: string): Promise<Answer> => {
  const token = tokenReader(checked.tokenFile, checked.token)()
  const url = `${checked.serverUrl.replace(/(\/+(api)?)+$/i, "")}${path}`
  const { body, headers, statusCode } = await request(url, {
    dispatcher: agent,
    signal: AbortSignal.timeout(10_000),
    headers: token === undefined ? {} : { authorization: `Bearer ${Redacted.value(token)}` }
  })
  const date = headers["date"]
  return { status: statusCode, text: await body.text(), date: typeof date === "string" ? date : undefined }
}

const judge = async (agent: Agent, checked: Checked, answer: Answer): Promise<Finding> => {
  const about = "server"
  const serverUrl = shownUrl(checked.serverUrl)
  if (answer.status === 401 || answer.status === 403)
    return problem(
      about,
      `${serverUrl} refuses this token (HTTP ${answer.status})`,
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
  if (answer.status === 200 && listed) return await generation(agent, checked, serverUrl)
  const health = await ask(agent, checked, "/api/health")
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

/** A server that lists workers may still be of a generation without a dialect here. */
const generation = async (agent: Agent, checked: Checked, serverUrl: string): Promise<Finding> => {
  const document = parse((await ask(agent, checked, "/openapi.json")).text)
  const health = parse((await ask(agent, checked, "/api/health")).text)
  const bodyOf = (parsed: typeof document) => ({ body: parsed._tag === "Success" ? parsed.success : null })
  const found = isRust(bodyOf(health)) ? "rust3" : pythonGeneration(bodyOf(document))
  return found === "python2" || found === "unknown"
    ? ok("server", `${serverUrl} is a NoETL server`)
    : problem(
        "server",
        `${serverUrl} is ${generationNames[found]}, and this worker has no dialect for it`,
        "use a server of 2.8 to 2.10, or the worker that belongs to this one"
      )
}

const unreached = (checked: Checked, cause: string): Finding => {
  const about = "server"
  const where = shownUrl(checked.serverUrl)
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
