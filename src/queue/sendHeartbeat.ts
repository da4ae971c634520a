/** One heartbeat over HTTP, with the token and the certificates as their files hold them now. */
import { readFile } from "node:fs/promises"
import { request as plain } from "node:http"
import { request as secure } from "node:https"
import type { TimedHeartbeat } from "./leaseProtocol.ts"

/** The status of the answer. */
export const sendHeartbeat = async (heartbeat: TimedHeartbeat): Promise<number> => {
  const token =
    heartbeat.tokenFile === undefined ? undefined : (await readFile(heartbeat.tokenFile, "utf8")).trim()
  const options = {
    method: "POST",
    headers: {
      ...heartbeat.headers,
      "content-length": Buffer.byteLength(heartbeat.body),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
    },
    signal: AbortSignal.timeout(Math.min(heartbeat.everyMillis, 10_000))
  }
  const tls = await pemOf(heartbeat)
  return new Promise((resume, fail) => {
    const request = heartbeat.url.startsWith("https:")
      ? secure(heartbeat.url, { ...options, ...tls })
      : plain(heartbeat.url, options)
    request.on("error", fail)
    request.on("response", (answer) => {
      answer.resume()
      answer.on("error", fail)
      answer.on("end", () => resume(answer.statusCode ?? 0))
    })
    request.end(heartbeat.body)
  })
}

const pemOf = async ({ tls }: TimedHeartbeat) => ({
  ...(tls?.caFile === undefined ? {} : { ca: await readFile(tls.caFile) }),
  ...(tls?.certFile === undefined ? {} : { cert: await readFile(tls.certFile) }),
  ...(tls?.keyFile === undefined ? {} : { key: await readFile(tls.keyFile) })
})
